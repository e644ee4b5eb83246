namespace StreamEngine.Simulation.Scheduling;

/// <summary>
/// Virtual time. It stands still while anything can run, and jumps to the next timer when nothing can. It outlives the systems that run on it, as time outlives a crash;
/// timers belong to the system that is running.
/// </summary>
internal sealed class VirtualClock : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private long _ticks;

    /// <summary>Time since the clock was made.</summary>
    public TimeSpan Elapsed => new(Interlocked.Read(ref _ticks));

    /// <summary>The system that timers belong to.</summary>
    public VirtualScheduler? Scheduler { get; set; }

    public override DateTimeOffset GetUtcNow() => Start + Elapsed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    public void MoveTo(TimeSpan elapsed) => Interlocked.Exchange(ref _ticks, Math.Max(_ticks, elapsed.Ticks));

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(Scheduler ?? throw new InvalidOperationException("no simulated system runs on this clock"), callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(VirtualScheduler scheduler, TimerCallback callback, object? state) : ITimer
    {
        private long _version;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var version = ++_version;
            if (dueTime != Timeout.InfiniteTimeSpan) Schedule(dueTime, period, version);
            return true;
        }

        private void Schedule(TimeSpan dueTime, TimeSpan period, long version) => scheduler.Schedule(dueTime, () =>
        {
            if (version != _version) return;
            if (period > TimeSpan.Zero) Schedule(period, period, version);
            callback(state);
        });

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
