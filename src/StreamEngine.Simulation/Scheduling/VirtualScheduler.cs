using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;

namespace StreamEngine.Simulation.Scheduling;

/// <summary>
/// The scheduler of a simulated actor system: timers by due time and the order in which they were asked for. All stream and actor timers go through it. What is due is
/// put into the seeded queue, so that of several timers of one moment the seed picks the first.
/// </summary>
internal sealed class VirtualScheduler : SchedulerBase
{
    [ThreadStatic]
    private static (SimTaskScheduler Tasks, VirtualClock Clock)? _booting;

    private readonly Lock _lock = new();
    private readonly PriorityQueue<Action, (long Due, long Sequence)> _due = new();
    private readonly VirtualClock _clock;
    private long _sequence;

    /// <summary>Called by the actor system, which knows no more than its configuration; see <see cref="Booting"/>.</summary>
    public VirtualScheduler(Akka.Configuration.Config scheduler, ILoggingAdapter log)
        : base(scheduler, log)
    {
        (Tasks, _clock) = _booting ?? throw new InvalidOperationException("a virtual scheduler is made by a simulated system only");
        _clock.Scheduler = this;
    }

    public SimTaskScheduler Tasks { get; }

    /// <summary>The next due time; null when no timer is set.</summary>
    public TimeSpan? NextDue
    {
        get { lock (_lock) return _due.TryPeek(out _, out var priority) ? new TimeSpan(priority.Due) : null; }
    }

    protected override DateTimeOffset TimeNow => _clock.GetUtcNow();

    public override TimeSpan MonotonicClock => _clock.Elapsed;

    public override TimeSpan HighResMonotonicClock => _clock.Elapsed;

    /// <summary>What the system that this thread makes next runs on.</summary>
    public static void Booting(SimTaskScheduler tasks, VirtualClock clock) => _booting = (tasks, clock);

    /// <summary>Runs the action after so much virtual time.</summary>
    public void Schedule(TimeSpan delay, Action action)
    {
        lock (_lock) _due.Enqueue(action, ((_clock.Elapsed + delay).Ticks, _sequence++));
    }

    /// <summary>Moves the clock to the next timer and makes everything runnable that is due then; false when there is none.</summary>
    public bool TryAdvance()
    {
        if (NextDue is not { } next) return false;
        _clock.MoveTo(next);
        EnqueueDue();
        return true;
    }

    /// <summary>Makes everything runnable that is due by now.</summary>
    public void EnqueueDue()
    {
        while (true)
        {
            Action action;
            lock (_lock)
            {
                if (!_due.TryPeek(out action!, out var priority) || priority.Due > _clock.Elapsed.Ticks) return;
                _due.Dequeue();
            }
            Tasks.Execute(action);
        }
    }

    private void Once(TimeSpan delay, Action action, ICancelable? cancelable) => Schedule(delay, () =>
    {
        if (cancelable is not { IsCancellationRequested: true }) action();
    });

    private void Repeatedly(TimeSpan delay, TimeSpan interval, Action action, ICancelable? cancelable) => Once(delay, () =>
    {
        Repeatedly(interval, interval, action, cancelable);
        action();
    }, cancelable);

    protected override void InternalScheduleTellOnce(TimeSpan delay, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable) =>
        Once(delay, () => receiver.Tell(message, sender), cancelable);

    protected override void InternalScheduleTellRepeatedly(TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef sender,
        ICancelable cancelable) =>
        Repeatedly(initialDelay, interval, () => receiver.Tell(message, sender), cancelable);

    protected override void InternalScheduleOnce(TimeSpan delay, Action action, ICancelable cancelable) => Once(delay, action, cancelable);

    protected override void InternalScheduleOnce(TimeSpan delay, IRunnable action, ICancelable cancelable) => Once(delay, action.Run, cancelable);

    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable cancelable) =>
        Repeatedly(initialDelay, interval, action, cancelable);

    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, IRunnable action, ICancelable cancelable) =>
        Repeatedly(initialDelay, interval, action.Run, cancelable);
}
