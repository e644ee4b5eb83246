using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Pipelines.Replay;

/// <summary>A replay that exists: what it does and how far it is.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its qualified name as a pipeline.</param>
/// <param name="Bounds">What it reads; without sources where it has committed nothing.</param>
/// <param name="Last">Its last manifest; null where it has taken its target, and committed nothing yet.</param>
/// <param name="Began">When its first epoch was committed; where none was, when it took its target.</param>
internal sealed record ReplayState(string Id, string Name, ReplayBounds Bounds, EpochManifest? Last, DateTimeOffset Began)
{
    /// <summary>How it took its target, where it has committed nothing.</summary>
    public TargetTake? Taken { get; private init; }

    /// <summary>Somebody has begun to cancel it, and was not done yet.</summary>
    public bool IsCancelled { get; init; }

    public bool IsFinished => Last is { Finished: true };

    /// <summary>When it was last heard of.</summary>
    public DateTimeOffset At => Last?.At ?? Began;

    /// <summary>The event time up to which it has closed its windows, microseconds: at most the end of its range.</summary>
    public long Watermark => Math.Min(Bounds.Range.To, (Last?.Sources.Values ?? []).Select(s => s.Watermark).DefaultIfEmpty(Core.Watermark.None).Min());

    /// <summary>The part of the range's event time that is done, 0 to 1.</summary>
    public double EventTimeDone => IsFinished ? 1 : Watermark == Core.Watermark.None ? 0
        : Math.Clamp((double)(Watermark - Bounds.Range.From) / (Bounds.Range.To - Bounds.Range.From), 0, 1);

    public long Records => Bounds.Sources.Values.SelectMany(s => s.Partitions.Values).Sum(p => p.End - p.Start);

    public long RecordsDone => Bounds.Sources.Sum(s =>
        s.Value.Partitions.Sum(p => Math.Clamp((Last?.Sources.GetValueOrDefault(s.Key)?.Partitions.GetValueOrDefault(p.Key)?.Offset ?? p.Value.Start) - p.Value.Start, 0,
        p.Value.End - p.Value.Start)));

    /// <summary>What is left at the pace so far, pauses included; null before anything was read.</summary>
    public TimeSpan? Left => IsFinished ? TimeSpan.Zero : RecordsDone == 0 ? null : (At - Began) * ((double)(Records - RecordsDone) / RecordsDone);

    /// <summary>One that has committed nothing yet: it is about to, or was killed before it could.</summary>
    /// <param name="pipeline">The qualified name of the pipeline that is replayed.</param>
    /// <param name="holder">How it took its target.</param>
    public static ReplayState Of(string pipeline, TargetHolder holder) => new(holder.Take.Replay, ReplayDefinition.StemOf(pipeline) + holder.Take.Replay,
        new ReplayBounds(pipeline, holder.Take.Into, holder.Take.Range, new Dictionary<string, ReplaySource>()), null, holder.Take.At)
        { Taken = holder.Take, IsCancelled = holder.IsCancelled };
}

/// <summary>Finds replays: what they are stands in their manifests, or, before the first of these, in what they have taken their targets by.</summary>
internal static class ReplayCatalog
{
    private const string Suffix = ".epochs";
    private const string Mark = ".replay.";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="connection">The cluster.</param>
    /// <param name="pipeline">The pipeline's qualified name; null: of all pipelines.</param>
    /// <param name="time">The clock of time limits.</param>
    /// <param name="logger">For the clients' messages.</param>
    /// <param name="cancellation">Ends the search.</param>
    public static async Task<IReadOnlyList<ReplayState>> ListAsync(KafkaConnection connection, string? pipeline, TimeProvider time, ILogger logger,
        CancellationToken cancellation)
    {
        using var topics = new KafkaTopics(connection, logger);
        var (found, taken) = (new List<ReplayState>(), new List<string>());
        foreach (var (topic, _) in await topics.ListAsync(cancellation))
        {
            if (topic.EndsWith(TargetLog.Suffix, StringComparison.Ordinal)) taken.Add(topic[..^TargetLog.Suffix.Length]);
            var mark = topic.LastIndexOf(Mark, StringComparison.Ordinal);
            if (mark < 0 || !topic.EndsWith(Suffix, StringComparison.Ordinal) || (pipeline is not null && topic[..mark] != pipeline)) continue;
            EpochManifest? first = null, last = null;
            await new EpochsReader(topics, topic, 0, Patience, time, logger).ReadAllAsync(m => (first, last) = (first ?? m, m), cancellation);
            if (last?.Replay is { } bounds) found.Add(new ReplayState(topic[(mark + Mark.Length)..^Suffix.Length], topic[..^Suffix.Length], bounds, last, first!.At));
        }
        foreach (var of in taken.Where(p => pipeline is null || p == pipeline))
            foreach (var holder in (await new TargetLog(connection, of, time).ReadAsync(topics, cancellation)).All) Add(found, ReplayState.Of(of, holder));
        return found;
    }

    private static void Add(List<ReplayState> found, ReplayState holder)
    {
        var known = found.FindIndex(r => r.Name == holder.Name);
        if (known < 0) found.Add(holder);
        else found[known] = found[known] with { IsCancelled = holder.IsCancelled };
    }

    /// <summary>The one that is meant.</summary>
    /// <param name="connection">The cluster.</param>
    /// <param name="pipeline">The pipeline's qualified name.</param>
    /// <param name="id">Its id; null where there is only one.</param>
    /// <param name="time">The clock of time limits.</param>
    /// <param name="logger">For the clients' messages.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="StartupException">There is none, or more than one.</exception>
    public static async Task<ReplayState> FindAsync(KafkaConnection connection, string pipeline, string? id, TimeProvider time, ILogger logger,
        CancellationToken cancellation)
    {
        var all = await ListAsync(connection, pipeline, time, logger, cancellation);
        var chosen = all.Where(r => id is null || r.Id == id).ToList();
        if (chosen.Count == 1) return chosen[0];
        if (all.Count == 0) throw new StartupException($"pipeline '{pipeline}' has no replays\n  start one:    ./engine replay start FILE --from TIME --to TIME");
        throw new StartupException($"{(chosen.Count == 0 ? $"pipeline '{pipeline}' has no replay '{id}'" : $"pipeline '{pipeline}' has {all.Count} replays")}; name one with --id: {string.Join(", ", all.Select(r => r.Id))}");
    }

    /// <summary>The last manifest of an epochs topic; null where there is none.</summary>
    public static async Task<EpochManifest?> LastOfAsync(string topic, KafkaTopics topics, TimeProvider time, ILogger logger,
        CancellationToken cancellation) =>
        await topics.FindAsync(topic, cancellation) is null ? null
            : (await new EpochsReader(topics, topic, 0, Patience, time, logger).ReadLastAsync(cancellation)).Manifest;
}
