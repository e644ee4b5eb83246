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
/// transaction is neither yet: it may be the first epoch of a replay of another pipeline or an older engine, which nothing tells of, and is waited for. Of two that find
/// nothing at the same time one takes the target, and the other one is refused.
/// </summary>
internal sealed class ReplayTarget(KafkaConnection connection, ReplayDefinition replay, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan LongestOpen = TimeSpan.FromSeconds(60);

    /// <summary>Brokers look for transactions that are over their time every ten seconds.</summary>
    internal static readonly TimeSpan Abort = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Call = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly TargetLog _targets = new(connection, replay.Live.Definition.QualifiedName, time);

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

    /// <summary>Takes the target, as the last thing before it runs: what was refused for another reason is in nobody's way. One that it holds already it keeps.</summary>
    /// <exception cref="StartupException">Another replay holds it, which the message names.</exception>
    public async Task TakeAsync(KafkaTopics topics, CancellationToken cancellation)
    {
        var take = new TargetTake(replay.Id, replay.Into, replay.Range, Environment.MachineName, Environment.ProcessId, time.GetUtcNow());
        var holder = await _targets.TakeAsync(topics, take, replay.Definition.ReplicationFactor, cancellation);
        if (holder.Take.Replay != replay.Id)
        {
            // It may have committed something by now.
            var known = (await ListAsync(cancellation)).FirstOrDefault(r => r.Id == holder.Take.Replay);
            throw Refusal(known ?? ReplayState.Of(replay.Live.Definition.QualifiedName, holder));
        }
        if (holder.IsCancelled) throw new StartupException($"replay {replay.Id} is being cancelled, or was in part\n  cancel it to the end:    ./engine replay cancel FILE --id {replay.Id}");
    }

    /// <summary>
    /// Looks whether the target is still its own, when an incarnation has claimed its slot and has written nothing. Who cancels a replay says so first, and fences it
    /// then: one that was not fenced, since it claimed its slot later, sees here that it was cancelled.
    /// </summary>
    /// <exception cref="FencedException">It was cancelled.</exception>
    public async Task ConfirmAsync(CancellationToken cancellation)
    {
        using var topics = new KafkaTopics(connection, logger);
        var holder = (await _targets.ReadAsync(topics, cancellation)).Of(replay.Into);
        if (holder is { IsCancelled: false } && holder.Take.Replay == replay.Id) return;
        var now = holder is null || holder.Take.Replay == replay.Id ? "" : $": replay {holder.Take.Replay} writes into '{replay.Into}' now";
        throw new FencedException($"replay {replay.Id} was cancelled by somebody else{now}");
    }

    private async Task RefuseKnownAsync(CancellationToken cancellation)
    {
        // What it has taken itself it may go on with.
        foreach (var other in await ListAsync(cancellation))
            if (other.Bounds.Into == replay.Into && (other.Id != replay.Id || other.Last is not null)) throw Refusal(other);
    }

    private Task<IReadOnlyList<ReplayState>> ListAsync(CancellationToken cancellation) =>
        ReplayCatalog.ListAsync(connection, replay.Live.Definition.QualifiedName, time, logger, cancellation);

    private StartupException Refusal(ReplayState other)
    {
        var (why, goOn) = ("", "");
        if (other.Taken is { Range: var range } taken)
        {
            why = $": process {taken.Process} on {taken.Host} began with it at {taken.At:O}, and nothing was committed yet; where that does not run any more, its target stays taken until it is started again or cancelled";
            goOn = $"\n  go on with it:                  ./engine replay start FILE --from {Watermark.TextOf(range.From)} --to {Watermark.TextOf(range.To)} --into {taken.Into}";
        }
        return new StartupException($"replay {other.Id} writes into '{replay.Into}' already{why}{goOn}\n  forget it, with its outputs:    ./engine replay cancel FILE --id {other.Id}\n  or write elsewhere:             --into shadow2");
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
