using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// The topics that a replay is about to write for the first time: rows of another replay between its own would make every comparison wrong. What counts is what was
/// committed. A replay that was killed in its first epoch leaves aborted records there, and the marker that aborts them, and can be started again. What lies in an open
/// transaction is neither yet: it may be the first epoch of another replay, which no manifest tells of, and is waited for.
/// </summary>
internal sealed class ReplayTarget(KafkaConnection connection, ReplayDefinition replay, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan LongestOpen = TimeSpan.FromSeconds(60);

    /// <summary>Brokers look for transactions that are over their time every ten seconds.</summary>
    private static readonly TimeSpan Abort = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Call = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>For the search through what was aborted, which is as long as that is.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For transactions that are open, over all topics: as long as one of this pipeline's can be, up to a minute, and until the broker has ended it.</summary>
    public TimeSpan OpenPatience { get; init; } = (replay.Definition.TransactionTimeout < LongestOpen ? replay.Definition.TransactionTimeout : LongestOpen) + Abort;

    /// <summary>How a topic is read.</summary>
    public Func<ReadRequest, CancellationToken, IAsyncEnumerable<TopicRecord>> Read { get; init; } = new TopicReader(connection).ReadAsync;

    /// <exception cref="StartupException">Somebody else has written there, or may be about to.</exception>
    public async Task CheckAsync(KafkaTopics topics, CancellationToken cancellation)
    {
        await RefuseKnownAsync(cancellation);
        var began = time.GetTimestamp();
        foreach (var output in replay.Outputs)
        {
            if (await topics.FindAsync(output, cancellation) is not { } topic || !await IsWrittenAsync(topics, topic, began, cancellation)) continue;
            // What was waited for may have been a replay that is known by now.
            await RefuseKnownAsync(cancellation);
            throw new StartupException($"topic '{output}' is not empty: it holds what no known replay has written\n  write elsewhere:    --into shadow2\n  or delete it:       ./engine topic delete {output}");
        }
    }

    private async Task RefuseKnownAsync(CancellationToken cancellation)
    {
        foreach (var other in await ReplayCatalog.ListAsync(connection, replay.Live.Definition.QualifiedName, time, logger, cancellation))
            if (other.Bounds.Into == replay.Into)
                throw new StartupException($"replay {other.Id} writes into '{replay.Into}' already\n  forget it, with its outputs:    ./engine replay cancel FILE --id {other.Id}\n  or write elsewhere:             --into shadow2");
    }

    /// <summary>Whether anything in the topic was committed, as soon as that is known: with an open transaction it may be known only later.</summary>
    private async Task<bool> IsWrittenAsync(KafkaTopics topics, KafkaTopic topic, long began, CancellationToken cancellation)
    {
        var searched = (await topics.OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation)).ToDictionary();
        for (var asked = 0; ; asked++)
        {
            var (isOpen, isNew) = (false, false);
            for (var partition = 0; partition < topic.Partitions; partition++)
            {
                var (stable, high) = await topics.EndsAsync(topic.Name, partition, cancellation);
                isOpen |= stable < high;
                isNew |= stable > searched[partition];
                searched[partition] = Math.Max(stable, searched[partition]);
            }
            if (isNew && await HasCommittedAsync(topic.Name, cancellation)) return true;
            if (!isOpen) return false;
            if (asked == 0)
            {
                logger.LogInformation("topic {Topic} has an open transaction; it is waited for, at most {Seconds:0} s", topic.Name, OpenPatience.TotalSeconds);
                await EndOwnAsync(cancellation);
            }
            else if (time.GetElapsedTime(began) >= OpenPatience)
                throw new StartupException($"topic '{topic.Name}' has an open transaction that did not end in {OpenPatience.TotalSeconds:0} s: whether somebody else writes there is not known\n  start again when it has ended\n  or write elsewhere:    --into shadow2");
            else await Task.Delay(Pause, time, cancellation);
        }
    }

    /// <summary>One that this replay left open when it was killed is not waited for: its successor ends it anyway.</summary>
    private Task EndOwnAsync(CancellationToken cancellation) => Task.Factory.StartNew(() =>
    {
        var definition = replay.Definition;
        try
        {
            using var producer = new TransactionalProducer(connection, new KafkaCommitLogOptions(definition.QualifiedName).TransactionalId, definition.TransactionTimeout,
                definition.MaxMessageBytes, logger, () => { });
            producer.InitTransactions(Call);
        }
        catch (KafkaClientException e)
        {
            throw new StartupException($"what replay {replay.Id} may have left open on {connection.Bootstrap} cannot be ended: {e.Message}\n  start again", e);
        }
    }, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private async Task<bool> HasCommittedAsync(string topic, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await foreach (var _ in Read(new ReadRequest(topic) { ReadCommitted = true, Max = 1 }, either.Token)) return true;
            return false;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new StartupException($"topic '{topic}' was not read to its end in {Patience.TotalSeconds:0} s: whether anything in it was committed is not known\n  write elsewhere:    --into shadow2\n  or delete it:       ./engine topic delete {topic}");
        }
        catch (KafkaException e)
        {
            throw new StartupException($"topic '{topic}' cannot be read: {e.Error.Reason}; whether anything in it was committed is not known\n  start again\n  or write elsewhere:    --into shadow2", e);
        }
    }
}
