using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>
/// A pipeline's redrive topic, as the command writes it: one transactional id per pipeline, so that a second command fences the first; what the topic holds is the record
/// of what was redriven, read to its end inside of the fence.
/// </summary>
internal sealed class RedriveTopic(PipelineDefinition pipeline, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly KafkaConnection _connection = new(pipeline.Bootstrap, pipeline.KafkaSettings);
    private TransactionalProducer? _producer;

    public string Name => pipeline.RedriveTopic;

    /// <summary>Fences every other redrive of the pipeline: from here on nothing but this one writes into the topic.</summary>
    /// <exception cref="StartupException">The topic would forget something.</exception>
    public async Task OpenAsync(KafkaTopics topics, CancellationToken cancellation)
    {
        await topics.EnsureAsync(Name, 1, InternalTopics.Settings, time, cancellation, pipeline.ReplicationFactor);
        await InternalTopics.KeepRedriveAsync(topics, Name, (await topics.ConfigsAsync([Name], cancellation))[Name], cancellation);
        _producer = new TransactionalProducer(_connection, $"{pipeline.QualifiedName}-redrive", pipeline.TransactionTimeout, pipeline.MaxMessageBytes, logger, () => { });
        _producer.InitTransactions(Patience);
        // Somebody else's transaction (this topic is nobody else's) would hide what was redriven.
        var asked = time.GetTimestamp();
        while (await topics.EndsAsync(Name, 0, cancellation) is var (stable, high) && stable < high)
        {
            if (time.GetElapsedTime(asked) > Patience)
                throw new StartupException($"{Name}-0 has an open transaction from offset {stable} on: what was redriven cannot be read to the end\n  another program writes into this topic; look for it with Kafka's tools, or wait for its time limit");
            await Task.Delay(Pause, time, cancellation);
        }
    }

    /// <summary>The dead letters that were redriven.</summary>
    public async Task<RedrivenLetters> ReadAsync(KafkaTopics topics, CancellationToken cancellation)
    {
        var letters = new RedrivenLetters();
        if (await topics.FindAsync(Name, cancellation) is null) return letters;
        await foreach (var record in new TopicReader(_connection).ReadAsync(new ReadRequest(Name) { ReadCommitted = true, Partition = 0 }, cancellation))
            if (RedriveHeaders.Read(record.Headers, out _) is { } mark) letters.Add(mark.Letter);
        return letters;
    }

    /// <summary>Writes all of them in one transaction.</summary>
    /// <exception cref="StartupException">Another redrive took over; or the outcome is not known.</exception>
    public void Write(IReadOnlyList<RedriveRecord> records)
    {
        try
        {
            _producer!.Begin();
            foreach (var record in records) Produce(record);
            _producer.Flush(Patience);
        }
        catch (KafkaClientException e)
        {
            throw new StartupException(IsFenced(e) ? $"another redrive of pipeline '{pipeline.QualifiedName}' has begun meanwhile: nothing of this one was written"
                : $"topic '{Name}' cannot be written: {e.Message}; nothing was redriven", e);
        }
        try
        {
            _producer.Commit(Patience);
        }
        catch (KafkaClientException e)
        {
            // Fenced or not: the first of the library's requests may have been carried out and its answer lost.
            throw new StartupException(IsFenced(e) ? $"another redrive of pipeline '{pipeline.QualifiedName}' has begun meanwhile: whether this one was committed is not known\n  run the same command again when that one has ended: it redrives what is missing, and nothing twice"
                : $"whether the transaction into '{Name}' was committed is not known: {e.Message}\n  run the same command again: it redrives what is missing, and nothing twice", e);
        }
    }

    // The first sign of having been fenced may be a record that the client purged.
    private bool IsFenced(KafkaClientException e) =>
        e.Code is LibRdKafka.Fenced or LibRdKafka.InvalidProducerEpoch or LibRdKafka.ProducerFenced || _producer!.HasFatalError;

    private unsafe void Produce(RedriveRecord record)
    {
        fixed (byte* key = record.Key)
        fixed (byte* value = record.Value)
        fixed (byte* headers = record.Headers)
        {
            while (!_producer!.TryProduce(Name, 0, BytesOf(key, record.Key), BytesOf(value, record.Value), new Bytes(headers, record.Headers.Length), -1))
                _producer.Flush(Patience);
        }
    }

    private static unsafe Bytes BytesOf(byte* pointer, byte[]? bytes) => bytes is null ? Bytes.Null : new Bytes(pointer, bytes.Length);

    public void Dispose() => _producer?.Dispose();
}

/// <summary>A set of dead letters.</summary>
internal sealed class RedrivenLetters
{
    private readonly Dictionary<(string Topic, string TopicId, int Partition), HashSet<long>> _offsets = [];

    public long Count => _offsets.Values.Sum(o => (long)o.Count);

    public bool Add(LetterIdentity letter)
    {
        var key = (letter.Topic, letter.TopicId, letter.Partition);
        if (!_offsets.TryGetValue(key, out var offsets)) _offsets[key] = offsets = [];
        return offsets.Add(letter.Offset);
    }

    public bool Contains(LetterIdentity letter) => _offsets.GetValueOrDefault((letter.Topic, letter.TopicId, letter.Partition))?.Contains(letter.Offset) == true;
}
