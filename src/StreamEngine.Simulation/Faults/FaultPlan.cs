namespace StreamEngine.Simulation.Faults;

/// <summary>How badly the outside of a pipeline behaves. Probabilities are from 0 to 1; delays are drawn evenly from zero to the longest.</summary>
internal sealed record FaultPlan
{
    /// <summary>Everything answers at once and works.</summary>
    public static FaultPlan None { get; } = new();

    /// <summary>Slow, at times refusing, and every twentieth commit has an unknown outcome.</summary>
    public static FaultPlan Rough { get; } = new()
    {
        CommitDelay = TimeSpan.FromMilliseconds(300),
        OpenDelay = TimeSpan.FromMilliseconds(200),
        SourceDelay = TimeSpan.FromMilliseconds(20),
        AppendRefusals = 0.05,
        LostCommits = 0.025,
        UnknownCommits = 0.025,
    };

    public TimeSpan CommitDelay { get; init; }

    /// <summary>Opening the log, and reading state back.</summary>
    public TimeSpan OpenDelay { get; init; }

    /// <summary>What a source tells reaches the graph so much later; answers to different questions overtake each other.</summary>
    public TimeSpan SourceDelay { get; init; }

    /// <summary>An append is refused until the log is writable again.</summary>
    public double AppendRefusals { get; init; }

    /// <summary>A commit is reported failed and was not applied.</summary>
    public double LostCommits { get; init; }

    /// <summary>A commit is reported failed and was applied.</summary>
    public double UnknownCommits { get; init; }
}
