using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Redrive;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Pipelines.Replay;

/// <summary>Compares what a finished replay has written with what is in production.</summary>
internal static class ReplayDiff
{
    /// <exception cref="StartupException">The replay is not finished, or a sink cannot be compared.</exception>
    public static async Task<IReadOnlyList<SinkDiff>> CompareAsync(ReplayDefinition replay, ReplayState state, CancellationToken cancellation)
    {
        Check(replay);
        if (state.Last is { } last && last.Pipeline != replay.Plan.Hash)
            throw new StartupException($"the pipeline's file was changed since replay {state.Id} began: what it has written is of another plan\n  go back to that file (and its --env and --set), or forget the replay:    ./engine replay cancel FILE --id {state.Id}");
        if (!state.IsFinished) throw new StartupException($"replay {state.Id} is not finished: {(state.Last is null ? "it has committed nothing yet" : $"it is at {Watermark.TextOf(state.Watermark)} of {Watermark.TextOf(replay.Range.To)}")}\n  go on with it:    ./engine replay start FILE --from {Watermark.TextOf(replay.Range.From)} --to {Watermark.TextOf(replay.Range.To)}");
        var reader = new TopicReader(KafkaConnectors.ConnectionOf(replay.Definition));
        var redriven = await RedrivenTimes.ReadAsync(replay.Live.Definition, replay.Plan, state.Bounds, cancellation);
        var diffs = new List<SinkDiff>();
        foreach (var insert in replay.Plan.Inserts)
        {
            var sink = replay.Live.Definition.Sinks.First(s => s.Name == insert.Sink);
            var comparison = new SinkComparison(insert, sink.Upsert, replay.Range, redriven);
            await foreach (var record in reader.ReadAsync(new ReadRequest(replay.TargetOf(sink.Topic)) { ReadCommitted = true }, cancellation)) comparison.Add(record.Key,
                record.Value, live: false);
            var (ends, readTo) = (IsWindowless(insert) ? state.Bounds.LiveEnds?.GetValueOrDefault(sink.Topic) : null, new Dictionary<int, long>());
            await foreach (var record in reader.ReadAsync(new ReadRequest(sink.Topic) { ReadCommitted = true }, cancellation))
            {
                readTo[record.Partition] = record.Offset + 1;
                comparison.Add(record.Key, record.Value, live: true, ends is not null && record.Offset >= ends.ElementAtOrDefault(record.Partition));
            }
            diffs.Add(comparison.Compare() with { ReadTo = readTo });
        }
        return diffs;
    }

    /// <summary>Whether the rows of an INSERT belong to no window: the live pipeline closes nothing behind which no more of them come.</summary>
    public static bool IsWindowless(PhysicalInsert insert) => insert.Time is not { ToStart: var start, ToEnd: var end } || start == end;

    /// <summary>Whether every sink can be compared; before anything is replayed for it.</summary>
    /// <exception cref="StartupException">One cannot.</exception>
    public static void Check(ReplayDefinition replay)
    {
        foreach (var insert in replay.Plan.Inserts) Check(replay.Live.Definition.Sinks.First(s => s.Name == insert.Sink), insert.Time is not null);
    }

    private static void Check(SinkDefinition sink, bool isTimed)
    {
        if (sink.Format is not JsonFormatDefinition) throw new StartupException($"sink {sink.Name} writes CSV: only JSON rows can be compared");
        if (!isTimed) throw new StartupException($"the rows of sink {sink.Name} do not say which window or event time they belong to, so that those of the range cannot be found among the live ones\n  add window_start (or the event time) to its SELECT");
    }
}
