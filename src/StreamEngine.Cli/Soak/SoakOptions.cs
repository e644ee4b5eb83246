using System.Globalization;

namespace StreamEngine.Cli.Soak;

/// <summary>What happens to a pipeline in a campaign.</summary>
internal enum SoakFault
{
    /// <summary>SIGKILL of the worker; another one starts.</summary>
    Kill,

    /// <summary>SIGTERM: the worker drains, and another one goes on.</summary>
    Term,

    /// <summary>SIGSTOP for longer than the transaction timeout, while another worker takes over: the first one wakes and has to end with code 3.</summary>
    Stop,

    /// <summary>SIGSTOP for longer than the transaction timeout: the same worker goes on, with a new incarnation.</summary>
    Pause,

    /// <summary>SIGKILL of the broker, and a restart.</summary>
    Broker,

    /// <summary>Connections refused, stalled, or reset after some bytes.</summary>
    Proxy,
}

/// <summary>A campaign.</summary>
/// <param name="Length">How long faults happen.</param>
/// <param name="Faults">Which ones; none leaves the pipeline alone.</param>
/// <param name="Seed">What decides which fault happens when.</param>
/// <param name="Rate">Flights a second.</param>
/// <param name="Bootstrap">The cluster; null for a broker of its own.</param>
internal sealed record SoakOptions(TimeSpan Length, IReadOnlyList<SoakFault> Faults, int Seed, int Rate, string? Bootstrap)
{
    /// <summary>The names of the faults, separated by commas, or none.</summary>
    public string FaultNames => Faults.Count == 0 ? "none" : string.Join(',', Faults).ToLowerInvariant();

    /// <summary>The command that runs it again, with everything that decides what happens.</summary>
    public string Command => string.Create(CultureInfo.InvariantCulture,
        $"./engine soak --minutes {Length.TotalMinutes:0.######} --faults {FaultNames} --seed {Seed} --rate {Rate}{(Bootstrap is null ? "" : $" --bootstrap {Bootstrap}")}");

    /// <summary>Those that need a broker of one's own.</summary>
    public static bool NeedsOwnBroker(SoakFault fault) => fault is SoakFault.Broker or SoakFault.Proxy;
}
