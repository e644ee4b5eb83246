using StreamEngine.Broker;
using StreamEngine.Broker.Protocol;
using StreamEngine.Pipelines.Files;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Planted;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Campaigns;

/// <summary>What a campaign runs.</summary>
/// <param name="Text">A user's pipeline, by the settings that a process has; null for flights and generated pipelines in turn.</param>
internal sealed record CampaignSubject(Func<IReadOnlyList<string>, PipelineFile>? Text = null)
{
    public PlantedDefect Planted { get; init; }
}

/// <summary>A seed to a scenario: always the same for the same seed and subject.</summary>
internal static class ScenarioGenerator
{
    /// <summary>Requests within which a blow is worth the most.</summary>
    private static readonly ApiKey?[] Moments = [null, null, ApiKey.EndTxn, ApiKey.EndTxn, ApiKey.Produce, ApiKey.TxnOffsetCommit, ApiKey.AddPartitionsToTxn,
        ApiKey.InitProducerId, ApiKey.Fetch];

    /// <param name="seed">The seed.</param>
    /// <param name="subject">Which pipelines.</param>
    public static Scenario Create(ulong seed, CampaignSubject subject)
    {
        var random = new Random(unchecked((int)Scheduling.Mixing.Mix(seed)));
        var options = new SimulationOptions
        {
            Seed = seed,
            Planted = subject.Planted,
            Partitions = random.Next(1, 5),
            BatchRows = random.Next(3) == 0 ? 1 : random.Next(2, 40),
            Network = NetworkOf(random),
            Fsync = random.Next(2) == 0 ? FsyncPolicy.Always : FsyncPolicy.None,
            Feed = new FeedPlan { Rows = random.Next(5, 60), Pause = TimeSpan.FromMilliseconds(random.Next(20, 600)), Transactions = random.Next(2) == 0 ? 0 : 0.3,
                Aborted = random.Next(2) == 0 ? 0 : 0.2 },
        };
        var idle = random.Next(4) == 0;
        if (idle) options = options with { Feed = options.Feed with { Rows = 30, Pause = TimeSpan.FromSeconds(4) } };
        var state = new Random(unchecked((int)Scheduling.Mixing.Mix(seed ^ 0x57a7e)));
        options = options with { SnapshotBytes = state.Next(4) == 0 ? null : 1L << state.Next(10, state.Next(2) == 0 ? 12 : 15) };
        // A round over all key groups takes twenty epochs or so: rows have to come a few at a time, and no faster than the network lets them be committed.
        var rounds = !idle && options.SnapshotBytes <= 4 << 10 && state.Next(4) > 0;
        if (rounds) options = options with { Feed = options.Feed with { Rows = 3, Pause = TimeSpan.FromMilliseconds(70) + 16 * options.Network.Delay } };
        var scenario = subject.Text is { } text ? OfUser(random, text, options, rounds)
            : random.Next(3) == 0 ? OfFlights(random, options, rounds) : GeneratedPipeline.Generate(random, 2, idle, options, rounds);
        return scenario with { HasSnapshots = rounds };
    }

    private static Scenario OfFlights(Random random, SimulationOptions options, bool shortEpochs)
    {
        string[] Settings() => [random.Next(3) == 0 || shortEpochs ? "commit-interval=30ms" : "commit-interval=1s", "sources.flights.event-time.idle-timeout=infinite",
            $"kafka.transaction-timeout={random.Next(6, 60)}s"];
        var files = Enumerable.Range(0, 2).Select(_ => FlightsScenario.Pipeline(random.Next(1, 4), Settings())).ToList();
        return new Scenario { Name = "flights", Files = files,
            Input = FlightsScenario.Input(random.Next(), random.Next(60, 300) + (shortEpochs ? 100 : 0), options.Partitions), Options = options,
            Windows = FlightsScenario.Windows() };
    }

    private static Scenario OfUser(Random random, Func<IReadOnlyList<string>, PipelineFile> text, SimulationOptions options, bool shortEpochs)
    {
        var plain = text([]);
        // With partitions that fall idle, which rows are late would depend on when: the runs could not be compared.
        List<string> settings = [.. plain.Definition.Sources.Select(s => $"sources.{s.Name}.event-time.idle-timeout=infinite"),
            $"kafka.transaction-timeout={random.Next(6, 60)}s", .. shortEpochs ? ["commit-interval=30ms"] : Array.Empty<string>()];
        var files = Enumerable.Range(0, 2).Select(_ => text([.. settings, $"parallelism={random.Next(1, 4)}"])).ToList();
        return new Scenario { Name = plain.Definition.Name, Files = files,
            Input = SchemaInput.Generate(plain, random, random.Next(40, 250) + (shortEpochs ? 100 : 0), options.Partitions),
            Options = options };
    }

    private static NetworkPlan NetworkOf(Random random) => random.Next(4) switch
    {
        0 => NetworkPlan.None,
        1 => NetworkPlan.Rough with { LostRequests = 0, LostAnswers = 0, LateAnswers = 0, LateRequests = 0 },
        2 => NetworkPlan.Rough,
        _ => NetworkPlan.Rough with { Delay = TimeSpan.FromMilliseconds(random.Next(200)), LostAnswers = 0.04, LateRequests = 0.02,
            Late = TimeSpan.FromSeconds(random.Next(1, 70)) },
    };

    /// <summary>The blows, whose steps lie within the length of a run without faults.</summary>
    public static Scenario WithBlows(Scenario scenario, long steps)
    {
        var random = new Random(unchecked((int)Scheduling.Mixing.Mix(scenario.Options.Seed ^ 0xb10)));
        var blows = Enumerable.Range(0, random.Next(5)).Select(_ => BlowOf(random, steps, scenario.Options.Fsync)).ToList();
        if (scenario.HasSnapshots && random.Next(4) > 0)
        {
            // Late, when there is a snapshot to be damaged; a bad network makes a run longer than the one without faults.
            var (from, to) = scenario.Options.Network == NetworkPlan.None ? (60, 95) : (80, 130);
            var step = random.NextInt64(steps * from / 100, Math.Max(steps * from / 100 + 1, steps * to / 100));
            blows.AddRange([new(step, BlowKind.DamageState), new(step + 1, random.Next(2) == 0 ? BlowKind.Kill : BlowKind.Crash)]);
        }
        return scenario with { Options = scenario.Options with { Blows = blows } };
    }

    private static Blow BlowOf(Random random, long steps, FsyncPolicy fsync)
    {
        var kind = (BlowKind)random.Next((int)BlowKind.DamageState + 1);
        // Where nothing is forced to the disk a power cut may lose what was committed: no broker alone can help that.
        if (kind == BlowKind.PowerCut && fsync != FsyncPolicy.Always) kind = BlowKind.BrokerKill;
        var time = kind switch
        {
            BlowKind.Freeze => TimeSpan.FromMilliseconds(random.Next(100, random.Next(2) == 0 ? 3000 : 120_000)),
            BlowKind.CutOff => TimeSpan.FromMilliseconds(random.Next(100, random.Next(2) == 0 ? 5000 : 90_000)),
            BlowKind.BrokerKill or BlowKind.PowerCut => TimeSpan.FromMilliseconds(random.Next(random.Next(2) == 0 ? 500 : 15_000)),
            _ => TimeSpan.Zero,
        };
        return new Blow(random.NextInt64(1, Math.Max(2, steps)), kind, kind is BlowKind.Crash or BlowKind.Drain or BlowKind.Twin or BlowKind.DamageState ? null
            : Moments[random.Next(Moments.Length)], time);
    }
}
