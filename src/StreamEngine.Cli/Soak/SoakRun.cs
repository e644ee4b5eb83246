using System.Globalization;
using Confluent.Kafka;
using StreamEngine.Cli.Demo;
using StreamEngine.Cli.Processes;
using StreamEngine.Pipelines.Files;

namespace StreamEngine.Cli.Soak;

/// <summary>
/// A campaign: flights.conf in a process of its own, fed at a rate, with faults by a seed, and checked all the while. Everything it starts ends with it.
/// </summary>
internal sealed class SoakRun : IAsyncDisposable
{
    private const int Partitions = 4;
    private const int ResetEvery = 300;
    private const string TransactionTimeout = "5s";
    private static readonly TimeSpan PastTransactionTimeout = TimeSpan.FromSeconds(7);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    /// <summary>Without a new commit for so long after a fault the campaign has failed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly SoakOptions _options;
    private readonly SoakCluster _cluster;
    private readonly SoakOracle _oracle;
    private readonly string _file;
    private readonly Random _random;
    private readonly Action<string> _say;
    private readonly List<EngineProcess> _workers = [];
    private readonly List<string> _settings;
    private readonly SortedDictionary<SoakFault, int> _happened = [];
    private readonly List<double> _recoveries = [];
    private SoakCheck? _check;
    private volatile bool _feeding = true;

    private SoakRun(SoakOptions options, SoakCluster cluster, Action<string> say)
    {
        (_options, _cluster, _say) = (options, cluster, say);
        _random = new Random(options.Seed);
        _file = Project.File("hocon/pipelines/flights.conf");
        _oracle = new SoakOracle(Project.File("data/flights.ndjson"), Partitions);
        var plain = PipelineFile.Load(_file).Definition;
        _settings =
        [
            $"naming.prefix=\"{cluster.Prefix}\"", "commit-interval=200ms", $"kafka.transaction-timeout={TransactionTimeout}", "logging.folder=\"\"",
            // Lateness is then a matter of the rows alone, however long a fault takes.
            "sources.flights.event-time.idle-timeout=infinite", $"sources.flights.topic=\"{cluster.Prefix}{plain.Sources[0].Topic}\"",
            .. plain.Sinks.Select(s => $"sinks.{s.Name}.topic=\"{cluster.Prefix}{s.Topic}\""),
            $"dead-letters.topic=\"{cluster.Prefix}{plain.DeadLetterTopic}\"", $"late.topic=\"{cluster.Prefix}{plain.LateTopic}\"",
        ];
        Definition = PipelineFile.Load(_file, null, _settings).Definition;
    }

    public Plan.Definitions.PipelineDefinition Definition { get; }

    public SoakCheck? Check => _check;

    public SoakOracle Oracle => _oracle;

    public MemorySeries WorkerMemory { get; } = new();

    public MemorySeries BrokerMemory { get; } = new();

    public bool OwnsBroker => _cluster.Proxy is not null;

    /// <summary>How often each fault has come about.</summary>
    public string Happened => _happened.Count == 0 ? "no fault yet"
        : string.Join(", ", _happened.Select(h => string.Create(CultureInfo.InvariantCulture, $"{h.Value} {h.Key.ToString().ToLowerInvariant()}")));

    /// <summary>From the end of each fault, or the start of the next worker, to the first new commit.</summary>
    public string Recovery => _recoveries.Count == 0 ? "-" : string.Create(CultureInfo.InvariantCulture,
        $"median {_recoveries.Order().ElementAt(_recoveries.Count / 2):0.0} s, max {_recoveries.Max():0.0} s");

    private EngineProcess Worker => _workers[^1];

    public static async Task<SoakRun> StartAsync(SoakOptions options, Action<string> say, CancellationToken cancellation)
    {
        var cluster = await SoakCluster.StartAsync(options.Bootstrap, cancellation);
        try
        {
            return new SoakRun(options, cluster, say);
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Runs the faults for as long as was asked, or until it is stopped; then lets the pipeline come to its end, and drains it.
    /// </summary>
    /// <exception cref="IOException">Something is not as it has to be: a wrong row, a worker that ended by itself, no commit for too long.</exception>
    public async Task PlayAsync(CancellationToken stop)
    {
        using var ending = new CancellationTokenSource();
        var d = Definition;
        var topics = new SoakTopics(d.Sinks[0].Topic, d.Sinks[1].Topic, d.DeadLetterTopic, d.LateTopic!, $"{d.QualifiedName}.epochs");
        foreach (var topic in new[] { d.Sources[0].Topic, topics.Hourly, topics.Routes }) await _cluster.CreateAsync(topic, Partitions, stop);
        foreach (var topic in new[] { topics.DeadLetters, topics.Late }) await _cluster.CreateAsync(topic, 1, stop);
        await StartWorkerAsync(stop);
        // The worker made it, for itself.
        TopicPartition[] partitions = [.. new[] { topics.Hourly, topics.Routes }.SelectMany(t => Enumerable.Range(0, Partitions).Select(p => new TopicPartition(t, p))),
            .. new[] { topics.DeadLetters, topics.Late, topics.Epochs }.Select(t => new TopicPartition(t, 0))];
        _check = new SoakCheck(_cluster.Bootstrap, topics, partitions, _oracle);
        var feed = new FlightFeed(_cluster.Bootstrap, d.Sources[0].Topic, Partitions, _options.Rate);
        var feeding = feed.RunAsync(_oracle.Feed(() => _feeding), ending.Token);
        var sampling = SampleAsync(ending.Token);
        try
        {
            await UntilAsync(() => _check.Epochs > 0 || feeding.IsFaulted, "the first commit", Patience);
            await FaultsAsync(stop);
            _feeding = false;
            await feeding;
            var held = _oracle.Held;
            await UntilAsync(() => _check.Read >= _oracle.Fed && _check.Holds(held), "all records to be read, and all windows but the last ones to close", Patience);
            await DrainAsync();
            await JudgeAsync(partitions);
        }
        finally
        {
            _feeding = false;
            await ending.CancelAsync();
            await Quietly(feeding);
            await Quietly(sampling);
        }
    }

    /// <summary>Everything is committed: what was not seen before its end does not come any more.</summary>
    private async Task JudgeAsync(IReadOnlyList<TopicPartition> partitions)
    {
        var ends = await _cluster.StableEndsAsync(partitions, CancellationToken.None);
        for (var begun = TimeProvider.System.GetTimestamp(); !_check!.IsPast(ends);)
        {
            IsRight();
            if (TimeProvider.System.GetElapsedTime(begun) > Patience) throw new IOException($"the check waited {Patience.TotalSeconds:0} s to read what is committed");
            await Task.Delay(Poll, TimeProvider.System, CancellationToken.None);
        }
        IsRight();
        if (_oracle.Missing > 0) throw new IOException($"{_oracle.Missing:N0} rows are missing: {string.Join("; ", _oracle.Some(3))}");
    }

    private static async Task Quietly(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // Told by whoever waited for it before.
        }
    }

    private async Task FaultsAsync(CancellationToken stop)
    {
        var begun = TimeProvider.System.GetTimestamp();
        TimeSpan Left() => _options.Length - TimeProvider.System.GetElapsedTime(begun);
        var bag = new Queue<SoakFault>();
        while (!stop.IsCancellationRequested && Left() > TimeSpan.Zero)
        {
            // Short campaigns have their faults too.
            var wait = TimeSpan.FromSeconds(Math.Min(_random.Next(1000, 8000) / 1000.0, Math.Min(Left().TotalSeconds, _options.Length.TotalSeconds / 6)));
            await RestAsync(wait, stop);
            if (stop.IsCancellationRequested || _options.Faults.Count == 0 || Left() <= TimeSpan.Zero) continue;
            if (bag.Count == 0)
            {
                var all = _options.Faults.ToArray();
                _random.Shuffle(all);
                bag = new Queue<SoakFault>(all);
            }
            var fault = bag.Dequeue();
            // A fault is not left half way: what it stopped has to go on.
            await HappenAsync(fault);
            _happened[fault] = _happened.GetValueOrDefault(fault) + 1;
        }
    }

    private async Task RestAsync(TimeSpan wait, CancellationToken stop)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (!stop.IsCancellationRequested && TimeProvider.System.GetElapsedTime(begun) < wait)
        {
            IsRight();
            await Task.Delay(Poll, TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task HappenAsync(SoakFault fault)
    {
        switch (fault)
        {
            case SoakFault.Kill:
                Worker.Kill();
                await RecoverAsync(() => StartWorkerAsync(CancellationToken.None));
                break;
            case SoakFault.Term:
                await DrainAsync();
                await RecoverAsync(() => StartWorkerAsync(CancellationToken.None));
                break;
            case SoakFault.Stop:
                await ReplaceAsync();
                break;
            case SoakFault.Pause:
                Worker.Pause();
                await Task.Delay(PastTransactionTimeout, TimeProvider.System, CancellationToken.None);
                await RecoverAsync(() =>
                {
                    Worker.Continue();
                    return Task.CompletedTask;
                });
                break;
            case SoakFault.Broker:
                _cluster.Broker!.Kill();
                // Its port is anybody's now.
                _cluster.Proxy!.Target = null;
                await RecoverAsync(() => _cluster.StartBrokerAsync(CancellationToken.None));
                break;
            default:
                await BreakNetworkAsync(_cluster.Proxy!);
                break;
        }
    }

    private async Task DrainAsync()
    {
        Worker.Terminate();
        var code = await Worker.WaitForExitCodeAsync(CancellationToken.None).WaitAsync(Patience, TimeProvider.System, CancellationToken.None);
        if (code == ExitCodes.Done) return;
        var what = $"worker {Worker.Id} ended a drain with exit code {code}\n{Worker.Lines}";
        // A cluster of others may be away just then, which is no loss: the next worker goes on before what could not be committed.
        if (OwnsBroker || code != ExitCodes.Failed) throw new IOException(what);
        _say(what);
    }

    private async Task ReplaceAsync()
    {
        var zombie = Worker;
        zombie.Pause();
        var begun = TimeProvider.System.GetTimestamp();
        await RecoverAsync(() => StartWorkerAsync(CancellationToken.None));
        var left = PastTransactionTimeout - TimeProvider.System.GetElapsedTime(begun);
        if (left > TimeSpan.Zero) await Task.Delay(left, TimeProvider.System, CancellationToken.None);
        zombie.Continue();
        var code = await zombie.WaitForExitCodeAsync(CancellationToken.None).WaitAsync(Patience, TimeProvider.System, CancellationToken.None);
        if (code != ExitCodes.Fenced) throw new IOException($"a worker that had been replaced ended with exit code {code} instead of {ExitCodes.Fenced}\n{zombie.Lines}");
        if (!zombie.Lines.Contains($"process {Worker.Id}", StringComparison.Ordinal)) throw new IOException($"it does not name its successor\n{zombie.Lines}");
    }

    private async Task BreakNetworkAsync(TcpProxy proxy)
    {
        var way = (ProxyWay)_random.Next(1, 4);
        var resets = false;
        switch (_random.Next(4))
        {
            case 0:
                await proxy.RefuseAsync();
                proxy.CutAll();
                break;
            case 1:
                proxy.Stall(way);
                break;
            case 2:
                resets = true;
                break;
            default:
                proxy.Delay = TimeSpan.FromMilliseconds(_random.Next(1, 50));
                break;
        }
        for (var left = _random.Next(200, 8000); left > 0; left -= ResetEvery)
        {
            // One reset is soon made good; one after the other hits what makes it good.
            if (resets) proxy.ResetAfter(_random.Next(1, 50_000), way);
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(left, ResetEvery)), TimeProvider.System, CancellationToken.None);
        }
        await RecoverAsync(() =>
        {
            proxy.Heal();
            return Task.CompletedTask;
        });
    }

    private async Task RecoverAsync(Func<Task> restart)
    {
        var (begun, epochs) = (TimeProvider.System.GetTimestamp(), _check!.Epochs);
        await restart();
        await UntilAsync(() => _check.Epochs > epochs, "a commit after a fault", Patience);
        _recoveries.Add(TimeProvider.System.GetElapsedTime(begun).TotalSeconds);
    }

    private async Task StartWorkerAsync(CancellationToken cancellation)
    {
        var ready = Path.Combine(_cluster.Folder, $"ready-{_workers.Count}");
        _workers.Add(EngineProcess.Start(_cluster.Folder, ["run", _file, "--bootstrap", _cluster.Bootstrap, "--ready-file", ready,
            .. _settings.SelectMany(s => new[] { "--set", s })]));
        // Those of before are gone but for one that stands still.
        foreach (var gone in _workers.SkipLast(2)) gone.Dispose();
        await Worker.WaitForFileAsync(ready, cancellation);
        File.Delete(ready);
    }

    private async Task UntilAsync(Func<bool> done, string what, TimeSpan limit)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (!done())
        {
            IsRight();
            if (Worker.HasExited) throw new IOException($"worker {Worker.Id} ended by itself with exit code {Worker.ExitCode}\n{Worker.Lines}");
            if (TimeProvider.System.GetElapsedTime(begun) > limit)
                throw new IOException($"waited {limit.TotalSeconds:0} s for {what}: {_check?.Read:N0} of {_oracle.Fed:N0} records read, {_oracle.Missing} rows are missing ({string.Join("; ", _oracle.Some(3))})\n{Worker.Lines}");
            await Task.Delay(Poll, TimeProvider.System, CancellationToken.None);
        }
        IsRight();
    }

    private void IsRight()
    {
        if (_check?.Wrong is { } wrong) throw new IOException(wrong);
    }

    private async Task SampleAsync(CancellationToken cancellation)
    {
        var begun = TimeProvider.System.GetTimestamp();
        for (var samples = 0; ; samples++)
        {
            var seconds = TimeProvider.System.GetElapsedTime(begun).TotalSeconds;
            var worker = Worker;
            WorkerMemory.Add(worker.Id, seconds, worker.ResidentMb);
            if (_cluster.Broker is { } broker) BrokerMemory.Add(broker.Id, seconds, broker.ResidentMb);
            if (samples > 0 && samples % 12 == 0) _say(Line(seconds / 60));
            await Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System, cancellation);
        }
    }

    private string Line(double minutes) => string.Create(CultureInfo.InvariantCulture,
        $"{minutes,6:0.0} min  {Happened}; {_oracle.Fed:N0} fed, {_check?.Read:N0} read, {_check?.Checked:N0} committed records checked; worker {WorkerMemory.Last:0} MB{(OwnsBroker ? $", broker {BrokerMemory.Last:0} MB" : "")}; recovery {Recovery}");

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers) worker.Dispose();
        _check?.Dispose();
        await _cluster.DisposeAsync();
    }
}
