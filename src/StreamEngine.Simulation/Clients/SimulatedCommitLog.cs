using StreamEngine.Broker.Protocol;
using StreamEngine.Core;
using StreamEngine.Kafka.Commits;
using StreamEngine.Simulation.Network;

namespace StreamEngine.Simulation.Clients;

/// <summary>
/// Epochs as Kafka transactions on the simulated broker: the steps of KafkaCommitLog, one by one and in its order, with awaits where that one blocks its thread. What is
/// claimed, when a worker takes itself for fenced and what it reads back must stay the same here and there.
/// </summary>
internal class SimulatedCommitLog(SimulatedClient client, string pipeline, IReadOnlyList<(string Topic, int Partitions)> outputs, TimeSpan transactionTimeout)
    : ICommitLog
{
    private const int QueueRecords = 96;
    private static readonly TimeSpan IdleLook = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private const int Slot = 0;

    private readonly string _state = $"{pipeline}.state";
    private readonly string _epochs = $"{pipeline}.epochs";
    private readonly PartitionChoice _partitions = new();
    private readonly LogReader _reader = client.CreateReader();
    private readonly CancellationTokenSource _stopping = new();
    private SimulatedProducer? _producer;
    private ICommitLogListener? _listener;
    private Task _work = Task.CompletedTask;
    private EpochManifest? _last;
    private Task _look = Task.CompletedTask;
    private Exception? _untold;
    private long _writtenAt;
    private bool _stateTouched;
    private int _resumeAt;
    private bool _writableWanted;
    private bool _failed;
    private long _trimmed;
    private long _damaged = -1;

    public long StateEnd { get; private set; }

    /// <summary>What it claims, from just before the claim is sent.</summary>
    public EpochClaim? Claim { get; private set; }

    protected string Pipeline => pipeline;

    protected virtual string TransactionalId => $"{pipeline}-{Slot}";

    public virtual async Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation)
    {
        var internals = new Dictionary<string, string> { ["cleanup.policy"] = "delete", ["retention.ms"] = "-1" };
        await EnsureAsync(_state, 1, internals, cancellation);
        await EnsureAsync(_epochs, 1, internals, cancellation);
        foreach (var (topic, partitions) in outputs.DistinctBy(o => o.Topic)) await EnsureAsync(topic, partitions, null, cancellation);
        // A worker that starts again must not fence its own successor: that one's claim is looked for before InitTransactions.
        if (before is not null && (await ReadEpochsAsync(cancellation)).SuccessorOf(before) is { } successor) throw successor;
        cancellation.ThrowIfCancellationRequested();
        _producer = client.CreateProducer(TransactionalId, transactionTimeout, OnDelivered);
        await _producer.InitTransactionsAsync();
        var found = await ReadEpochsAsync(cancellation);
        Claim = new EpochClaim(Slot, found.Incarnation + 1, "simulation", client.Process, client.Time.GetUtcNow());
        _producer.Produce(_epochs, Slot, Record(ManifestJson.Write(Claim)));
        await _producer.FlushAsync();
        await _producer.CommitAsync();
        StateEnd = (await _reader.BoundsAsync(_state, Slot, cancellation)).High;
        _last = found.Manifest;
        _writtenAt = client.Time.GetTimestamp();
        _look = LookAroundAsync();
        return new CommitLogState(Claim.Incarnation, _last);
    }

    private async Task EnsureAsync(string topic, int partitions, IReadOnlyDictionary<string, string>? configs, CancellationToken cancellation) =>
        _partitions.Know(topic, await client.EnsureTopicAsync(topic, partitions, configs, cancellation));

    private LogRecord Record(byte[] value) => new(null, value, [], client.Time.GetUtcNow().ToUnixTimeMilliseconds());

    private async Task<LastEpoch> ReadEpochsAsync(CancellationToken cancellation)
    {
        var (low, high) = await _reader.BoundsAsync(_epochs, Slot, cancellation);
        EpochManifest? manifest = null;
        EpochClaim? claim = null;
        if (high > low)
            await _reader.ReadAsync(_epochs, Slot, low, (_, value) =>
            {
                var (m, c) = ManifestJson.Read(value.ToArray());
                manifest = m ?? manifest;
                claim = c ?? claim;
            }, cancellation);
        return new LastEpoch(manifest, -1, claim);
    }

    public virtual Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation)
    {
        // A damaged piece of a whole snapshot can be made up for, by the snapshot before and all changes since: a damaged change cannot.
        var damage = _damaged < 0 && _last is { State.Full.Count: > 0 } && client.TakeStateDamage();
        if (_last is { State.Full: [.., var newest] })
        {
            if (from == newest) client.Counts.SnapshotRestores++;
            else client.Counts.OlderRestores++;
        }
        return _reader.ReadAsync(_state, Slot, from, (offset, value) =>
        {
            if (damage && offset >= _last!.State.Full[^1] && Streams.StateFrames.IsWhole(value))
            {
                (damage, _damaged) = (false, offset);
                client.Counts.Damaged++;
            }
            if (offset != _damaged)
            {
                apply(offset, value);
                return;
            }
            var bad = value.ToArray();
            bad[bad.Length / 2] ^= 0x10;
            apply(offset, bad);
        }, cancellation);
    }

    public void Listen(ICommitLogListener listener)
    {
        _listener = listener;
        if (_untold is { } cause) listener.OnFailed(cause);
    }

    private void Tell(Exception cause)
    {
        if (_listener is { } listener) listener.OnFailed(cause);
        else _untold ??= cause;
    }

    public virtual unsafe bool TryAppend(Batch batch)
    {
        if (_failed) return false;
        var records = batch.Records!;
        try
        {
            var state = batch.Role == BatchRole.Changelog;
            var topic = state ? _state : records.Topic;
            for (; _resumeAt < records.Count; _resumeAt++)
            {
                if (_producer!.Outstanding >= QueueRecords)
                {
                    _writableWanted = true;
                    return false;
                }
                var i = _resumeAt;
                var key = records.KeyAt(i);
                var now = client.Time.GetUtcNow().ToUnixTimeMilliseconds();
                var timestamp = records.Timestamps is null || records.Timestamps[i] < 0 ? now : Math.Min(records.Timestamps[i], now);
                _producer.Produce(topic, state ? Slot : _partitions.Of(records, i),
                    new LogRecord(key.IsNull ? null : key.Span.ToArray(), records.Values[i].IsNull ? null : records.Values[i].Span.ToArray(),
                    records.HeadersAt(i).Span.ToArray(), timestamp));
                if (!state) continue;
                StateEnd++;
                _stateTouched = true;
            }
        }
        catch (SimulatedClientException e)
        {
            _failed = true;
            Enqueue(() => FailAsync(e));
            return false;
        }
        _resumeAt = 0;
        batch.Dispose();
        return true;
    }

    private void OnDelivered()
    {
        if (!_writableWanted || _producer!.Outstanding >= QueueRecords / 2) return;
        _writableWanted = false;
        _listener!.OnWritable();
    }

    public void Commit(EpochManifest manifest) => Enqueue(() => CommitNowAsync(manifest));

    /// <summary>One thing after the other, as on the thread of KafkaCommitLog.</summary>
    protected void Enqueue(Func<Task> work) => _work = AfterAsync(_work, work);

    private static async Task AfterAsync(Task before, Func<Task> work)
    {
        await before;
        await work();
    }

    private async Task CommitNowAsync(EpochManifest manifest)
    {
        try
        {
            await CommitTransactionAsync(_producer!, Record(ManifestJson.Write(manifest)), manifest);
            // The commit marker takes an offset in every partition that the transaction touched.
            if (_stateTouched) StateEnd++;
            _stateTouched = false;
        }
        catch (SimulatedClientException e)
        {
            await FailAsync(e);
            return;
        }
        _writtenAt = client.Time.GetTimestamp();
        _listener!.OnCommitted(manifest.Epoch);
        await TrimAsync(manifest);
    }

    /// <summary>Everything of an epoch in one transaction.</summary>
    protected virtual async Task CommitTransactionAsync(SimulatedProducer producer, LogRecord record, EpochManifest manifest)
    {
        producer.Produce(_epochs, Slot, record);
        await producer.FlushAsync();
        await producer.SendOffsetsAsync(pipeline, OffsetsOf(manifest));
        await producer.CommitAsync();
    }

    protected string EpochsTopic => _epochs;

    protected static List<(string Topic, int Partition, long Offset)> OffsetsOf(EpochManifest manifest) =>
        [.. manifest.Sources.Values.SelectMany(s => s.Partitions.OrderBy(p => p.Key).Select(p => (s.Topic, p.Key, p.Value.Offset)))];

    private async Task FailAsync(SimulatedClientException cause)
    {
        _failed = true;
        Tell(await FencedAsync(cause));
    }

    /// <summary>One who has written nothing for a while looks whether another one has taken over.</summary>
    private async Task LookAroundAsync()
    {
        while (await QuietAsync() && !_failed)
        {
            if (client.Time.GetElapsedTime(_writtenAt) < IdleLook || await FindAsync(null) is not { } successor) continue;
            _failed = true;
            Tell(successor);
        }
    }

    private async Task<bool> QuietAsync()
    {
        try
        {
            await Task.Delay(LookEvery, client.Time, _stopping.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<Exception> FencedAsync(SimulatedClientException cause)
    {
        var longest = cause.IsFatal || _producer!.HasFatalError ? 2000 : 0;
        for (var wait = 0; wait <= longest && !_stopping.IsCancellationRequested; wait = wait * 2 + 250)
        {
            if (wait > 0) await Task.Delay(TimeSpan.FromMilliseconds(wait), client.Time);
            if (await FindAsync(cause) is { } successor) return successor;
        }
        return cause;
    }

    private async Task<FencedException?> FindAsync(Exception? cause)
    {
        try
        {
            return (await ReadEpochsAsync(_stopping.Token)).SuccessorOf(Claim!, cause);
        }
        catch (Exception e) when (e is SimulatedClientException or OperationCanceledException)
        {
            return null;
        }
    }

    private async Task TrimAsync(EpochManifest manifest)
    {
        if (manifest.State.Full.Count < 2 || manifest.State.Full[0] <= _trimmed || _stopping.IsCancellationRequested) return;
        var reply = await client.Connect().AskAsync(Messages.DeleteRecords(_state, Slot, manifest.State.Full[0]), client.Patience.Read);
        if (reply is not { IsAnswered: true, Value: ErrorCode.None }) return;
        _trimmed = manifest.State.Full[0];
        client.Counts.Trims++;
    }

    public virtual async ValueTask DisposeAsync()
    {
        // Not CancelAsync: it calls back from a thread of the pool.
        _stopping.Cancel();
        _producer?.Dispose();
        await _work;
        await _look;
    }
}
