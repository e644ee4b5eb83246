using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Pipelines.Commands.Topics;

/// <summary>Finds topics for commands, and says plainly what is wrong where they cannot be found.</summary>
internal static class TopicLookup
{
    /// <exception cref="StartupException">No broker answers, or the topic does not exist.</exception>
    public static async Task<KafkaTopic> FindAsync(KafkaTopics topics, KafkaConnection connection, string name, CancellationToken cancellation)
    {
        // A broker that is away is told sooner than by a question about one topic.
        await topics.CheckReachableAsync(cancellation);
        return await topics.FindAsync(name, cancellation)
            ?? throw new StartupException($"topic '{name}' does not exist on {connection.Bootstrap}\n  what there is:                ./engine topic list --bootstrap {connection.Bootstrap}");
    }
}
