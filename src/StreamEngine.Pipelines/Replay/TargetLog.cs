using Confluent.Kafka;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// The topic of one partition in which the replays of a pipeline take their targets. Its order decides, and is the same for everybody who reads it; clocks do not matter
/// (docs/decisions/the-order-of-a-topic-decides-who-has-a-target.md).
/// </summary>
internal sealed class TargetLog(KafkaConnection connection, string pipeline, TimeProvider time)
{
    /// <summary>The target topics of all pipelines end so.</summary>
    public const string Suffix = ".replay.targets";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public string Topic { get; } = pipeline + Suffix;

    /// <summary>Who holds which target; nobody where there is no such topic.</summary>
    /// <exception cref="StartupException">A record of the topic is none of this engine's.</exception>
    public Task<TargetHolders> ReadAsync(KafkaTopics topics, CancellationToken cancellation) => ReadAsync(topics, long.MaxValue, cancellation);

    private async Task<TargetHolders> ReadAsync(KafkaTopics topics, long to, CancellationToken cancellation)
    {
        var holders = new TargetHolders();
        if (await topics.FindAsync(Topic, cancellation) is null) return holders;
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await foreach (var record in new TopicReader(connection).ReadAsync(new ReadRequest(Topic) { Partition = 0 }, either.Token))
            {
                Add(holders, record);
                if (record.Offset >= to) break;
            }
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw Unread($"it was not read to its end in {Patience.TotalSeconds:0} s", e);
        }
        catch (KafkaException e)
        {
            throw Unread(e.Error.Reason, e);
        }
        return holders;
    }

    private StartupException Unread(string why, Exception cause) =>
        new($"topic '{Topic}' cannot be read: {why}; which replay writes where is not known\n  try it again", cause) { MayPass = true };

    private void Add(TargetHolders holders, TopicRecord record)
    {
        try
        {
            holders.Add(record.Offset, record.Value ?? []);
        }
        catch (FormatException e)
        {
            throw new StartupException($"{Topic}-0 offset {record.Offset}: {e.Message}", e);
        }
    }

    /// <summary>Takes a target where it is free; answers who holds it, the taker or another.</summary>
    /// <exception cref="StartupException">Whether it was taken is not known; taking it once more does no harm.</exception>
    public async Task<TargetHolder> TakeAsync(KafkaTopics topics, TargetTake take, short replication, CancellationToken cancellation)
    {
        await topics.EnsureAsync(Topic, 1, InternalTopics.Settings, time, cancellation, replication);
        // What is held already is not taken again: however often a replay is started, the topic grows by its first start alone.
        if ((await ReadAsync(topics, cancellation)).Of(take.Into) is { } holder) return holder;
        var offset = await AppendAsync(TargetJson.Write(take), cancellation);
        var asked = time.GetTimestamp();
        while (true)
        {
            // No further than to the own record: what comes behind it cannot have been first. A leader that has just taken over may not know of that record yet.
            var holders = await ReadAsync(topics, offset, cancellation);
            if (holders.Seen >= offset) return holders.Of(take.Into)!;
            if (time.GetElapsedTime(asked) > Patience)
                throw new StartupException($"{Topic}-0 does not give back offset {offset}, which was written {Patience.TotalSeconds:0} s ago: whether '{take.Into}' was free is not known\n  start again");
            await Task.Delay(Pause, time, cancellation);
        }
    }

    /// <summary>From here on the holder does not begin to write any more.</summary>
    public Task CancelAsync(TargetHolder holder, CancellationToken cancellation) => EndAsync(holder, isFree: false, cancellation);

    /// <summary>Gives the target free.</summary>
    public Task ReleaseAsync(TargetHolder holder, CancellationToken cancellation) => EndAsync(holder, isFree: true, cancellation);

    private Task EndAsync(TargetHolder holder, bool isFree, CancellationToken cancellation) =>
        AppendAsync(TargetJson.Write(new TargetEnd(holder.Take.Replay, holder.Take.Into, holder.Offset, isFree, time.GetUtcNow())), cancellation);

    private async Task<long> AppendAsync(byte[] record, CancellationToken cancellation)
    {
        var config = new Dictionary<string, string>(connection.Settings)
        {
            ["bootstrap.servers"] = connection.Bootstrap,
            ["client.id"] = "streamengine-replay",
            ["enable.idempotence"] = "true",
            ["acks"] = "all",
            ["linger.ms"] = "0",
            ["message.timeout.ms"] = $"{Patience.TotalMilliseconds}",
        };
        using var producer = new ProducerBuilder<Null, byte[]>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        try
        {
            return (await producer.ProduceAsync(new TopicPartition(Topic, 0), new Message<Null, byte[]> { Value = record }, cancellation)).Offset.Value;
        }
        catch (KafkaException e)
        {
            throw new StartupException($"topic '{Topic}' cannot be written: {e.Error.Reason}\n  try it again: what was written nevertheless does no harm", e);
        }
    }
}
