using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// The topics that a replay is about to write for the first time: rows of another replay between its own would make every comparison wrong. What counts is what was
/// committed. A replay that was killed in its first epoch leaves aborted records there, and the marker that aborts them, and can be started again.
/// </summary>
internal sealed class ReplayTarget(KafkaConnection connection, ReplayDefinition replay, TimeProvider time, ILogger logger)
{
    /// <summary>For the search through what was aborted, which is as long as that is.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <exception cref="StartupException">Somebody else has written there.</exception>
    public async Task CheckAsync(KafkaTopics topics, CancellationToken cancellation)
    {
        foreach (var other in await ReplayCatalog.ListAsync(connection, replay.Live.Definition.QualifiedName, time, logger, cancellation))
            if (other.Bounds.Into == replay.Into)
                throw new StartupException($"replay {other.Id} writes into '{replay.Into}' already\n  forget it, with its outputs:    ./engine replay cancel FILE --id {other.Id}\n  or write elsewhere:             --into shadow2");
        foreach (var output in replay.Outputs)
        {
            if (await topics.FindAsync(output, cancellation) is not { } topic) continue;
            var first = await topics.OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation);
            var ends = await topics.OffsetsAsync(topic, StartPosition.Latest, 0, cancellation);
            if (ends.Any(e => e.Value > first[e.Key]) && await IsWrittenAsync(output, cancellation))
                throw new StartupException($"topic '{output}' is not empty: it holds what no known replay has written\n  write elsewhere:    --into shadow2\n  or delete it:       ./engine topic delete {output}");
        }
    }

    private async Task<bool> IsWrittenAsync(string topic, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await foreach (var _ in new TopicReader(connection).ReadAsync(new ReadRequest(topic) { ReadCommitted = true, Max = 1 }, either.Token)) return true;
            return false;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new StartupException($"topic '{topic}' was not read to its end in {Patience.TotalSeconds:0} s: whether anything in it was committed is not known\n  write elsewhere:    --into shadow2\n  or delete it:       ./engine topic delete {topic}");
        }
    }
}
