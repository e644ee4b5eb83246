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
}

/// <summary>
/// Between clients and the broker. A connection keeps the order of what is sent over it, and each partition has one of its own as in a cluster where each has another leader, so that partitions overtake each other. What was
/// sent arrives also when its sender is dead by then; an answer to a dead process reaches nobody.
/// </summary>
internal sealed class SimulatedNetwork(SimulatedWorld world, SimulatedBroker broker, NetworkPlan plan, ulong seed)
{
    private readonly Random _random = new(unchecked((int)seed));

    public NetworkPlan Plan { get; set; } = plan;

    public NetworkCounts Counts { get; } = new();

    /// <summary>Clients that are cut off, by the name they gave: nothing of theirs arrives.</summary>
    public HashSet<string> CutOff { get; } = [];

    public SimulatedConnection Connect(string client) => new(this, client);

    private bool Chance(double probability) => probability > 0 && _random.NextDouble() < probability;

    private TimeSpan Draw(TimeSpan longest) => longest <= TimeSpan.Zero ? TimeSpan.Zero : new(_random.NextInt64(longest.Ticks + 1));

    /// <summary>One client's connection to the leader of a partition, or to a coordinator.</summary>
    internal sealed class SimulatedConnection(SimulatedNetwork network, string client)
    {
        private TimeSpan _lastRequest;
        private TimeSpan _lastAnswer;

        /// <summary>Sends a request and waits for its answer; null when none comes in time, or the connection ends: then nobody knows whether it was carried out.</summary>
        public Task<T?> AskAsync<T>(Message<T> message, TimeSpan patience)
            where T : struct => network.AskAsync<T?>(this, client, message.Bytes, patience, bytes => message.Parse(bytes));

        /// <summary>The same for answers that are objects.</summary>
        public Task<T?> FetchAsync<T>(Message<T> message, TimeSpan patience)
            where T : class => network.AskAsync<T?>(this, client, message.Bytes, patience, message.Parse);

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

    private Task<T> AskAsync<T>(SimulatedConnection connection, string client, byte[] request, TimeSpan patience, Func<byte[], T> parse)
    {
        var done = new TaskCompletionSource<T>();
        Counts.Requests++;
        world.After(patience, () => End(connection, done));
        if (CutOff.Contains(client)) return done.Task;
        if (Chance(Plan.LostRequests))
        {
            Counts.LostRequests++;
            return done.Task;
        }
        var delay = Draw(Plan.Delay);
        if (Chance(Plan.LateRequests))
        {
            Counts.Late++;
            delay += Draw(Plan.Late);
        }
        world.After(connection.RequestIn(world.Clock.Elapsed, delay), () => Arrive(connection, client, request, done, parse));
        return done.Task;
    }

    private void Arrive<T>(SimulatedConnection connection, string client, byte[] request, TaskCompletionSource<T> done, Func<byte[], T> parse)
    {
        if (broker.TryHandle(request, bytes => Answer(connection, client, bytes, done, parse))) return;
        Counts.Refused++;
        world.After(Draw(Plan.Delay), () => End(connection, done));
    }

    private void Answer<T>(SimulatedConnection connection, string client, byte[]? bytes, TaskCompletionSource<T> done, Func<byte[], T> parse)
    {
        if (CutOff.Contains(client)) return;
        if (bytes is null)
        {
            world.After(Draw(Plan.Delay), () => End(connection, done));
            return;
        }
        if (Chance(Plan.LostAnswers))
        {
            Counts.LostAnswers++;
            return;
        }
        var delay = Draw(Plan.Delay);
        if (Chance(Plan.LateAnswers))
        {
            Counts.Late++;
            delay += Draw(Plan.Late);
        }
        world.After(connection.AnswerIn(world.Clock.Elapsed, delay), () => done.TrySetResult(parse(bytes)));
    }

    private static void End<T>(SimulatedConnection connection, TaskCompletionSource<T> done)
    {
        if (done.TrySetResult(default!)) connection.Reset();
    }
}
