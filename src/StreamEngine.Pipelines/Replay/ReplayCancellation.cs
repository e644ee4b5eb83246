using Microsoft.Extensions.Logging;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// Stops a replay wherever it runs and forgets it: that it is cancelled is said where it has taken its target, so that no process begins with it any more; its claim is
/// taken, so that a process that runs it is fenced and exits; then its topics, its outputs among them, and its group are deleted; only then its target is given free.
/// Cancelled once more after any failure it comes to the same end.
/// </summary>
internal static class ReplayCancellation
{
    public static async Task CancelAsync(PipelineDefinition live, ReplayState replay, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var connection = KafkaConnectors.ConnectionOf(live);
        var logger = loggers.CreateLogger<ReplayState>();
        var options = new KafkaCommitLogOptions(replay.Name) { TransactionTimeout = live.TransactionTimeout, IgnoreGroupOffsets = true, Host = Environment.MachineName,
            Process = Environment.ProcessId };
        using var topics = new KafkaTopics(connection, logger);
        var targets = new TargetLog(connection, replay.Bounds.Pipeline, time);
        // One that an engine before this one has finished holds nothing.
        var holder = (await targets.ReadAsync(topics, cancellation)).Of(replay.Bounds.Into) is { } held && held.Take.Replay == replay.Id ? held : null;
        if (holder is { IsCancelled: false }) await targets.CancelAsync(holder, cancellation);
        await using (var log = new KafkaCommitLog(connection, options, time, logger)) await log.OpenAsync(null, cancellation);
        foreach (var output in live.Sinks.Select(s => s.Topic).Append(live.DeadLetterTopic).Append(live.LateTopic).Distinct().Select(t => $"{replay.Bounds.Into}.{t}"))
            if (await topics.FindAsync(output, cancellation) is not null) await topics.DeleteAsync(output, cancellation);
        await KafkaCommitLog.ResetAsync(connection, replay.Name, logger, cancellation);
        if (holder is not null) await targets.ReleaseAsync(holder, cancellation);
    }
}
