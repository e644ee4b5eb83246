using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Native;

namespace StreamEngine.Kafka.Commits;

/// <summary>
/// One producer with one transactional id, used for one incarnation and dropped after any unknown outcome (the library's protocol predates KIP-890, so that a delayed
/// commit could hit a later transaction of the same producer epoch). Deliveries are counted by the library's callback, on a thread of its own.
/// </summary>
internal sealed unsafe class TransactionalProducer : IDisposable
{
    private readonly NativeClient _client;
    private readonly Dictionary<string, nint> _topics = [];
    private readonly Dictionary<string, nint> _headerNames = [];
    private readonly Dictionary<string, nint>.AlternateLookup<ReadOnlySpan<char>> _namesByText;
    private readonly Thread _poller;
    private readonly ManualResetEventSlim _stop = new(false);
    private readonly Action _onDelivered;
    private long _sent;
    private long _delivered;
    private volatile bool _ends;
    private int _firstError;
    private string _firstErrorText = "";

    // What a record takes on the wire beside its key, value and headers as the engine counts them (at most 70 bytes: KIP-98, message format 2), and what a batch of one
    // record does.
    private const int Overhead = 4096;
    private const int MostNames = 4096;
    private const int MostOnStack = 64;

    /// <summary>Records in the client's queue.</summary>
    public const int MostQueued = 500_000;

    // The reports of purged records come at once; a client that is beyond that is destroyed as it is.
    private static readonly TimeSpan LongestPurge = TimeSpan.FromSeconds(2);

    public TransactionalProducer(KafkaConnection connection, string transactionalId, TimeSpan transactionTimeout, int maxMessageBytes, ILogger logger, Action onDelivered,
        int queueRecords = MostQueued)
    {
        // The library gives a transaction's records no longer than its timeout (message.timeout.ms), and refuses every topic where they would linger that long.
        var linger = connection.Settings.GetValueOrDefault("linger.ms", "5");
        if (double.TryParse(linger, CultureInfo.InvariantCulture, out var waits) && waits >= transactionTimeout.TotalMilliseconds)
            throw new StartupException($"linger.ms={linger} is not shorter than the transaction timeout of {transactionTimeout.TotalMilliseconds:0} ms");
        _onDelivered = onDelivered;
        _namesByText = _headerNames.GetAlternateLookup<ReadOnlySpan<char>>();
        _client = new NativeClient(connection,
        [
            new("transactional.id", transactionalId), new("transaction.timeout.ms", $"{(long)transactionTimeout.TotalMilliseconds}"), new("enable.idempotence", "true"),
            new("linger.ms", linger), new("queue.buffering.max.messages", $"{queueRecords}"),
                new("queue.buffering.max.kbytes", $"{Math.Max(65536, maxMessageBytes / 256)}"),
            new("batch.size", connection.Settings.GetValueOrDefault("batch.size", "1000000")),
                new("batch.num.messages", connection.Settings.GetValueOrDefault("batch.num.messages", "100000")),
                new("message.max.bytes", $"{maxMessageBytes + Overhead}"),
            // An EndTxn that is asked again before its answer came may tear the next transaction (KIP-890): the calls' own time limits come first. The library takes no
            // longer time than the transaction's.
            new("socket.timeout.ms", $"{(long)Math.Min(60_000, transactionTimeout.TotalMilliseconds)}"),
        ], logger, &OnDelivery, this);
        _poller = new Thread(Poll) { IsBackground = true, Name = $"kafka deliveries {transactionalId}" };
        _poller.Start();
    }

    /// <summary>Records handed over and not yet delivered or failed.</summary>
    public long Outstanding => Interlocked.Read(ref _sent) - Interlocked.Read(ref _delivered);

    /// <summary>
    /// There was a time when no broker could be reached. The library keeps the group's coordinator of before and may wait for it for ever in SendOffsets, whatever its
    /// time limit (confluentinc/librdkafka#5456, #5511; seen with 2.16 after a restart of the only broker): such a client is to be replaced.
    /// </summary>
    public bool WasCutOff => _client.WasCutOff;

    /// <summary>The client can do nothing more: another producer of the same id has fenced it, or worse.</summary>
    public bool HasFatalError => LibRdKafka.FatalError(_client.Handle, null, 0) != LibRdKafka.NoError;

    private void Poll()
    {
        while (!_stop.IsSet) _ = LibRdKafka.Poll(_client.Handle, 50);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void OnDelivery(nint client, LibRdKafka.Message* message, nint opaque)
    {
        var producer = (TransactionalProducer)NativeClient.Of(opaque).DeliveryTarget!;
        if (message->Error != LibRdKafka.NoError && Interlocked.CompareExchange(ref producer._firstError, message->Error, 0) == 0)
            producer._firstErrorText = $"partition {message->Partition}: {LibRdKafka.Describe(message->Error)}";
        Interlocked.Increment(ref producer._delivered);
        // Whoever waits for room has ended by then.
        if (!producer._ends) producer._onDelivered();
    }

    public void InitTransactions(TimeSpan timeout) =>
        LibRdKafka.Check(LibRdKafka.InitTransactions(_client.Handle, (int)timeout.TotalMilliseconds), "the transactional producer cannot start");

    public void Begin() => LibRdKafka.Check(LibRdKafka.BeginTransaction(_client.Handle), "a transaction cannot begin");

    /// <summary>Hands a record over, copied; false when the queue is full.</summary>
    public bool TryProduce(string topic, int partition, Bytes key, Bytes value, Bytes headers, long timestamp)
    {
        var arguments = stackalloc LibRdKafka.Argument[6];
        var n = 0;
        arguments[n++] = new() { Tag = LibRdKafka.TagTopic, Pointer = TopicOf(topic) };
        arguments[n++] = new() { Tag = LibRdKafka.TagPartition, Int = partition };
        arguments[n++] = new() { Tag = LibRdKafka.TagFlags, Int = LibRdKafka.FlagCopy };
        if (!value.IsNull) arguments[n++] = new() { Tag = LibRdKafka.TagValue, Pointer = (nint)value.Pointer, Size = (nuint)value.Length };
        if (!key.IsNull) arguments[n++] = new() { Tag = LibRdKafka.TagKey, Pointer = (nint)key.Pointer, Size = (nuint)key.Length };
        if (timestamp >= 0) arguments[n++] = new() { Tag = LibRdKafka.TagTimestamp, Long = timestamp == 0 ? EpochTimestamp.Mark : timestamp };
        var error = headers.Length > 0 ? ProduceWithHeaders(arguments, n, headers) : LibRdKafka.Produce(_client.Handle, arguments, (nuint)n);
        if (error == 0)
        {
            Interlocked.Increment(ref _sent);
            return true;
        }
        if (LibRdKafka.ErrorCode(error) == LibRdKafka.QueueFull)
        {
            LibRdKafka.ErrorDestroy(error);
            return false;
        }
        LibRdKafka.Check(error, $"a record for {topic} is refused by the client");
        return true;
    }

    private nint ProduceWithHeaders(LibRdKafka.Argument* before, int n, Bytes headers)
    {
        var count = 0;
        foreach (var _ in RecordHeaders.Read(headers.Span)) count++;
        // Names are forgotten between records only: the arguments of one point at all of its names.
        if (_headerNames.Count + count > MostNames) ForgetNames();
        if (count <= MostOnStack)
        {
            var few = stackalloc LibRdKafka.Argument[n + count];
            return ProduceWithHeaders(before, n, headers, few);
        }
        var many = (LibRdKafka.Argument*)NativeMemory.Alloc((nuint)(n + count), (nuint)sizeof(LibRdKafka.Argument));
        try
        {
            return ProduceWithHeaders(before, n, headers, many);
        }
        finally
        {
            NativeMemory.Free(many);
        }
    }

    private nint ProduceWithHeaders(LibRdKafka.Argument* before, int n, Bytes headers, LibRdKafka.Argument* arguments)
    {
        for (var i = 0; i < n; i++) arguments[i] = before[i];
        foreach (var header in RecordHeaders.Read(headers.Span))
        {
            fixed (byte* value = header.Value)
                arguments[n++] = new() { Tag = LibRdKafka.TagHeader, Pointer = NameOf(header.Name), Value = header.IsNull ? 0 : value is null ? (nint)before
                    : (nint)value, ValueSize = header.Value.Length };
        }
        // The header bytes lie in native memory of the batch: the pointers stay valid although they are no longer fixed.
        return LibRdKafka.Produce(_client.Handle, arguments, (nuint)n);
    }

    // The library wants names that end in zero. They repeat, so that each is kept; a stream with ever new names is bounded.
    private nint NameOf(ReadOnlySpan<byte> name)
    {
        Span<char> text = name.Length <= 256 ? stackalloc char[256] : new char[name.Length];
        text = text[..Encoding.UTF8.GetChars(name, text)];
        if (_namesByText.TryGetValue(text, out var pointer)) return pointer;
        var known = text.ToString();
        return _headerNames[known] = Marshal.StringToCoTaskMemUTF8(known);
    }

    private void ForgetNames()
    {
        foreach (var name in _headerNames.Values) Marshal.FreeCoTaskMem(name);
        _headerNames.Clear();
    }

    private nint TopicOf(string topic) => _topics.TryGetValue(topic, out var handle) ? handle : _topics[topic] = LibRdKafka.OpenTopic(_client.Handle, topic);

    /// <summary>Waits until everything handed over is delivered.</summary>
    public void Flush(TimeSpan timeout)
    {
        var result = LibRdKafka.Flush(_client.Handle, (int)timeout.TotalMilliseconds);
        if (result != LibRdKafka.NoError) throw new KafkaClientException(result, $"{Outstanding} records were not delivered in {timeout.TotalSeconds:0} s");
        if (Volatile.Read(ref _firstError) is var error and not 0) throw new KafkaClientException(error, $"a record was not delivered, {_firstErrorText}");
    }

    /// <summary>Adds the offsets that people see as the group's.</summary>
    public void SendOffsets(string group, IEnumerable<(string Topic, int Partition, long Offset)> offsets, TimeSpan timeout)
    {
        var list = LibRdKafka.PartitionListNew(8);
        var metadata = LibRdKafka.GroupMetadataNew(group);
        try
        {
            foreach (var (topic, partition, offset) in offsets)
            {
                _ = LibRdKafka.PartitionListAdd(list, topic, partition);
                _ = LibRdKafka.PartitionListSetOffset(list, topic, partition, offset);
            }
            LibRdKafka.Check(LibRdKafka.SendOffsets(_client.Handle, list, metadata, (int)timeout.TotalMilliseconds), "offsets cannot be added to the transaction");
        }
        finally
        {
            LibRdKafka.GroupMetadataDestroy(metadata);
            LibRdKafka.PartitionListDestroy(list);
        }
    }

    /// <summary>Takes back what was written since <see cref="Begin"/>.</summary>
    public void Abort(TimeSpan timeout) => LibRdKafka.Check(LibRdKafka.AbortTransaction(_client.Handle, (int)timeout.TotalMilliseconds),
        "the transaction cannot be aborted");

    public void Commit(TimeSpan timeout) => LibRdKafka.Check(LibRdKafka.CommitTransaction(_client.Handle, (int)timeout.TotalMilliseconds),
        "the transaction cannot be committed");

    public void Dispose()
    {
        _ends = true;
        // What is still queued belongs to a transaction that nobody will commit; the next incarnation's InitTransactions ends it. The records come back by their delivery
        // reports, which are to be served after a purge (rdkafka.h, rd_kafka_purge): a client is destroyed with nothing under way.
        _ = LibRdKafka.Purge(_client.Handle, 1 | 2);
        var purged = TimeProvider.System.GetTimestamp();
        while (Outstanding > 0 && TimeProvider.System.GetElapsedTime(purged) < LongestPurge) _stop.Wait(1);
        _stop.Set();
        _poller.Join();
        foreach (var topic in _topics.Values) LibRdKafka.TopicDestroy(topic);
        _client.Dispose();
        ForgetNames();
        _stop.Dispose();
    }
}
