using StreamEngine.Core;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>The event times of the redriven rows that a replay has counted, by INSERT: where they lie, the replay may differ from the live run.</summary>
internal sealed class RedrivenTimes
{
    private readonly Dictionary<string, List<long>> _times = [];

    /// <summary>Reads them from the live pipeline's redrive topic, as far as the replay did.</summary>
    public static async Task<RedrivenTimes> ReadAsync(PipelineDefinition live, PhysicalPlan plan, ReplayBounds bounds, CancellationToken cancellation)
    {
        var found = new RedrivenTimes();
        if (bounds.Redrive is not { } redrive) return found;
        using var scope = new MemoryScope("redriven");
        var decodings = plan.Sources.ToDictionary(s => s.Name, s => new RowDecoding(live.Sources.First(d => d.Name == s.Name), scope));
        try
        {
            var waiting = decodings.ToDictionary(d => d.Key, _ => new List<(RedriveMark Mark, byte[]? Value)>());
            var request = new ReadRequest(live.RedriveTopic) { ReadCommitted = true, Partition = 0, From = $"{redrive.From}" };
            await foreach (var record in new TopicReader(KafkaConnectors.ConnectionOf(live)).ReadAsync(request, cancellation))
            {
                if (record.Offset >= redrive.End) break;
                if (RedriveHeaders.Read(record.Headers, out _) is not { } mark || !waiting.TryGetValue(mark.Source, out var rows)) continue;
                rows.Add((mark, record.Value));
                if (rows.Count == LetterSelection.Most) Take(mark.Source);
            }
            foreach (var source in waiting.Keys) Take(source);

            void Take(string source)
            {
                found.Add(source, waiting[source], decodings[source], plan, bounds.Range, scope);
                waiting[source].Clear();
            }
        }
        finally
        {
            foreach (var decoding in decodings.Values) decoding.Dispose();
        }
        foreach (var times in found._times.Values) times.Sort();
        return found;
    }

    private void Add(string source, List<(RedriveMark Mark, byte[]? Value)> rows, RowDecoding decoding, PhysicalPlan plan, EventTimeRange range, MemoryScope scope)
    {
        if (rows.Count == 0) return;
        var arena = scope.RentArena();
        using (var decoded = decoding.Decode([.. rows.Select(r => r.Value)], arena))
        {
            var times = decoding.EventTimes(decoded, [.. rows.Select(r => r.Mark.Timestamp)], arena);
            for (var i = 0; i < rows.Count; i++)
                if (decoded.Errors[i] is null && times[i] is { } time && range.Contains(time))
                    foreach (var insert in plan.Inserts.Where(p => p.Source == source && (rows[i].Mark.Insert is not { } only || only == p.Sink))) Add(insert.Sink, time);
        }
        arena.Release();
    }

    /// <summary>A row of the INSERT was redriven.</summary>
    public void Add(string insert, long time)
    {
        if (!_times.TryGetValue(insert, out var times)) _times[insert] = times = [];
        times.Add(time);
    }

    /// <summary>Whether a row of the INSERT that was redriven lies between; both the same: at that time.</summary>
    public bool Any(string insert, long from, long to)
    {
        if (!_times.TryGetValue(insert, out var times)) return false;
        var at = times.BinarySearch(from);
        // The first of several equal ones may be before it, which does not matter: one is enough.
        if (at >= 0) return true;
        return ~at < times.Count && times[~at] < to;
    }
}
