using StreamEngine.Core;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>Which windows of redriven rows the live pipeline has closed already: those a replay has to correct.</summary>
/// <param name="plan">The pipeline's plan.</param>
/// <param name="last">Its last manifest, for the watermarks; null: nothing is closed.</param>
internal sealed class ClosedWindows(PhysicalPlan plan, EpochManifest? last)
{
    /// <summary>The most windows that are told apart.</summary>
    public const int Most = 100_000;

    private readonly HashSet<(string Insert, long End)> _windows = [];
    private long _from = long.MaxValue;
    private long _to = long.MinValue;

    /// <summary>Rows that come late for an INSERT: every window of theirs is closed.</summary>
    public long LateRows { get; private set; }

    /// <summary>Rows that will be missing in a closed window and counted in an open one.</summary>
    public long PartlyLateRows { get; private set; }

    /// <summary>Closed windows by INSERT.</summary>
    public IReadOnlyDictionary<string, int> Windows =>
        _windows.GroupBy(w => w.Insert).OrderBy(g => g.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count());

    /// <summary>There are more than were counted.</summary>
    public bool IsCut { get; private set; }

    /// <summary>What a replay has to span to correct all of them; null where none is closed.</summary>
    public EventTimeRange? Range => _from < _to ? new EventTimeRange(_from, _to) : null;

    public void Add(string source, string? insert, long eventTime)
    {
        var watermark = last?.Sources.GetValueOrDefault(source)?.Watermark ?? Watermark.None;
        if (watermark == Watermark.None) return;
        var (late, partly) = (false, false);
        foreach (var target in plan.Inserts.Where(i => i.Source == source && (insert is null || i.Sink == insert)))
        {
            if (target.Window is not { } window) continue;
            var (first, end) = (window.FirstEndAfter(eventTime, Watermark.None), window.LastEnd(eventTime));
            if (first > watermark) continue;
            late |= end <= watermark;
            partly |= end > watermark;
            var closed = Math.Min(end, first + (watermark - first) / window.Slide * window.Slide);
            (_from, _to) = (Math.Min(_from, first - window.Size), Math.Max(_to, closed));
            for (var at = first; at <= closed; at += window.Slide)
            {
                IsCut |= _windows.Count >= Most && !_windows.Contains((target.Sink, at));
                if (IsCut) break;
                _windows.Add((target.Sink, at));
            }
        }
        if (late) LateRows++;
        else if (partly) PartlyLateRows++;
    }
}
