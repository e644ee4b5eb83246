using System.Text;
using StreamEngine.Core;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Campaigns;

/// <summary>
/// Says which rows are late, from nothing but the log's records, the out-of-orderness and the moves that the manifests tell of: a row is late when every window that it
/// belongs to ended at or before the watermark of its own partition just before it. It shares no code with the engine.
/// </summary>
internal static class LatenessOracle
{
    /// <summary>What is wrong with the late topic of a run.</summary>
    public static IEnumerable<string> Check(Scenario scenario, SimulationResult run)
    {
        if (scenario.Windows.Count == 0) yield break;
        var expected = scenario.Windows.SelectMany(w => Late(scenario, run, w).Select(l => $"{w.Sink} {l.Topic}-{l.Partition}@{l.Offset}")).Order(StringComparer.Ordinal)
            .ToList();
        var actual = run.ReadAll(scenario.Files[0].Definition.LateTopic)
            .Select(r => $"{Header(r, "streamengine.insert")} {Header(r, "__streams.errors.topic")}-{Header(r, "__streams.errors.partition")}@{Header(r, "__streams.errors.offset")}").Order(StringComparer.Ordinal).ToList();
        if (expected.SequenceEqual(actual)) yield break;
        var (late, timely) = (actual.Except(expected).ToList(), expected.Except(actual).ToList());
        yield return $"{late.Count} rows are late that the log does not make late ({string.Join("; ", late.Take(3))}), {timely.Count} are not that it does make late ({string.Join("; ", timely.Take(3))}), of {actual.Count} late rows";
    }

    /// <summary>The rows that are late for an INSERT, with what was written.</summary>
    public static IEnumerable<(string Topic, int Partition, long Offset, InputRecord Record)> Late(Scenario scenario, SimulationResult run, WindowedInsert window)
    {
        var (name, topic) = SourceOf(scenario, window);
        for (var partition = 0; partition < run.Topics[topic].Count; partition++)
        {
            var moves = run.Manifests.SelectMany(m => m.Sources.TryGetValue(name, out var source) && source.Partitions.TryGetValue(partition, out var at) ? at.Moves : [])
                .ToList();
            var newest = long.MinValue;
            // The committed records of a partition are the input's for it, in order.
            foreach (var (log, record) in run.Topics[topic][partition].Zip(scenario.Input.Where(r => r.Topic == topic && r.Partition == partition)))
            {
                if (record.EventTime is not { } time) continue;
                var watermark = newest == long.MinValue ? newest : newest - window.OutOfOrderness;
                foreach (var move in moves)
                    if (move.Offset <= log.Offset) watermark = Math.Max(watermark, move.To);
                // The last window that holds the row begins at the last multiple of the slide that is not after it.
                var lastEnd = (long)Math.Floor((decimal)time / window.Slide) * window.Slide + window.Size;
                if (lastEnd <= watermark && window.Takes(record)) yield return (topic, partition, log.Offset, record);
                newest = Math.Max(newest, time);
            }
        }
    }

    private static (string Name, string Topic) SourceOf(Scenario scenario, WindowedInsert window)
    {
        var insert = scenario.Files[0].Plan.Inserts.First(i => i.Sink == window.Sink);
        return (insert.Source, scenario.Files[0].Definition.Sources.First(s => s.Name == insert.Source).Topic);
    }

    private static string Header(LogRecord record, string name) => RecordHeaders.TryGetLast(record.Headers, Encoding.UTF8.GetBytes(name), out var value)
        ? Encoding.UTF8.GetString(value) : "";
}
