using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Suite;

/// <summary>What is told at the time limit of a question that does not succeed.</summary>
internal static class Limits
{
    /// <summary>Asks with a short limit, and with longer ones where so little time was left on a busy machine that nobody has answered in it.</summary>
    public static async Task<StartupException> RefusedAsync(KafkaConnection connection, Func<KafkaTopics, Task> ask, Func<bool>? hasAskedEnough = null)
    {
        foreach (var seconds in new[] { 0.5, 5 })
        {
            if (await RefusedAsync(connection, ask, seconds) is var refused && !refused.Message.StartsWith("no broker answers", StringComparison.Ordinal)
                && hasAskedEnough?.Invoke() != false) return refused;
        }
        return await RefusedAsync(connection, ask, 30);
    }

    private static async Task<StartupException> RefusedAsync(KafkaConnection connection, Func<KafkaTopics, Task> ask, double seconds)
    {
        using var topics = new KafkaTopics(connection, NullLogger.Instance) { Timeout = TimeSpan.FromSeconds(seconds) };
        return await Assert.ThrowsAsync<StartupException>(() => ask(topics));
    }
}
