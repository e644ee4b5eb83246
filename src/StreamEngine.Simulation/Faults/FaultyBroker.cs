namespace StreamEngine.Simulation.Faults;

/// <summary>
/// What the commit logs of all incarnations share, as a broker does: who holds the claim of a slot, and which commits are on their way. A commit that was sent may still be applied after its sender has crashed, until the
/// next incarnation claims the slot: then its fate is settled, as InitTransactions completes or aborts the transaction that it finds.
/// </summary>
internal sealed class FaultyBroker(FaultPlan plan, ulong seed, TimeProvider time)
{
    private readonly Random _random = new(unchecked((int)seed));
    private readonly Dictionary<string, long> _claims = [];
    private readonly Dictionary<string, PendingCommit> _pending = [];

    public FaultPlan Plan => plan;

    /// <summary>Commits by what became of them: for the failure text, and to see that faults happen at all.</summary>
    public int Lost { get; private set; }

    public int Unknown { get; private set; }

    public int Refused { get; private set; }

    /// <summary>Commits that a crash overtook.</summary>
    public int Settled { get; private set; }

    public bool Chance(double probability) => probability > 0 && _random.NextDouble() < probability;

    /// <summary>Runs the action after a seeded delay; at once where the plan has none.</summary>
    public void After(TimeSpan longest, Action action)
    {
        if (longest <= TimeSpan.Zero) action();
        else _ = time.CreateTimer(_ => action(), null, Draw(longest), Timeout.InfiniteTimeSpan);
    }

    public Task DelayAsync(TimeSpan longest) => longest <= TimeSpan.Zero ? Task.CompletedTask : Task.Delay(Draw(longest), time);

    private TimeSpan Draw(TimeSpan longest) => new(_random.NextInt64(longest.Ticks + 1));

    public bool Refuses()
    {
        if (!Chance(plan.AppendRefusals)) return false;
        Refused++;
        return true;
    }

    /// <summary>A new incarnation of the slot: the one before is fenced from here on.</summary>
    public long Claim(string slot)
    {
        if (_pending.Remove(slot, out var pending))
        {
            Settled++;
            if (Chance(0.5)) pending.Apply();
        }
        return _claims[slot] = _claims.GetValueOrDefault(slot) + 1;
    }

    public bool IsFenced(string slot, long claim) => _claims.GetValueOrDefault(slot) != claim;

    /// <summary>A commit is on its way. One of a fenced claim arrives nowhere, and displaces nothing.</summary>
    public PendingCommit Send(string slot, long claim, Action apply)
    {
        var pending = new PendingCommit(apply);
        if (!IsFenced(slot, claim)) _pending[slot] = pending;
        return pending;
    }

    /// <summary>It arrives: false when a later claim settled it.</summary>
    public bool TryReceive(string slot, PendingCommit commit)
    {
        if (_pending.GetValueOrDefault(slot) != commit) return false;
        _pending.Remove(slot);
        return true;
    }

    public CommitFate DrawFate()
    {
        if (Chance(plan.LostCommits))
        {
            Lost++;
            return CommitFate.Lost;
        }
        if (!Chance(plan.UnknownCommits)) return CommitFate.Applied;
        Unknown++;
        return CommitFate.Unknown;
    }
}

/// <summary>A commit between client and broker.</summary>
internal sealed record PendingCommit(Action Apply);

/// <summary>What becomes of a commit, and whether the client learns it.</summary>
internal enum CommitFate : byte
{
    /// <summary>Applied, and said so.</summary>
    Applied,

    /// <summary>Not applied, reported failed.</summary>
    Lost,

    /// <summary>Applied, reported failed.</summary>
    Unknown,
}
