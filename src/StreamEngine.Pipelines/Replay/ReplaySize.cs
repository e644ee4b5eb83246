using StreamEngine.Core;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// Each manifest of a replay repeats what it reads, with all watermark moves of its range, and is one record: a replay whose manifest no topic takes would start again
/// for ever, and is refused before it writes anything.
/// </summary>
internal static class ReplaySize
{
    /// <exception cref="StartupException">A manifest could become too large.</exception>
    public static void Check(ReplayDefinition replay, ReplayBounds bounds)
    {
        var (size, most) = (ManifestJson.Write(Largest(replay, bounds)).Length, replay.Definition.MaxMessageBytes);
        if (size <= most) return;
        var moves = bounds.Sources.SelectMany(s => s.Value.Partitions.Select(p => (Name: $"{s.Key}-{p.Key}", p.Value.Moves.Count))).ToList();
        var worst = moves.MaxBy(m => m.Count);
        throw new StartupException($"in this range the live run lifted the watermarks of partitions that had been idle {moves.Sum(m => m.Count):N0} times, {worst.Count:N0} of them that of {worst.Name}; each manifest of the replay holds them all and would be of up to {size:N0} bytes, more than max-message-size = {most:N0}\n  replay it in shorter pieces:    --from .. --to ..\n  or write larger messages:       --set max-message-size={size} (the topics' max.message.bytes has to allow for it)\n  fewer are noted from now on with a longer event-time.idle-timeout of the source");
    }

    /// <summary>
    /// A manifest of it in which every number is as long as it can be. Beside the moves of the range, each position may note one: the lift to the last watermark of a
    /// partition that was behind it when the replay was restarted (a replay's partitions are never idle, and are lifted then alone).
    /// </summary>
    private static EpochManifest Largest(ReplayDefinition replay, ReplayBounds bounds)
    {
        const long number = long.MinValue + 1;
        var line = new ConservationLine(number, number, number, number, number, number, number);
        var position = new PartitionPosition(number, number, [new WatermarkMove(number, number)], Idle: true) { LeaderEpoch = int.MaxValue };
        return new EpochManifest
        {
            Pipeline = replay.Plan.Hash, Slot = 0, Incarnation = number, Epoch = number, At = DateTimeOffset.UnixEpoch, Finished = true, Replay = bounds,
            Inserts = replay.Plan.Inserts.Select(i => i.Sink).Concat(replay.Plan.Vias.Select(v => v.Name)).Distinct().ToDictionary(i => i, _ => line),
            Sources = bounds.Sources.ToDictionary(s => s.Key, s => new SourcePosition(replay.Definition.Sources.FirstOrDefault(d => d.Name == s.Key)?.Topic ?? s.Key,
                s.Value.TopicId, number, s.Value.Partitions.ToDictionary(p => p.Key, _ => position))
                {
                    Redrive = bounds.Redrive is { } redrive ? new RedrivePosition(redrive.TopicId, number, number) : null,
                }),
            State = new StatePositions([number, number], number),
        };
    }
}
