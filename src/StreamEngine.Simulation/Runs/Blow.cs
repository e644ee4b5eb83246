using StreamEngine.Broker.Protocol;

namespace StreamEngine.Simulation.Runs;

/// <summary>What is done to a run from outside.</summary>
internal enum BlowKind : byte
{
    /// <summary>SIGKILL: the process is gone at once, what it has sent still arrives, another one is started.</summary>
    Kill,

    /// <summary>The graph fails, and the worker starts a new incarnation by itself.</summary>
    Crash,

    /// <summary>SIGTERM: the worker drains, another process is started.</summary>
    Drain,

    /// <summary>SIGSTOP: the process stands still for a while, another one takes over, and then it wakes: a zombie.</summary>
    Freeze,

    /// <summary>Another process is started beside the one that runs.</summary>
    Twin,

    /// <summary>The broker's process is killed in the middle of a request and started again.</summary>
    BrokerKill,

    /// <summary>The broker's power goes in the middle of a request: what was not forced to the disk may be gone.</summary>
    PowerCut,

    /// <summary>The process and the broker do not reach each other for a while.</summary>
    CutOff,

    /// <summary>The disk has changed a record of the newest snapshot that the next restore reads.</summary>
    DamageState,
}

/// <summary>A blow.</summary>
/// <param name="Step">At which step of the whole run.</param>
/// <param name="Kind">What is done.</param>
/// <param name="On">Then when a request of this kind comes to the broker next; null: at once.</param>
/// <param name="For">How long it lasts, for what lasts.</param>
internal sealed record Blow(long Step, BlowKind Kind, ApiKey? On = null, TimeSpan For = default)
{
    public override string ToString() =>
        $"{Kind} at step {Step}{(On is null ? "" : $", on the next {On}")}{(For == default ? "" : $", for {For.TotalMilliseconds:0} ms")}";
}
