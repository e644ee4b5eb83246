using System.Collections.Concurrent;
using System.Text.Json;
using Confluent.Kafka;
using StreamEngine.Cli.Bench;
using StreamEngine.Core;
using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Soak;

/// <summary>The topics that a campaign reads back.</summary>
internal sealed record SoakTopics(string Hourly, string Routes, string DeadLetters, string Late, string Epochs);

/// <summary>
/// An ordinary read_committed consumer on a thread of its own, which holds each record against the oracle as it comes: nothing that nobody expects, nothing twice,
/// manifests that conserve rows and never go back.
/// </summary>
internal sealed class SoakCheck : IDisposable
{
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(50);

    private readonly SoakTopics _topics;
    private readonly SoakOracle _oracle;
    private readonly CommittedReader _reader;
    private readonly Thread _thread;
    private volatile bool _stop;
    private volatile string? _wrong;
    private volatile EpochManifest? _last;
    private long _checked;
    private long _epochs;
    private long _claims;
    private long _incarnation;
    private readonly ConcurrentDictionary<TopicPartition, long> _ends = [];

    public SoakCheck(string bootstrap, SoakTopics topics, IEnumerable<TopicPartition> partitions, SoakOracle oracle)
    {
        (_topics, _oracle) = (topics, oracle);
        _reader = new CommittedReader(bootstrap, partitions, ends: true);
        _thread = new Thread(Run) { IsBackground = true, Name = "soak check" };
        _thread.Start();
    }

    /// <summary>The first thing that is not as it has to be.</summary>
    public string? Wrong => _wrong;

    /// <summary>Committed rows, dead letters and manifests that were looked at.</summary>
    public long Checked => Interlocked.Read(ref _checked);

    public long Epochs => Interlocked.Read(ref _epochs);

    public long Claims => Interlocked.Read(ref _claims);

    /// <summary>Input records that the last committed epoch had read.</summary>
    public long Read => _last?.Sources.Values.Sum(s => s.Partitions.Values.Sum(p => p.Offset)) ?? 0;

    /// <summary>Whether the last committed epoch holds so many rows in open windows, in each INSERT.</summary>
    public bool Holds(long rows) => _last is { } last && last.Inserts.Values.All(line => line.HeldAfter == rows);

    /// <summary>Whether everything before these offsets was looked at.</summary>
    public bool IsPast(IReadOnlyDictionary<TopicPartition, long> ends) => ends.All(e => e.Value == 0 || (_ends.TryGetValue(e.Key, out var read) && read >= e.Value));

    private void Run()
    {
        while (!_stop && _wrong is null)
        {
            try
            {
                if (_reader.Consume(Wait) is not { } record) continue;
                if (record.IsPartitionEOF)
                {
                    // The last offset may be a marker, which nobody is given.
                    _ends[record.TopicPartition] = record.Offset.Value;
                    continue;
                }
                Check(record);
                Interlocked.Increment(ref _checked);
            }
            catch (ConsumeException e) when (!e.Error.IsFatal && e.Error.Code != ErrorCode.Local_AutoOffsetReset)
            {
                // A broker is away: the client goes on where it was. What would be missing for it is missing in the end.
            }
            catch (Exception e)
            {
                _wrong = $"the check cannot go on: {e}";
            }
        }
    }

    private void Check(ConsumeResult<byte[]?, byte[]?> record)
    {
        if (record.Topic == _topics.Epochs) CheckEpoch(record);
        else if (record.Topic == _topics.Late) Blame(record, "is late, and no row of the input is");
        else if (_oracle.See(RowOf(record)) is { } wrong) Blame(record, wrong);
    }

    private SoakRow RowOf(ConsumeResult<byte[]?, byte[]?> record)
    {
        if (record.Topic == _topics.DeadLetters)
        {
            var headers = record.Message.Headers.Select(h => KeyValuePair.Create(h.Key, (byte[]?)h.GetValueBytes()));
            var place = DeadLetter.Of(new TopicRecord(record.Topic, record.Partition.Value, record.Offset.Value, record.Message.Timestamp.UtcDateTime, record.Message.Key,
                record.Message.Value, [.. headers])).Source;
            return SoakRow.DeadLetter(place?.Partition ?? -1, place?.Offset ?? -1);
        }
        using var document = JsonDocument.Parse(record.Message.Value ?? []);
        return record.Topic == _topics.Hourly ? SoakRow.ReadHour(document.RootElement) : SoakRow.ReadRoute(document.RootElement);
    }

    private void CheckEpoch(ConsumeResult<byte[]?, byte[]?> record)
    {
        var (manifest, claim) = ManifestJson.Read(record.Message.Value);
        if (claim is not null)
        {
            if (claim.Incarnation <= _incarnation) Blame(record, $"incarnation {claim.Incarnation} claims behind {_incarnation}");
            _incarnation = claim.Incarnation;
            Interlocked.Increment(ref _claims);
        }
        if (manifest is null) return;
        foreach (var wrong in Step(_last, manifest)) Blame(record, wrong);
        _last = manifest;
        Interlocked.Increment(ref _epochs);
    }

    private static IEnumerable<string> Step(EpochManifest? before, EpochManifest manifest)
    {
        foreach (var (insert, line) in manifest.Inserts)
        {
            if (!line.Holds) yield return $"{insert} is not conserved: {line}";
            var held = before?.Inserts[insert].HeldAfter ?? 0;
            if (line.HeldBefore != held) yield return $"{insert} begins with {line.HeldBefore} rows held, and the epoch before ended with {held}";
        }
        if (before is null) yield break;
        if (manifest.Epoch <= before.Epoch) yield return $"epoch {manifest.Epoch} comes behind {before.Epoch}";
        foreach (var (name, source) in manifest.Sources)
        {
            if (source.Watermark < before.Sources[name].Watermark) yield return $"the watermark of {name} goes back";
            foreach (var (partition, position) in source.Partitions)
                if (before.Sources[name].Partitions.TryGetValue(partition, out var earlier) && position.Offset < earlier.Offset)
                    yield return $"the offset of {name}-{partition} goes back from {earlier.Offset} to {position.Offset}";
        }
    }

    private void Blame(ConsumeResult<byte[]?, byte[]?> record, string what) => _wrong ??= $"{record.Topic}-{record.Partition.Value} offset {record.Offset.Value} {what}";

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
        _reader.Dispose();
    }
}
