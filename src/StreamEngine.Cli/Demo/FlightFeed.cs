using Confluent.Kafka;

namespace StreamEngine.Cli.Demo;

/// <summary>Feeds the records at a rate, round robin over the partitions.</summary>
internal sealed class FlightFeed(string bootstrap, string topic, int partitions, double rate)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private long _delivered;
    private long _limit = long.MaxValue;
    private string? _failure;

    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>It stands before this record until the limit is raised.</summary>
    public long Limit
    {
        get => Interlocked.Read(ref _limit);
        set => Interlocked.Exchange(ref _limit, value);
    }

    public async Task RunAsync(IEnumerable<FedRecord> records, CancellationToken cancellation)
    {
        using var producer = new ProducerBuilder<Null,
            byte[]>(new ProducerConfig { BootstrapServers = bootstrap, ClientId = "streamengine-demo", EnableIdempotence = true, LingerMs = 5 })
            .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var start = TimeProvider.System.GetTimestamp();
        var i = 0L;
        foreach (var record in records)
        {
            while (i >= Limit || i >= TimeProvider.System.GetElapsedTime(start).TotalSeconds * rate) await Task.Delay(Pace, TimeProvider.System, cancellation);
            if (Volatile.Read(ref _failure) is not null) break;
            // Full while a broker is away: what it holds is written once one is back.
            while (!TryProduce(producer, (int)(i % partitions), record.Value)) await Task.Delay(Pace, TimeProvider.System, cancellation);
            i++;
        }
        while (producer.Flush(TimeSpan.FromMilliseconds(100)) > 0) cancellation.ThrowIfCancellationRequested();
        if (_failure is { } failure) throw new IOException($"the flights cannot be fed: {failure}");
    }

    private bool TryProduce(IProducer<Null, byte[]> producer, int partition, byte[] value)
    {
        try
        {
            producer.Produce(new TopicPartition(topic, partition), new Message<Null, byte[]> { Value = value }, OnDelivered);
            return true;
        }
        catch (ProduceException<Null, byte[]> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
        {
            return false;
        }
    }

    private void OnDelivered(DeliveryReport<Null, byte[]> report)
    {
        if (report.Error.IsError) Interlocked.CompareExchange(ref _failure, report.Error.Reason, null);
        else Interlocked.Increment(ref _delivered);
    }
}
