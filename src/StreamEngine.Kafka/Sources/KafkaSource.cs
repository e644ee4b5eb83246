using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Sources;

/// <summary>Where a pipeline without a manifest starts.</summary>
internal enum StartPosition : byte
{
    Earliest,
    Latest,
    Time,
}

/// <summary>A topic to be read.</summary>
/// <param name="Name">The source's name in the pipeline.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Start">Where to start without a manifest.</param>
/// <param name="StartTime">For <see cref="StartPosition.Time"/>: record timestamp in milliseconds.</param>
/// <param name="CreatePartitions">Partitions to create the topic with where it does not exist; null: it must exist.</param>
internal sealed record KafkaSourceOptions(string Name, string Topic, StartPosition Start = StartPosition.Earliest, long StartTime = 0, int? CreatePartitions = null)
{
    /// <summary>The most records of a batch.</summary>
    public int BatchRows { get; init; } = Batch.DefaultRows;

    /// <summary>A batch is cut when its keys, values and headers come to so many bytes.</summary>
    public int BatchBytes { get; init; } = 512 << 10;

    /// <summary>Batches that wait per partition before its queue is not filled further; it is filled again when half of them were taken.</summary>
    public int WaitingBatches { get; init; } = 4;

    /// <summary>What is read of each partition, for a replay; null: everything, without an end.</summary>
    public IReadOnlyDictionary<int, ReplayPartition>? Bounds { get; init; }
}

/// <summary>
/// Reads a topic by Kafka's own protocol, committed records only: a thread per leader fetches, one thread makes batches, one queue per partition. A partition whose
/// batches are not taken is not fetched further, and nothing that was fetched is thrown away. Positions are given by the engine; no consumer group is involved.
/// </summary>
internal sealed class KafkaSource : IBoundedSource
{
    private static readonly TimeSpan BehindAge = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PartitionsAge = TimeSpan.FromSeconds(30);

    private readonly KafkaConnection _connection;
    private readonly KafkaSourceOptions _options;
    private readonly MemoryScope _scope;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly QuietLog _quiet;
    private readonly AutoResetEvent _work = new(false);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<int, PartitionQueue> _partitions = [];
    private readonly List<Task> _queries = [];
    private readonly HashSet<int> _endsWanted = [];
    private readonly Dictionary<int, RecordBatcher> _batchers = [];
    private KafkaTopics? _topics;
    private FetchSettings? _settings;
    private FetchClient? _client;
    private ISourceListener? _listener;
    private Thread? _thread;
    private int _known;
    private bool _isAskingEnds;
    private Guid _topicId;
    private bool _hasFailed;
    private long _behind = -1;
    private ITimer? _watch;

    public KafkaSource(KafkaConnection connection, KafkaSourceOptions options, MemoryScope scope, TimeProvider time, ILogger logger)
    {
        _connection = connection;
        _options = options;
        _scope = scope;
        _time = time;
        _logger = logger;
        _quiet = new QuietLog(logger, time);
    }

    public string Name => _options.Name;

    public async Task<SourceLayout> OpenAsync(CancellationToken cancellation)
    {
        _settings = FetchSettings.Of(_connection);
        _topics = new KafkaTopics(_connection, _logger);
        await _topics.CheckReachableAsync(cancellation);
        var topic = await _topics.FindAsync(_options.Topic, cancellation);
        if (topic is null)
        {
            if (_options.CreatePartitions is not { } partitions)
                throw new StartupException($"topic '{_options.Topic}' does not exist on {_connection.Bootstrap}\n  create it:                    ./engine topic create {_options.Topic} --partitions 4{_connection.AsOption}\n  or let the pipeline do it:    sources.{_options.Name}.create {{ partitions = 4 }}");
            topic = await _topics.EnsureAsync(_options.Topic, partitions, null, _time, cancellation);
        }
        var starts = await _topics.OffsetsAsync(topic, _options.Start, _options.StartTime, cancellation);
        (_known, _topicId) = (topic.Partitions, topic.Uuid);
        var begins = _options.Start == StartPosition.Earliest ? starts : await _topics.OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation);
        return new SourceLayout(topic.Name, topic.Id, topic.Partitions, starts) { Begins = begins };
    }

    public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener)
    {
        Start(_settings ?? throw new InvalidOperationException($"source {Name} is to be started and was not opened"), positions, listener);
        // A replay is bounded: what is added to the topic meanwhile is not its business.
        if (_options.Bounds is null) _watch = _time.CreateTimer(_ => Ask(WatchPartitionsAsync), null, PartitionsAge, PartitionsAge);
    }

    /// <summary>Reads without having asked about the topic first.</summary>
    internal void Start(FetchSettings settings, IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener)
    {
        _listener = listener;
        _client = new FetchClient(Name, _options.Topic, _topicId, settings, positions, _scope, _time, _logger, () => _work.Set(), Fail);
        foreach (var (partition, (offset, _)) in positions)
        {
            var queue = new PartitionQueue(partition, offset)
            {
                End = EndOf(partition), Cuts = [.. (_options.Bounds?.GetValueOrDefault(partition)?.Moves ?? []).Select(m => m.Offset)],
            };
            _partitions[partition] = queue;
            _batchers[partition] = new RecordBatcher(_client, new RecordCursor(offset, _scope), queue, _options);
        }
        _client.Start();
        _thread = new Thread(Run) { IsBackground = true, Name = $"kafka source {Name}" };
        _thread.Start();
    }

    public long? Behind => Interlocked.Read(ref _behind) is var behind and >= 0 ? behind : null;

    public int LeaderEpochBefore(int partition, long offset) => _client!.LeaderEpochBefore(partition, offset);

    public long EndOf(int partition) => _options.Bounds?.GetValueOrDefault(partition)?.End ?? long.MaxValue;

    public bool TryTake(int partition, out Batch? batch)
    {
        if (!_partitions[partition].TryTake(out batch, out var end)) return false;
        if (end >= 0) _listener!.OnEndOfPartition(partition, end);
        // Not for each: waking a thread costs as much as making a small batch.
        if (_partitions[partition].Waiting <= _options.WaitingBatches / 2) _work.Set();
        return true;
    }

    public void QueryEnds(int partition)
    {
        lock (_queries)
        {
            _endsWanted.Add(partition);
            if (_isAskingEnds) return;
            _isAskingEnds = true;
        }
        Ask(QueryEndsAsync);
    }

    private void Ask(Func<Task> question)
    {
        lock (_queries)
        {
            if (_stopping.IsCancellationRequested) return;
            _queries.RemoveAll(q => q.IsCompleted);
            _queries.Add(question());
        }
    }

    /// <summary>Partitions that were added are read by a new incarnation: which partition belongs to which lane is decided at its start.</summary>
    private async Task WatchPartitionsAsync()
    {
        try
        {
            var topic = await _topics!.FindAsync(_options.Topic, _stopping.Token);
            _quiet.Over("partitions", $"the partitions of {_options.Topic} are known again");
            if (topic is not null && topic.Partitions > _known)
                _listener!.OnFailed(new InvalidOperationException($"topic '{_options.Topic}' has {topic.Partitions} partitions now, it had {_known}: a new incarnation reads them all"));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        catch (Exception e)
        {
            // It is asked again.
            Warn("partitions", $"the partitions of {_options.Topic} could not be asked", e);
        }
    }

    // What is asked for while an answer is waited for is the next question: many partitions may be without records at once.
    private async Task QueryEndsAsync()
    {
        while (true)
        {
            int[] partitions;
            lock (_queries)
            {
                partitions = [.. _endsWanted];
                _endsWanted.Clear();
                if (partitions.Length == 0)
                {
                    _isAskingEnds = false;
                    return;
                }
            }
            await QueryEndsAsync(partitions);
        }
    }

    private async Task QueryEndsAsync(int[] partitions)
    {
        try
        {
            var (stable, high) = await _topics!.EndsAsync(_options.Topic, partitions, _stopping.Token);
            _quiet.Over("ends", $"the ends of {_options.Topic} are known again");
            foreach (var partition in partitions) _listener!.OnEnds(partition, stable[partition], high[partition]);
        }
        catch (OperationCanceledException)
        {
            // Stopping: nobody waits for the answer.
        }
        catch (Exception e)
        {
            // The brokers may be away for a while; the question is asked again after the next timeout.
            Warn("ends", $"the ends of {_options.Topic}-{string.Join(", ", partitions)} could not be asked", e);
            foreach (var partition in partitions) _listener!.OnEnds(partition, long.MaxValue, long.MinValue);
        }
    }

    // Of what is not foreseen the place is of use.
    private void Warn(string kind, string what, Exception cause)
    {
        if (cause is StartupException) _quiet.Warn(kind, $"{what}: {cause.Message}");
        else _logger.LogWarning(cause, "{What}", what);
    }

    private void Fail(Exception cause)
    {
        if (Interlocked.Exchange(ref _hasFailed, true)) return;
        if (cause is not OffsetGoneException gone) _listener!.OnFailed(cause);
        else if (_topics is { } topics) Ask(() => ExplainAsync(gone, topics));
        else _listener!.OnFailed(gone.ToStartupException(_options.Topic, null));
    }

    /// <summary>The broker's answer is the same where the log begins behind the offset and where it ends before it: its ends tell which.</summary>
    private async Task ExplainAsync(OffsetGoneException gone, KafkaTopics topics)
    {
        try
        {
            var (_, end) = await topics.EndsAsync(_options.Topic, gone.Partition, _stopping.Token);
            _listener!.OnFailed(gone.ToStartupException(_options.Topic, end));
        }
        catch (OperationCanceledException)
        {
            // Stopping: nobody waits for the reason.
        }
        catch (Exception e)
        {
            _logger.LogWarning(e, "the ends of {Topic}-{Partition} could not be asked", _options.Topic, gone.Partition);
            _listener!.OnFailed(gone.ToStartupException(_options.Topic, null));
        }
    }

    private void Run()
    {
        try
        {
            var measured = _time.GetTimestamp();
            // A bound may lie where the reading begins.
            foreach (var queue in _partitions.Values)
                if (queue.Offset >= queue.End) Finish(queue);
            while (!_stopping.IsCancellationRequested)
            {
                var any = false;
                foreach (var queue in _partitions.Values)
                    if (!queue.IsFinished && queue.Waiting < _options.WaitingBatches) any |= Read(queue);
                if (_time.GetElapsedTime(measured) > BehindAge)
                {
                    measured = _time.GetTimestamp();
                    Interlocked.Exchange(ref _behind, MeasureBehind());
                }
                // What comes and what is taken both wake it.
                if (!any) _work.WaitOne(BehindAge);
            }
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    // The ends that came with the last fetches: no question to the brokers.
    private long MeasureBehind()
    {
        long behind = 0;
        foreach (var queue in _partitions.Values)
            if (_client!.HighWatermarkOf(queue.Partition) is var high and > 0) behind += Math.Max(0, Math.Min(high, queue.End) - queue.Offset);
        return behind;
    }

    private bool Read(PartitionQueue queue)
    {
        var batcher = _batchers[queue.Partition];
        var batch = batcher.Next();
        if (batch is not null && queue.Add(batch)) _listener!.OnReady(queue.Partition);
        var end = batcher.TakeEnd();
        if (batcher.Position >= queue.End) Finish(queue);
        // It must not overtake the batches before it: the stage is told when the last of them is taken, or now when there is none.
        else if (end >= 0 && queue.ReachedEnd(end)) _listener!.OnEndOfPartition(queue.Partition, end);
        return batch is not null;
    }

    /// <summary>The partition's bound was reached: it is not fetched any more.</summary>
    private void Finish(PartitionQueue queue)
    {
        queue.IsFinished = true;
        _client!.Finish(queue.Partition);
        _batchers[queue.Partition].Close();
        if (queue.ReachedEnd(queue.End)) _listener!.OnEndOfPartition(queue.Partition, queue.End);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _work.Set();
        if (_watch is not null) await _watch.DisposeAsync();
        // It may be copying into memory that the worker frees next: the process ends before that happens.
        if (_thread is not null && !_thread.Join(TimeSpan.FromSeconds(60))) Environment.FailFast($"the thread of source {Name} did not end in 60 s");
        Task[] queries;
        lock (_queries) queries = [.. _queries];
        try
        {
            await Task.WhenAll(queries);
        }
        finally
        {
            // Whatever has become of a question: nobody receives into the worker's memory any more.
            _client?.Dispose();
            foreach (var batcher in _batchers.Values) batcher.Close();
            foreach (var queue in _partitions.Values) queue.Dispose();
            _topics?.Dispose();
            _work.Dispose();
            _stopping.Dispose();
        }
    }
}
