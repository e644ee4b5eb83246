using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Simulation.Network;

/// <summary>What became of requests, for failure texts and to see that faults happen at all.</summary>
internal sealed class NetworkCounts
{
    public int Requests { get; set; }

    public int LostRequests { get; set; }

    public int LostAnswers { get; set; }

    public int Late { get; set; }

    public int Refused { get; set; }

    /// <summary>Restores that read a damaged record.</summary>
    public int Damaged { get; set; }

    /// <summary>Restores that began at the newest whole snapshot.</summary>
    public int SnapshotRestores { get; set; }

    /// <summary>Restores that went back behind it, since it was damaged.</summary>
    public int OlderRestores { get; set; }

    /// <summary>Times that state behind two whole snapshots was deleted.</summary>
    public int Trims { get; set; }
}

/// <summary>How a request ended for its sender.</summary>
internal enum ReplyState : byte
{
    Answered,

    /// <summary>The connection ended: whether the request was carried out is not known, but it will not be any more.</summary>
    Disconnected,

    /// <summary>Nothing came for as long as the sender waits: the request may still be carried out at any time.</summary>
    Silent,
}

/// <summary>An answer, where there is one.</summary>
internal readonly record struct Reply<T>(T Value, ReplyState State)
{
    public bool IsAnswered => State == ReplyState.Answered;
}

/// <summary>
/// Between clients and the broker. A connection keeps the order of what is sent over it, and each partition has one of its own as in a cluster where each has another
/// leader, so that partitions overtake each other. What was sent arrives also when its sender is dead by then; an answer to a dead process reaches nobody.
/// </summary>
internal sealed class SimulatedNetwork(SimulatedWorld world, SimulatedBroker broker, NetworkPlan plan, ulong seed)
{
    private readonly Random _random = new(unchecked((int)seed));
    private int _damages;

    public NetworkPlan Plan { get; set; } = plan;

    public NetworkCounts Counts { get; } = new();

    /// <summary>Clients that are cut off, by the name they gave: nothing of theirs arrives.</summary>
    public HashSet<string> CutOff { get; } = [];

    /// <summary>The next restore of any process finds a record of the newest snapshot changed by its disk.</summary>
    public void DamageState() => _damages++;

    public bool TakeStateDamage()
    {
        if (_damages == 0) return false;
        _damages--;
        return true;
    }

    public SimulatedConnection Connect(string client) => new(this, client);

    private bool Chance(double probability) => probability > 0 && _random.NextDouble() < probability;

    private TimeSpan Draw(TimeSpan longest) => longest <= TimeSpan.Zero ? TimeSpan.Zero : new(_random.NextInt64(longest.Ticks + 1));

    /// <summary>One client's connection to the leader of a partition, or to a coordinator.</summary>
    internal sealed class SimulatedConnection(SimulatedNetwork network, string client)
    {
        private TimeSpan _lastRequest;
        private TimeSpan _lastAnswer;

        /// <summary>Sends a request and waits for its answer, for the end of the connection, or for the end of its patience.</summary>
        public Task<Reply<T>> AskAsync<T>(Message<T> message, TimeSpan patience) => network.AskAsync(this, client, message, patience);

        /// <summary>When a request sent now arrives: not before the one sent before it.</summary>
        public TimeSpan RequestIn(TimeSpan now, TimeSpan delay) => InOrder(ref _lastRequest, now, delay);

        public TimeSpan AnswerIn(TimeSpan now, TimeSpan delay) => InOrder(ref _lastAnswer, now, delay);

        /// <summary>A new connection, which knows nothing of what is still under way on the old one.</summary>
        public void Reset() => (_lastRequest, _lastAnswer) = (TimeSpan.Zero, TimeSpan.Zero);

        private static TimeSpan InOrder(ref TimeSpan last, TimeSpan now, TimeSpan delay)
        {
            var at = now + delay;
            last = at > last ? at : last;
            return last - now;
        }
    }

    private Task<Reply<T>> AskAsync<T>(SimulatedConnection connection, string client, Message<T> message, TimeSpan patience)
    {
        var done = new TaskCompletionSource<Reply<T>>();
        Counts.Requests++;
        world.After(patience, () => End(connection, done, ReplyState.Silent));
        if (CutOff.Contains(client)) return done.Task;
        var delay = Draw(Plan.Delay);
        if (Chance(Plan.LostRequests))
        {
            Counts.LostRequests++;
            world.After(delay, () => End(connection, done, ReplyState.Disconnected));
            return done.Task;
        }
        if (Chance(Plan.LateRequests))
        {
            Counts.Late++;
            delay += Draw(Plan.Late);
        }
        world.After(connection.RequestIn(world.Clock.Elapsed, delay), () => Arrive(connection, client, message, done));
        return done.Task;
    }

    private void Arrive<T>(SimulatedConnection connection, string client, Message<T> message, TaskCompletionSource<Reply<T>> done)
    {
        if (CutOff.Contains(client) || broker.TryHandle(message.Bytes, bytes => Answer(connection, client, bytes, message, done))) return;
        Counts.Refused++;
        world.After(Draw(Plan.Delay), () => End(connection, done, ReplyState.Disconnected));
    }

    private void Answer<T>(SimulatedConnection connection, string client, byte[]? bytes, Message<T> message, TaskCompletionSource<Reply<T>> done)
    {
        if (CutOff.Contains(client)) return;
        var delay = Draw(Plan.Delay);
        if (bytes is null || Chance(Plan.LostAnswers))
        {
            if (bytes is not null) Counts.LostAnswers++;
            world.After(delay, () => End(connection, done, ReplyState.Disconnected));
            return;
        }
        if (Chance(Plan.LateAnswers))
        {
            Counts.Late++;
            delay += Draw(Plan.Late);
        }
        world.After(connection.AnswerIn(world.Clock.Elapsed, delay), () => done.TrySetResult(new Reply<T>(message.Parse(bytes), ReplyState.Answered)));
    }

    private static void End<T>(SimulatedConnection connection, TaskCompletionSource<Reply<T>> done, ReplyState state)
    {
        if (done.TrySetResult(new Reply<T>(default!, state))) connection.Reset();
    }
}
