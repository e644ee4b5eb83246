using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Formats.Csv;
using StreamEngine.Formats.Lines;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Pipelines.Commands.Topics;

/// <summary>A file that is to become a topic's records.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="File">The file; - for standard input.</param>
internal sealed record ProduceRequest(string Topic, string File)
{
    /// <summary>Its CSV dialect; null for one record a line (JSON lines).</summary>
    public CsvOptions? Csv { get; init; }

    /// <summary>Partitions to create the topic with where it does not exist; null: one, and one that exists may have any number.</summary>
    public int? Partitions { get; init; }

    /// <summary>The field whose text becomes the key; null: no keys, round robin.</summary>
    public string? Key { get; init; }

    /// <summary>The most records a second; null for as fast as it goes.</summary>
    public double? Rate { get; init; }

    /// <summary>The first record names the columns and is not sent.</summary>
    public bool SkipHeader { get; init; }
}

/// <summary>What was produced.</summary>
/// <param name="Records">Records that were delivered.</param>
/// <param name="Keyless">Of those that were to have a key, the ones without the field.</param>
/// <param name="Duration">From the first to the last acknowledgement.</param>
internal sealed record ProduceResult(long Records, long Keyless, TimeSpan Duration);

/// <summary>
/// Sends a file into a topic, record by record, unchanged: whether they are what a pipeline expects is the pipeline's question. Every record that is not delivered fails
/// the whole.
/// </summary>
internal sealed class FileProducer(KafkaConnection connection, TimeProvider time)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private long _sent;
    private long _delivered;
    private long _keyless;
    private string? _failure;

    /// <summary>Records that the brokers have acknowledged.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>Sends all and waits for every acknowledgement.</summary>
    /// <exception cref="StartupException">The topic, the key or the file is not as the request says.</exception>
    /// <exception cref="IOException">The file cannot be read, or records were not delivered.</exception>
    public async Task<ProduceResult> RunAsync(ProduceRequest request, CancellationToken cancellation)
    {
        await using var stream = Open(request.File);
        var partitions = await EnsureTopicAsync(request, cancellation);
        var config = new Dictionary<string, string>(connection.Settings)
        {
            ["bootstrap.servers"] = connection.Bootstrap,
            ["client.id"] = "streamengine-produce",
            ["enable.idempotence"] = "true",
            ["acks"] = "all",
            ["linger.ms"] = "5",
            ["message.timeout.ms"] = "30000",
            ["message.max.bytes"] = "100000000",
            ["queue.buffering.max.messages"] = "200000",
        };
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var start = time.GetTimestamp();
        try
        {
            await SendAllAsync(request, stream, producer, partitions, start, cancellation);
        }
        catch (OperationCanceledException)
        {
            producer.Flush(TimeSpan.FromSeconds(5));
            throw;
        }
        while (producer.Flush(TimeSpan.FromMilliseconds(200)) > 0) cancellation.ThrowIfCancellationRequested();
        if (Volatile.Read(ref _failure) is { } failure) throw new IOException($"{_sent - Delivered} of {_sent} records were not delivered to {request.Topic}: {failure}");
        return new ProduceResult(Delivered, _keyless, time.GetElapsedTime(start));
    }

    private static Stream Open(string file)
    {
        if (file == "-") return Console.OpenStandardInput();
        if (!File.Exists(file)) throw new StartupException($"there is no file '{file}'");
        return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16, FileOptions.SequentialScan);
    }

    private async Task<int> EnsureTopicAsync(ProduceRequest request, CancellationToken cancellation)
    {
        using var topics = new KafkaTopics(connection, NullLogger.Instance);
        await topics.CheckReachableAsync(cancellation);
        if (await topics.FindAsync(request.Topic, cancellation) is { } present)
        {
            if (request.Partitions is { } wanted && wanted != present.Partitions)
                throw new StartupException($"topic '{request.Topic}' exists already, with {present.Partitions} partitions instead of {wanted}\n  to use it as it is:           leave --partitions out\n  to make it anew:              ./engine topic delete {request.Topic}{connection.AsOption}");
            return present.Partitions;
        }
        await topics.CreateAsync(request.Topic, request.Partitions ?? 1, null, cancellation);
        return request.Partitions ?? 1;
    }

    private async Task SendAllAsync(ProduceRequest request, Stream stream, IProducer<byte[]?, byte[]?> producer, int partitions, long start,
        CancellationToken cancellation)
    {
        var splitter = request.Csv is { } csv ? RecordSplitter.Csv(stream, csv) : RecordSplitter.Lines(stream);
        RecordKey? key = null;
        if (request.SkipHeader)
        {
            if (!splitter.TryRead(out var header)) return;
            key = RecordKey.Of(request, header.Span);
        }
        else key = RecordKey.Of(request, default);
        while (splitter.TryRead(out var record))
        {
            if (request.Rate is { } rate) await KeepPaceAsync(rate, start, cancellation);
            else if ((_sent & 1023) == 0) cancellation.ThrowIfCancellationRequested();
            if (Volatile.Read(ref _failure) is not null) return;
            var bytes = key?.Read(record.Span);
            if (key is not null && bytes is null) _keyless++;
            var partition = bytes is null ? (int)(_sent % partitions) : Murmur2.PartitionOf(bytes, partitions);
            Send(producer, new TopicPartition(request.Topic, partition), bytes, record.ToArray(), splitter.Line, cancellation);
        }
    }

    private async Task KeepPaceAsync(double rate, long start, CancellationToken cancellation)
    {
        while (_sent >= time.GetElapsedTime(start).TotalSeconds * rate) await Task.Delay(Pace, time, cancellation);
    }

    private void Send(IProducer<byte[]?, byte[]?> producer, TopicPartition to, byte[]? key, byte[] value, long line, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                producer.Produce(to, new Message<byte[]?, byte[]?> { Key = key, Value = value }, OnDelivered);
                _sent++;
                return;
            }
            catch (ProduceException<byte[]?, byte[]?> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
            {
                cancellation.ThrowIfCancellationRequested();
                producer.Flush(TimeSpan.FromMilliseconds(50));
            }
            catch (ProduceException<byte[]?, byte[]?> e)
            {
                throw new IOException($"the record of line {line} ({value.Length} bytes) is refused: {e.Error.Reason}", e);
            }
        }
    }

    private void OnDelivered(DeliveryReport<byte[]?, byte[]?> report)
    {
        if (report.Error.IsError) Interlocked.CompareExchange(ref _failure, $"{report.TopicPartition}: {report.Error.Reason}", null);
        else Interlocked.Increment(ref _delivered);
    }
}
