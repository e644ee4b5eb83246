using StreamEngine.Broker.Protocol;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Simulation.Clients;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Simulation.Runs;

/// <summary>
/// Runs a pipeline's real graph by its real worker in a seeded world, over the embedded broker's core behind a bad network, while the world appends its input, until the
/// input is read and the last window is committed. Blows come at the steps asked for. Then whoever is still alive is let run to its end, and every transaction must have
/// come to one.
/// </summary>
internal sealed class PipelineSimulation
{
    private static readonly TimeSpan Limit = TimeSpan.FromHours(2);

    private readonly IReadOnlyList<PipelineFile> _files;
    private readonly SimulationOptions _options;
    private readonly SimulatedWorld _world;
    private readonly SimulatedBroker _broker;
    private readonly SimulatedNetwork _network;
    private readonly InputFeed _feed;
    private readonly Queue<Blow> _blows;
    private readonly string[] _inputs;
    private readonly bool _redrives;
    private readonly List<SimulatedProcess> _all = [];
    private readonly List<SimulatedProcess> _alive = [];
    private readonly List<SimulatedProcess> _frozen = [];
    private readonly List<LoggedError> _errors = [];
    private readonly List<string> _wrong = [];
    private readonly List<string> _story = [];
    private long _busy;
    private int _numbers;
    private int _toStart;
    private readonly List<(ApiKey Key, Blow Blow)> _armed = [];

    private PipelineSimulation(IReadOnlyList<PipelineFile> files, IReadOnlyList<InputRecord> input, SimulationOptions options)
    {
        _files = files;
        _options = options;
        _world = new SimulatedWorld(options.Seed);
        _broker = new SimulatedBroker(_world, options.Fsync, Mixing.Mix(options.Seed ^ 3)) { Handling = Handling };
        _network = new SimulatedNetwork(_world, _broker, options.Network, Mixing.Mix(options.Seed ^ 1));
        var topics = files[0].Definition.Sources.Select(s => s.Topic).Distinct().ToDictionary(t => t, _ => options.Partitions);
        _redrives = input.Any(r => r.Topic == files[0].Definition.RedriveTopic);
        if (_redrives) topics.Add(files[0].Definition.RedriveTopic, 1);
        _inputs = [.. topics.Keys];
        _feed = new InputFeed(_world, _broker, topics, input, options.Feed, Mixing.Mix(options.Seed ^ 2));
        _blows = new Queue<Blow>(options.Blows.OrderBy(b => b.Step));
    }

    /// <param name="files">The pipeline; each process takes the next one in turn, which may differ in parallelism and the like.</param>
    /// <param name="input">What the world writes.</param>
    /// <param name="options">Seed, faults and blows.</param>
    /// <exception cref="SimulationException">The run hung or cannot be repeated.</exception>
    public static SimulationResult Run(IReadOnlyList<PipelineFile> files, IReadOnlyList<InputRecord> input, SimulationOptions options) =>
        new PipelineSimulation(files, input, options).Run();

    private SimulationResult Run()
    {
        try
        {
            _world.Run(() => _broker.Core?.Topics.Count > 0 && _inputs.All(t => _broker.Core.Topics.Find(t) is not null), long.MaxValue,
                Limit);
            Start();
            while (_blows.TryPeek(out var blow) && !RunUntil(blow.Step))
            {
                _blows.Dequeue();
                if (blow.On is { } key) _armed.Add((key, blow));
                else Do(blow);
            }
            RunUntil(long.MaxValue);
            _busy = _world.Steps;
            RunOut();
            return Result();
        }
        catch (SimulationException e)
        {
            throw new SimulationException($"seed {_options.Seed}, {_all.Count} processes, input {(_feed.IsFinished ? "all written" : "not all written")}: {e.Message}\n{string.Concat(_all.Select(p => $"{p}\n"))}{string.Join("\n", _story.Concat(_errors.TakeLast(20).Select(e => e.ToString())))}");
        }
        finally
        {
            foreach (var process in _all) process.Connectors.FreeMemory();
        }
    }

    private void Handling(ApiKey key, bool begins)
    {
        if (!begins) return;
        // All that wait for such a request, in the order of their steps.
        var due = _armed.Where(a => a.Key == key).ToList();
        _armed.RemoveAll(a => a.Key == key);
        foreach (var (_, blow) in due) Do(blow);
    }

    private SimulatedProcess Start()
    {
        var number = _numbers++;
        var client = new SimulatedClient(_network, number, _world.Clock, _options.Patience);
        var connectors = new SimulatedConnectors(client, _options.BatchRows, _feed.EndOf, _options.Planted, _redrives);
        var process = new SimulatedProcess(number, _world.Boot(), _files[number % _files.Count], client, connectors, _errors, _options.SnapshotBytes);
        _all.Add(process);
        _alive.Add(process);
        Tell($"process {number} starts");
        return process;
    }

    /// <summary>What happened, for whoever reads a failure.</summary>
    private void Tell(string what)
    {
        if (_story.Count < 200) _story.Add($"{_world.Clock.Elapsed:hh\\:mm\\:ss\\.fff} step {_world.Steps}: {what}");
    }

    /// <summary>True when a worker has committed the end of the input.</summary>
    private bool RunUntil(long step)
    {
        while (!_all.Exists(p => p.HasFinished))
        {
            while (_toStart > 0)
            {
                _toStart--;
                Start();
            }
            if (!_world.Run(() => _toStart > 0 || _alive.Exists(p => p.Run.IsCompleted), step, Limit)) return false;
            foreach (var ended in _alive.Where(p => p.Run.IsCompleted).ToList()) Ended(ended);
        }
        return true;
    }

    private void Ended(SimulatedProcess process)
    {
        Leave(process);
        TellEnd(process);
        if (process.Failure is { } failure) throw new SimulationException(failure);
        if (process.HasFinished) return;
        // Drained, or fenced by a claim whose maker is gone by now: whoever watches over workers starts another one.
        if (_alive.Count == 0) StartLater();
    }

    private void TellEnd(SimulatedProcess process) =>
        Tell(process.HasFinished ? $"process {process.Number} has committed the end"
            : $"process {process.Number} ends{(process.Run.Exception is { } why ? $": {why.InnerException!.Message}" : "")}");

    private void Leave(SimulatedProcess process)
    {
        _alive.Remove(process);
        _world.Stop(process.System);
    }

    private void StartLater() => _world.After(TimeSpan.FromMilliseconds(500), () => _toStart++);

    private void Do(Blow blow)
    {
        var process = _alive.Count == 0 ? null : _alive[^1];
        Tell($"{blow}{(process is null ? "" : $", process {process.Number}")}");
        switch (blow.Kind)
        {
            case BlowKind.BrokerKill:
            case BlowKind.PowerCut:
                _broker.CrashOnNext(blow.Kind == BlowKind.BrokerKill ? BrokerCrash.Kill : BrokerCrash.PowerCut, blow.For);
                break;
            case BlowKind.DamageState:
                _network.DamageState();
                break;
            case BlowKind.Twin when _alive.Count < 3:
                _toStart++;
                break;
            default:
                if (process is not null) Strike(process, blow);
                break;
        }
    }

    private void Strike(SimulatedProcess process, Blow blow)
    {
        switch (blow.Kind)
        {
            case BlowKind.Kill:
                Leave(process);
                StartLater();
                break;
            case BlowKind.Crash:
                process.Crash();
                break;
            case BlowKind.Drain:
                process.Drain();
                break;
            case BlowKind.Freeze:
                Leave(process);
                _frozen.Add(process);
                _world.After(blow.For, () => Wake(process));
                StartLater();
                break;
            case BlowKind.CutOff:
                _network.CutOff.Add(process.Client.Name);
                _world.After(blow.For, () => _network.CutOff.Remove(process.Client.Name));
                break;
        }
    }

    private void Wake(SimulatedProcess process)
    {
        if (!_frozen.Remove(process)) return;
        _alive.Add(process);
        Tell($"process {process.Number} wakes");
        _world.Resume(process.System);
    }

    /// <summary>Zombies wake, all who are alive come to their ends, and what they left open runs into its timeout.</summary>
    private void RunOut()
    {
        _network.CutOff.Clear();
        foreach (var frozen in _frozen.ToList()) Wake(frozen);
        _world.Run(() => _alive.TrueForAll(p => p.Run.IsCompleted), long.MaxValue, _world.Clock.Elapsed + TimeSpan.FromMinutes(30));
        foreach (var process in _alive.ToList())
        {
            Leave(process);
            TellEnd(process);
            if (process.Failure is { } failure) _wrong.Add(failure);
        }
        var end = _world.Clock.Elapsed + _files.Max(f => f.Definition.TransactionTimeout) + TimeSpan.FromMinutes(2);
        _world.Run(() => _world.Clock.Elapsed >= end && _broker.Core is not null, long.MaxValue, TimeSpan.MaxValue);
    }

    private SimulationResult Result()
    {
        var core = _broker.Core!;
        var topics = new Dictionary<string, IReadOnlyList<IReadOnlyList<LogRecord>>>();
        foreach (var topic in core.Topics.All)
        {
            foreach (var partition in topic.Partitions)
                if (partition.Log.StableOffset != partition.Log.EndOffset)
                    _wrong.Add($"{topic.Name}-{partition.Index}: a transaction is open for ever from offset {partition.Log.StableOffset} on");
            topics[topic.Name] = [.. topic.Partitions.Select(p => ReadCommitted(topic.Name, p.Index, p.Log.StartOffset))];
        }
        var name = _files[0].Definition.QualifiedName;
        return new SimulationResult
        {
            Trace = _world.Trace,
            Steps = _world.Steps,
            BusySteps = _busy,
            Story = _story,
            Elapsed = _world.Clock.Elapsed,
            Processes = _all.Count,
            Crashes = _all.Sum(p => p.Crashes),
            Restarts = _all.Sum(p => p.Worker.Restarts),
            Topics = topics,
            Manifests = [.. topics[$"{name}.epochs"].SelectMany(p => p).Select(r => ManifestJson.Read(r.Value).Manifest).OfType<EpochManifest>()],
            GroupOffsets = core.Offsets.Of(name).ToDictionary(o => (o.Topic, o.Partition), o => o.Offset.Offset),
            Network = _network.Counts,
            BrokerCrashes = _broker.Crashes,
            Errors = _errors,
            Wrong = _wrong,
        };
    }

    private List<LogRecord> ReadCommitted(string topic, int partition, long from)
    {
        var records = new List<LogRecord>();
        for (var position = from; ;)
        {
            if (!_broker.TryAsk(Messages.Fetch(topic, partition, position, 0, 64 << 20), out var answer))
                throw new SimulationException("the broker does not answer at the end");
            var read = RecordBatches.Read(answer.Batches, position, answer.Aborted);
            records.AddRange(read.Records);
            if (read.NextOffset == position) return records;
            position = read.NextOffset;
        }
    }
}
