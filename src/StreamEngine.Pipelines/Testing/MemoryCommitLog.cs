using StreamEngine.Core;
using StreamEngine.Kafka.Commits;

namespace StreamEngine.Pipelines.Testing;

/// <summary>Commits into the memory log. Manifests and claims go through their own JSON, so that what is read back is what was written.</summary>
internal sealed class MemoryCommitLog(MemoryLog log, string pipeline, TimeProvider time) : ICommitLog
{
    private readonly List<(string Topic, int Partition, MemoryRecord Record)> _open = [];
    private readonly string _state = $"{pipeline}.state";
    private readonly string _epochs = $"{pipeline}.epochs";
    private readonly PartitionChoice _partitions = new();
    private bool _failed;
    private ICommitLogListener? _listener;

    public long StateEnd { get; private set; }

    public EpochClaim? Claim { get; private set; }

    public Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation)
    {
        log.Create(_state, 1);
        CheckSuccessor(before);
        var last = ReadEpochs();
        Claim = new EpochClaim(0, last.Incarnation + 1, "memory", 0, time.GetUtcNow());
        log.Append(_epochs, 0, Record(ManifestJson.Write(Claim)));
        StateEnd = log.End(_state, 0);
        return Task.FromResult(new CommitLogState(Claim.Incarnation, last.Manifest));
    }

    /// <summary>Before anything is fenced: whether another worker has claimed the slot since.</summary>
    public void CheckSuccessor(EpochClaim? before)
    {
        if (before is not null && ReadEpochs().SuccessorOf(before) is { } successor) throw successor;
    }

    private LastEpoch ReadEpochs()
    {
        EpochManifest? last = null;
        EpochClaim? latest = null;
        log.Create(_epochs, 1);
        foreach (var record in log.ReadAll(_epochs))
        {
            var (manifest, claim) = ManifestJson.Read(record.Value);
            last = manifest ?? last;
            latest = claim ?? latest;
        }
        return new LastEpoch(last, -1, latest);
    }

    private static MemoryRecord Record(byte[] value) => new(null, value, [], 0);

    public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation)
    {
        var records = log.Read(_state, 0, from, int.MaxValue);
        for (var i = 0; i < records.Count; i++)
            if (records[i].Value is { Length: > 0 } value) apply(from + i, value);
        return Task.CompletedTask;
    }

    public void Listen(ICommitLogListener listener) => _listener = listener;

    public unsafe bool TryAppend(Batch batch)
    {
        if (_failed) return false;
        var records = batch.Records!;
        var state = batch.Role == BatchRole.Changelog;
        var topic = state ? _state : records.Topic;
        log.Create(topic, 1);
        _partitions.Know(topic, log.Partitions(topic));
        for (var i = 0; i < records.Count; i++)
        {
            var key = records.KeyAt(i);
            var record = new MemoryRecord(key.IsNull ? null : key.Span.ToArray(), records.Values[i].IsNull ? null : records.Values[i].Span.ToArray(),
                records.HeadersAt(i).Span.ToArray(),
                records.Timestamps is null ? time.GetUtcNow().ToUnixTimeMilliseconds() : records.Timestamps[i]);
            _open.Add((topic, state ? 0 : _partitions.Of(records, i), record));
            if (state) StateEnd++;
        }
        batch.Dispose();
        return true;
    }

    public void Commit(EpochManifest manifest)
    {
        try
        {
            CheckSuccessor(Claim);
        }
        catch (FencedException e)
        {
            _failed = true;
            _listener!.OnFailed(e);
            return;
        }
        _open.Add((_epochs, 0, Record(ManifestJson.Write(manifest))));
        log.Append(_open);
        // A record without a value stands for the commit marker, which takes an offset behind the state of each transaction.
        if (_open.Exists(r => r.Topic == _state))
        {
            log.Append(_state, 0, Record([]));
            StateEnd++;
        }
        _open.Clear();
        _listener!.OnCommitted(manifest.Epoch);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
