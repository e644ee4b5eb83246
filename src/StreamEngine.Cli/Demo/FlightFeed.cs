using Confluent.Kafka;

namespace StreamEngine.Cli.Demo;

/// <summary>Feeds the records at a rate, round robin over the partitions.</summary>
internal sealed class FlightFeed(string bootstrap, string topic, int partitions, double rate)
{
    private long _delivered;
    private string? _failure;

    public long Delivered => Interlocked.Read(ref _delivered);

    public async Task RunAsync(IReadOnlyList<FedRecord> records, CancellationToken cancellation)
    {
        using var producer = new ProducerBuilder<Null,
            byte[]>(new ProducerConfig { BootstrapServers = bootstrap, ClientId = "streamengine-demo", EnableIdempotence = true, LingerMs = 5 })
            .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var start = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < records.Count; i++)
        {
            while (i >= TimeProvider.System.GetElapsedTime(start).TotalSeconds * rate) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, cancellation);
            if (Volatile.Read(ref _failure) is not null) break;
            producer.Produce(new TopicPartition(topic, i % partitions), new Message<Null, byte[]> { Value = records[i].Value }, OnDelivered);
        }
        while (producer.Flush(TimeSpan.FromMilliseconds(100)) > 0) cancellation.ThrowIfCancellationRequested();
        if (_failure is { } failure) throw new IOException($"the flights cannot be fed: {failure}");
    }

    private void OnDelivered(DeliveryReport<Null, byte[]> report)
    {
        if (report.Error.IsError) Interlocked.CompareExchange(ref _failure, report.Error.Reason, null);
        else Interlocked.Increment(ref _delivered);
    }
}
