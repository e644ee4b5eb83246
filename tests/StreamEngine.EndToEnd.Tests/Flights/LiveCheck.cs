using System.Text.Json;
using Confluent.Kafka;
using StreamEngine.EndToEnd.Tests.Suite;

namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>
/// A committed reader that checks each record as it comes: no row that need not come, none twice, and manifests that conserve rows and never go back. What it has seen it
/// can look for again, since what was committed must not go away.
/// </summary>
internal sealed class LiveCheck : IDisposable
{
    private readonly string _bootstrap;
    private readonly IReadOnlyList<TopicPartition> _partitions;
    private readonly Dictionary<string, Dictionary<string, int>> _left;
    private readonly Lock _lock = new();
    private readonly Dictionary<TopicPartitionOffset, byte[]?> _seen = [];
    private readonly CommittedReader _reader;
    private JsonElement? _manifest;
    private long _claims;
    private string? _wrong;

    public LiveCheck(string bootstrap, IReadOnlyList<TopicPartition> partitions, FlightOracle expected)
    {
        (_bootstrap, _partitions) = (bootstrap, partitions);
        _left = expected.Rows.ToDictionary(r => r.Key, r => r.Value.CountBy(row => row).ToDictionary());
        _left[FlightPipeline.DeadLetters] = expected.DeadLetters.CountBy(CommittedOutput.PlaceOf).ToDictionary();
        _left[FlightPipeline.Late] = expected.Late.CountBy(CommittedOutput.PlaceOf).ToDictionary();
        _reader = new CommittedReader(bootstrap, partitions, onRecord: Check);
    }

    /// <summary>The first thing that is wrong.</summary>
    public string? Wrong
    {
        get { lock (_lock) return _wrong; }
    }

    /// <summary>Input records that the last committed epoch had read.</summary>
    public long Read
    {
        get { lock (_lock) return _manifest is { } m ? Manifests.Read(m) : 0; }
    }

    /// <summary>The newest incarnation that claimed its slot.</summary>
    public long Incarnation
    {
        get { lock (_lock) return _claims; }
    }

    public int Seen
    {
        get { lock (_lock) return _seen.Count; }
    }

    private void Check(SeenRecord record)
    {
        lock (_lock)
        {
            _seen[record.At] = record.Value;
            try
            {
                if (record.Topic == FlightPipeline.Epochs) CheckEpoch(record);
                else CheckRow(record);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
            {
                Blame($"{record.At} cannot be read: {e.Message}\n{record.Text}");
            }
        }
    }

    private void CheckRow(SeenRecord record)
    {
        var isSide = record.Topic is FlightPipeline.DeadLetters or FlightPipeline.Late;
        var row = isSide ? CommittedOutput.PlaceOf(record) : CommittedOutput.Canonical(record.Text);
        if (!_left[record.Topic].TryGetValue(row, out var left)) Blame($"{record.At}: nobody expects {row}");
        else if (left == 0) Blame($"{record.At}: comes twice: {row}");
        _left[record.Topic][row] = left - 1;
    }

    private void CheckEpoch(SeenRecord record)
    {
        var json = JsonDocument.Parse(record.Text).RootElement;
        if (json.GetProperty("kind").GetString() == "claim")
        {
            var incarnation = Manifests.Long(json, "incarnation");
            if (incarnation <= _claims) Blame($"{record.At}: incarnation {incarnation} claims behind {_claims}");
            _claims = incarnation;
            return;
        }
        foreach (var wrong in Manifests.Step(_manifest, json)) Blame($"{record.At}: {wrong}");
        _manifest = json;
    }

    private void Blame(string what) => _wrong ??= $"while it ran, {what}";

    /// <summary>Reads everything once more from the beginning: what was there before must lie where it lay.</summary>
    public async Task NothingIsGoneAsync()
    {
        Dictionary<TopicPartitionOffset, byte[]?> before;
        lock (_lock) before = new(_seen);
        var again = new Dictionary<TopicPartitionOffset, byte[]?>();
        using var reader = new CommittedReader(_bootstrap, _partitions, onRecord: r =>
        {
            lock (again) again[r.At] = r.Value;
        });
        await Patience.UntilAsync(() =>
        {
            lock (again) return before.All(b => again.ContainsKey(b.Key));
        }, "all records that were committed before to be there again", () =>
        {
            lock (again) return $"gone: {string.Join(", ", before.Keys.Where(k => !again.ContainsKey(k)).Take(5))}";
        });
        lock (again)
            foreach (var (at, value) in before)
                if (!again[at].AsSpan().SequenceEqual(value)) throw new InvalidOperationException($"{at} is another record than when it was committed");
    }

    public void Dispose() => _reader.Dispose();
}
