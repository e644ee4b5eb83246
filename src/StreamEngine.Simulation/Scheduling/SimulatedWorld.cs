namespace StreamEngine.Simulation.Scheduling;

/// <summary>
/// Several processes and what lies between them, on one thread and one clock. A process is a simulated system: it can be killed (nothing of it runs any more, but what it
/// has sent is still under way), stopped for a while as SIGSTOP does, and run beside others. What belongs to no process, messages on the network and the world's doings,
/// are events of the world itself.
/// </summary>
internal sealed class SimulatedWorld(ulong seed)
{
    private readonly PriorityQueue<Action, (long Due, long Sequence)> _events = new();
    private readonly List<SimulatedSystem> _running = [];
    private readonly List<int> _ready = [];
    private long _sequence;
    private ulong _boots;
    private ulong _picks;

    public VirtualClock Clock { get; } = new();

    /// <summary>Runnables that ran, in all processes, and events.</summary>
    public long Steps { get; private set; }

    /// <summary>A hash of what ran in which process, in its order; equal for equal seeds.</summary>
    public ulong Trace { get; private set; }

    /// <summary>The processes that run now.</summary>
    public IReadOnlyList<SimulatedSystem> Running => _running;

    /// <summary>A new process.</summary>
    public SimulatedSystem Boot()
    {
        var system = SimulatedSystem.Boot(Mixing.Mix(seed ^ ++_boots << 32), Clock);
        _running.Add(system);
        return system;
    }

    /// <summary>Takes a process off the processor: for good, or until <see cref="Resume"/>.</summary>
    public void Stop(SimulatedSystem system) => _running.Remove(system);

    /// <summary>Lets a stopped process go on. Timers that came due meanwhile all fire now.</summary>
    public void Resume(SimulatedSystem system)
    {
        _running.Add(system);
        system.Timers.EnqueueDue();
    }

    /// <summary>Something that happens after so much time, whatever becomes of the processes.</summary>
    public void After(TimeSpan delay, Action action) => _events.Enqueue(action, ((Clock.Elapsed + delay).Ticks, _sequence++));

    /// <summary>Mixes something that happened into the trace.</summary>
    public void Note(ulong what) => Trace = Mixing.Mix(Trace ^ Mixing.Mix(what ^ (ulong)Clock.Elapsed.Ticks));

    /// <summary>Runs until the goal is reached, or the number of steps is; false for the latter.</summary>
    /// <exception cref="SimulationException">It cannot go on, went on for longer than allowed, or is not repeatable.</exception>
    public bool Run(Func<bool> goal, long untilStep, TimeSpan limit) => SimulatedSystem.Quietly(() =>
    {
        while (!goal())
        {
            if (Steps >= untilStep) return false;
            if (Clock.Elapsed > limit) throw new SimulationException($"the goal was not reached by {limit} of virtual time, after {Steps} steps: a livelock, or a wait that nothing ends\n{Dump()}");
            if (!TryStep() && !TryAdvance())
                throw new SimulationException($"nothing can run, no timer is set and the goal is not reached: a deadlock, after {Steps} steps\n{Dump()}");
        }
        return true;
    });

    private bool TryStep()
    {
        if (_events.TryPeek(out var action, out var at) && at.Due <= Clock.Elapsed.Ticks)
        {
            _events.Dequeue();
            Steps++;
            action();
            return true;
        }
        _ready.Clear();
        for (var i = 0; i < _running.Count; i++)
            if (_running[i].Tasks.Ready > 0) _ready.Add(i);
        if (_ready.Count == 0) return false;
        var system = _running[_ready[_ready.Count == 1 ? 0 : (int)(Mixing.Mix(seed ^ ++_picks) % (ulong)_ready.Count)]];
        Clock.Scheduler = system.Timers;
        Steps++;
        system.Tasks.TryStep(Clock.Elapsed.Ticks);
        if (system.Tasks.Violation is { } violation) throw new SimulationException(violation);
        Trace = Mixing.Mix(Trace ^ system.Tasks.Trace);
        return true;
    }

    private bool TryAdvance()
    {
        var next = _events.TryPeek(out _, out var at) ? at.Due : long.MaxValue;
        foreach (var system in _running)
            if (system.Timers.NextDue is { } due) next = Math.Min(next, due.Ticks);
        if (next == long.MaxValue) return false;
        Clock.MoveTo(new TimeSpan(next));
        foreach (var system in _running) system.Timers.EnqueueDue();
        return true;
    }

    private string Dump()
    {
        var text = string.Concat(_running.Select(s => s.GraphDump()));
        return text.Length <= 8000 ? text : text[..8000] + " ..";
    }
}
