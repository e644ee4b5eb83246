using Akka.Actor;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Running;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Replay;

/// <summary>Starts a replay, or goes on with one that was stopped or killed: what it reads is found once, frozen in its first manifest, and kept.</summary>
internal sealed class ReplayRun(ReplayDefinition replay, TimeProvider time, ILoggerFactory loggers)
{
    private readonly KafkaConnection _connection = KafkaConnectors.ConnectionOf(replay.Definition);
    private readonly ILogger _logger = loggers.CreateLogger<ReplayRun>();

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>What people should know about it before it runs.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Called when nobody was found to write into the target, before that is taken: what others do in between.</summary>
    public Func<Task> OnChecked { get; init; } = () => Task.CompletedTask;

    /// <summary>A worker that reads the range and ends; null where the replay is finished already.</summary>
    /// <exception cref="StartupException">It cannot be replayed; the message says why.</exception>
    public async Task<PipelineWorker?> PrepareAsync(ActorSystem system, CancellationToken cancellation)
    {
        using var topics = new KafkaTopics(_connection, _logger);
        var last = await ReplayCatalog.LastOfAsync(replay.EpochsTopic, topics, time, _logger, cancellation);
        if (last is { Finished: true })
        {
            if (await RedriveAsync(topics, null, cancellation) is { } now && now.End > (last.Replay?.Redrive?.End ?? 0))
                Notes.Add($"rows were redriven since it began, which it has not counted; to count them, forget it and start it again:    ./engine replay cancel FILE --id {replay.Id}");
            return null;
        }
        if (last is not null && last.Pipeline != replay.Plan.Hash)
            throw new StartupException($"the pipeline's file was changed since replay {replay.Id} began: what it has written so far would not fit\n  go back to that file, or forget the replay:    ./engine replay cancel FILE --id {replay.Id}");
        if (last is not null) await CheckOutputsAsync(topics, cancellation);
        var target = new ReplayTarget(_connection, replay, time, _logger);
        var bounds = last?.Replay ?? await BoundAsync(topics, target, cancellation);
        ReplaySize.Check(replay, bounds);
        await CheckRetentionAsync(topics, bounds, last, cancellation);
        var sinks = new List<SinkDefinition>();
        foreach (var (sink, live) in replay.Definition.Sinks.Zip(replay.Live.Definition.Sinks))
        {
            // As many partitions as the live topic: a promoted record goes to the same one.
            var partitions = (await topics.FindAsync(live.Topic, cancellation))?.Partitions ?? 1;
            sinks.Add(sink with { CreatePartitions = partitions });
        }
        var definition = replay.Definition with { Sinks = sinks };
        await OnChecked();
        await target.TakeAsync(topics, cancellation);
        return new PipelineWorker(definition, replay.Plan, new KafkaConnectors(time, loggers) { Replay = bounds }, system, time,
            loggers.CreateLogger<PipelineWorker>()) { Replay = bounds, OnClaimed = target.ConfirmAsync };
    }

    // It makes its topics before its first epoch: what is gone since held what it will not write again.
    private async Task CheckOutputsAsync(KafkaTopics topics, CancellationToken cancellation)
    {
        foreach (var output in replay.Outputs)
            if (await topics.FindAsync(output, cancellation) is null)
                throw new StartupException($"topic '{output}' of replay {replay.Id} was deleted, and what it had written with it: it was cancelled in part, or somebody deleted the topic\n  forget it, then start again:    ./engine replay cancel FILE --id {replay.Id}");
    }

    private async Task<ReplayBounds> BoundAsync(KafkaTopics topics, ReplayTarget target, CancellationToken cancellation)
    {
        var live = replay.Live.Definition;
        var scan = new ReplayScan(replay.Range, replay.Plan.Sources.ToDictionary(s => s.Name,
            s => !replay.Plan.Inserts.Where(i => i.Source == s.Name).Any(ReplayDiff.IsWindowless)));
        var epochs = $"{live.QualifiedName}.epochs";
        var liveEnds = await LiveEndsAsync(topics, cancellation);
        if (await topics.FindAsync(epochs, cancellation) is not null)
        {
            await CommittedAsync(topics, epochs, cancellation);
            await new EpochsReader(topics, epochs, 0, TimeSpan.FromSeconds(30), time, _logger).ReadAllAsync(scan.Add, cancellation);
        }
        if (scan.IsEmpty) throw new StartupException($"pipeline '{live.QualifiedName}' has committed nothing on {live.Bootstrap}: there is no history of it to replay\n  run it first:    ./engine run FILE");
        if (scan.Unknown.FirstOrDefault() is { } unknown)
            throw new StartupException($"pipeline '{live.QualifiedName}' has committed nothing of source {unknown}: the file has a source that it has not read yet\n  run it with that file first:    ./engine run FILE");
        if (scan.ClosedTo is { } closed && replay.Range.To > closed)
            throw new StartupException(closed == Watermark.None ? "the live pipeline has not closed a window yet: there is nothing that a replay could equal"
                : $"the live pipeline has closed its windows up to {Watermark.TextOf(closed)}: a replay up to {Watermark.TextOf(replay.Range.To)} would not equal it\n  replay up to there:    --to {Watermark.TextOf(closed)}");
        if (scan.Unseeded.ToList() is { Count: > 0 } unseeded)
            await BeginAsync(topics, scan, unseeded, cancellation);
        await target.CheckAsync(topics, cancellation);
        return scan.ToBounds(live.QualifiedName, replay.Into) with
        {
            Redrive = await RedriveAsync(topics, scan.Redrive, cancellation),
            LiveEnds = liveEnds,
        };
    }

    private async Task BeginAsync(KafkaTopics topics, ReplayScan scan, List<(string Source, int Partition)> unseeded, CancellationToken cancellation)
    {
        Notes.Add($"no manifest of {string.Join(", ", unseeded.Select(u => $"{u.Source}-{u.Partition}"))} is as old as {Watermark.TextOf(replay.Range.From)}: the beginning of the topic is read, and what was idle before the oldest manifest is not known");
        foreach (var source in unseeded.GroupBy(u => u.Source))
        {
            // One that is gone is told where retention is looked at.
            if (await topics.FindAsync(replay.Definition.Sources.First(s => s.Name == source.Key).Topic, cancellation) is not { } topic) continue;
            var first = await topics.OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation);
            foreach (var (name, partition) in source) scan.Begin(name, partition, first.GetValueOrDefault(partition));
        }
    }

    /// <summary>Where the live topics of INSERTs without windows end now.</summary>
    private async Task<Dictionary<string, IReadOnlyList<long>>> LiveEndsAsync(KafkaTopics topics, CancellationToken cancellation)
    {
        var ends = new Dictionary<string, IReadOnlyList<long>>();
        foreach (var name in replay.Plan.Inserts.Where(ReplayDiff.IsWindowless).Select(i => replay.Live.Definition.Sinks.First(s => s.Name == i.Sink).Topic).Distinct())
        {
            var stable = new List<long>();
            var partitions = (await topics.FindAsync(name, cancellation))?.Partitions ?? 0;
            for (var partition = 0; partition < partitions; partition++)
                stable.Add((await topics.EndsAsync(name, partition, cancellation)).Stable);
            ends[name] = stable;
        }
        return ends;
    }

    /// <summary>
    /// Waits until all that the live pipeline had written of its epochs can be read: the markers of a transaction reach its partitions one after the other, and the
    /// manifests have to tell of all rows up to the ends that were looked at before.
    /// </summary>
    private async Task CommittedAsync(KafkaTopics topics, string epochs, CancellationToken cancellation)
    {
        var (stable, high) = await topics.EndsAsync(epochs, 0, cancellation);
        var patience = replay.Live.Definition.TransactionTimeout + ReplayTarget.Abort;
        for (var began = time.GetTimestamp(); stable < high; stable = (await topics.EndsAsync(epochs, 0, cancellation)).Stable)
        {
            if (time.GetElapsedTime(began) > patience)
                throw new StartupException($"topic '{epochs}' has an open transaction that did not end in {patience.TotalSeconds:0} s: how far the live pipeline is is not known\n  start again when it has ended");
            await Task.Delay(Pause, time, cancellation);
        }
    }

    /// <summary>All that is in the live pipeline's redrive topic now, from where the pipeline began with it; null where nothing is.</summary>
    private async Task<ReplayRedrive?> RedriveAsync(KafkaTopics topics, RedrivePosition? began, CancellationToken cancellation)
    {
        if (await topics.FindAsync(replay.Live.Definition.RedriveTopic, cancellation) is not { } topic) return null;
        var from = began?.TopicId == topic.Id ? began.From : (await topics.OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation))[0];
        var (end, _) = await topics.EndsAsync(topic.Name, 0, cancellation);
        return end > from ? new ReplayRedrive(topic.Id, from, end) : null;
    }

    private async Task CheckRetentionAsync(KafkaTopics topics, ReplayBounds bounds, EpochManifest? last, CancellationToken cancellation)
    {
        foreach (var source in replay.Definition.Sources.Where(s => bounds.Sources.ContainsKey(s.Name)))
        {
            var topic = await topics.FindAsync(source.Topic, cancellation)
                ?? throw new StartupException($"topic '{source.Topic}' does not exist on {replay.Definition.Bootstrap}: there is nothing to replay");
            if (topic.Id != bounds.Sources[source.Name].TopicId)
                throw new StartupException($"topic '{source.Topic}' was deleted and created again: the history of before is gone");
            var first = await topics.OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation);
            foreach (var (partition, bound) in bounds.Sources[source.Name].Partitions)
            {
                var at = last?.Sources.GetValueOrDefault(source.Name)?.Partitions.GetValueOrDefault(partition)?.Offset ?? bound.Start;
                if (at < bound.End && first[partition] > at)
                    throw new StartupException($"{source.Topic}-{partition}: the replay needs the records from offset {at}, and retention has deleted those before {first[partition]}: {first[partition] - at:N0} offsets are missing\n  replay a range that begins later");
            }
        }
    }
}
