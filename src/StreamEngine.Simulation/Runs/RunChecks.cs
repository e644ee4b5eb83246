using StreamEngine.Core;

namespace StreamEngine.Simulation.Runs;

/// <summary>What must hold of every run, whatever happened in it. Each check answers what is wrong.</summary>
internal static class RunChecks
{
    /// <summary>All checks against the run without a fault.</summary>
    public static IReadOnlyList<string> Compare(SimulationResult run, SimulationResult faultFree, IEnumerable<string> topics, int rows) =>
        [.. SameRows(run, faultFree, topics), .. Alone(run, _ => rows)];

    /// <summary>Equal rows of these topics.</summary>
    public static IEnumerable<string> SameRows(SimulationResult run, SimulationResult faultFree, IEnumerable<string> topics) =>
        topics.SelectMany(t => SameRows(t, faultFree.Rows(t), run.Rows(t)));

    /// <summary>What needs no other run to compare with, given how many rows were written for each INSERT.</summary>
    public static IReadOnlyList<string> Alone(SimulationResult run, Func<string, int> rowsOf) =>
        [.. Manifests(run.Manifests, rowsOf), .. GroupOffsets(run), .. Errors(run), .. run.Wrong];

    /// <summary>What must hold of a run without faults: nothing fails in it, and so nothing is made up for.</summary>
    public static IReadOnlyList<string> FaultFree(SimulationResult run, Func<string, int> rowsOf) =>
        [.. Alone(run, rowsOf), .. Restarted(run)];

    private static IEnumerable<string> Restarted(SimulationResult run)
    {
        if (run.Restarts > 0 || run.Processes > 1 || run.Errors.Count > 0)
            yield return $"{run.Processes} processes and {run.Restarts} restarts where one process runs once: {string.Join("; ", run.Errors.Take(3))}";
    }

    private static IEnumerable<string> SameRows(string topic, IReadOnlyList<string> expected, IReadOnlyList<string> actual)
    {
        if (expected.SequenceEqual(actual)) yield break;
        var left = expected.CountBy(r => r).ToDictionary();
        foreach (var row in actual) left[row] = left.GetValueOrDefault(row) - 1;
        var missing = left.Where(l => l.Value > 0).ToList();
        var added = left.Where(l => l.Value < 0).ToList();
        yield return $"{topic}: {missing.Sum(m => m.Value)} rows are missing ({string.Join("; ", missing.Take(3).Select(m => m.Key))}) and {-added.Sum(a => a.Value)} are too many ({string.Join("; ", added.Take(3).Select(a => a.Key))})";
    }

    /// <summary>Conservation within each manifest and from one to the next; nothing runs backwards; every row is counted once.</summary>
    private static IEnumerable<string> Manifests(IReadOnlyList<EpochManifest> manifests, Func<string, int> rowsOf)
    {
        EpochManifest? before = null;
        foreach (var manifest in manifests)
        {
            foreach (var (insert, line) in manifest.Inserts)
            {
                if (!line.Holds) yield return $"epoch {manifest.Epoch} of {insert} is not conserved: {line}";
                if (line.HeldBefore != (before?.Inserts[insert].HeldAfter ?? 0))
                    yield return $"epoch {manifest.Epoch} of {insert} begins with {line.HeldBefore} rows held, and the one before ended with {before?.Inserts[insert].HeldAfter ?? 0}";
            }
            if (before is not null)
                foreach (var wrong in Order(before, manifest)) yield return wrong;
            before = manifest;
        }
        if (before is null) yield break;
        foreach (var insert in before.Inserts.Keys)
        {
            var counted = manifests.Sum(m => m.Inserts[insert].In);
            if (counted != rowsOf(insert)) yield return $"{insert}: {counted} rows were counted in, and {rowsOf(insert)} were written";
        }
        if (!before.Finished) yield return $"the last manifest, of epoch {before.Epoch}, does not say that the input is finished";
    }

    private static IEnumerable<string> Order(EpochManifest before, EpochManifest after)
    {
        if (after.Epoch <= before.Epoch) yield return $"epoch {after.Epoch} comes behind {before.Epoch}";
        if (after.Incarnation < before.Incarnation) yield return $"epoch {after.Epoch}: incarnation {after.Incarnation} comes behind {before.Incarnation}";
        if (after.State.End < before.State.End) yield return $"epoch {after.Epoch}: the state's end went back from {before.State.End} to {after.State.End}";
        foreach (var (name, source) in after.Sources)
        {
            if (source.Watermark < before.Sources[name].Watermark)
                yield return $"epoch {after.Epoch}: the watermark of {name} went back from {before.Sources[name].Watermark} to {source.Watermark}";
            if ((source.Redrive?.Offset ?? 0) < (before.Sources[name].Redrive?.Offset ?? 0)) yield return $"epoch {after.Epoch}: the offset of {name} in the redrive topic went back";
            foreach (var (partition, position) in source.Partitions)
            {
                var earlier = before.Sources[name].Partitions[partition];
                if (position.Offset < earlier.Offset)
                    yield return $"epoch {after.Epoch}: the offset of {name}-{partition} went back from {earlier.Offset} to {position.Offset}";
                if (position.Newest < earlier.Newest) yield return $"epoch {after.Epoch}: the newest event time of {name}-{partition} went back";
            }
        }
    }

    /// <summary>The group's offsets are for people, but of the same transaction as the manifest.</summary>
    private static IEnumerable<string> GroupOffsets(SimulationResult run)
    {
        if (run.Manifests.Count == 0) yield break;
        foreach (var source in run.Manifests[^1].Sources.Values)
            foreach (var (partition, position) in source.Partitions)
                if (run.GroupOffsets.GetValueOrDefault((source.Topic, partition), -1) is var committed && committed != position.Offset)
                    yield return $"the group's offset of {source.Topic}-{partition} is {committed}, and the last manifest's is {position.Offset}";
    }

    /// <summary>What no fault explains: an incarnation that failed for another reason, memory that was not given back.</summary>
    private static IEnumerable<string> Errors(SimulationResult run) =>
        run.Errors.Where(e => !e.IsFault && !e.IsStop).Concat(run.Errors.Where(e => e.IsStop).Skip(run.Crashes)).Select(e => $"no fault explains this error: {e}");
}
