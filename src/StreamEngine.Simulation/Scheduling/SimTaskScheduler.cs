using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using Akka.Actor;
using Akka.Dispatch;

namespace StreamEngine.Simulation.Scheduling;

/// <summary>
/// Everything that can run, of which the seed picks the next. Mailboxes, timers and the continuations of awaits all come here, since each runs as a task of this
/// scheduler and an await returns to the scheduler it began under. A mailbox is queued at most once at a time, so that any pick keeps the order of messages per actor.
/// The pick depends on what is runnable and not on the order in which it became so: the order in which an actor stops its children differs between processes, and with it
/// the trace would.
/// </summary>
internal sealed class SimTaskScheduler : TaskScheduler
{
    private readonly Lock _lock = new();
    private readonly List<(Task Task, ulong Label)> _ready = [];
    private readonly ConditionalWeakTable<Mailbox, StrongBox<ulong>> _labels = new();
    private readonly Dictionary<string, int> _numbers = [];
    private ulong _seed;
    private ulong _tasks;
    private int _pump;
    private bool _seeded;

    /// <summary>Steps taken since seeding.</summary>
    public long Steps { get; private set; }

    /// <summary>A hash of what ran, in its order, at which virtual time. Equal for equal seeds, in every process.</summary>
    public ulong Trace { get; private set; }

    /// <summary>What made the run worthless: work from a foreign thread, an exception in a runnable.</summary>
    public string? Violation { get; private set; }

    public int Ready
    {
        get { lock (_lock) return _ready.Count; }
    }

    /// <summary>From here on the seed picks, and only the calling thread may bring work.</summary>
    public void Seed(ulong seed)
    {
        lock (_lock)
        {
            _seed = seed;
            _pump = Environment.CurrentManagedThreadId;
            _seeded = true;
        }
    }

    /// <summary>Runs a mailbox or another runnable of the actor system.</summary>
    public void Execute(IRunnable runnable) => new Task(static r => ((IRunnable)r!).Run(), runnable, TaskCreationOptions.DenyChildAttach).Start(this);

    /// <summary>Runs an action that a timer brought.</summary>
    public void Execute(Action action) => new Task(action, TaskCreationOptions.DenyChildAttach).Start(this);

    /// <summary>Starts asynchronous work whose continuations stay here.</summary>
    public Task<T> Start<T>(Func<Task<T>> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    protected override void QueueTask(Task task)
    {
        lock (_lock)
        {
            if (_seeded && Environment.CurrentManagedThreadId != _pump)
                Violation ??= $"work came from a foreign thread, so that the run cannot be repeated:\n{new StackTrace(1)}";
            _ready.Add((task, task.AsyncState is Mailbox mailbox ? LabelOf(mailbox) : Mixing.Mix(++_tasks)));
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_lock) return [.. _ready.Select(r => r.Task)];
    }

    /// <summary>Runs one runnable; false when there is none.</summary>
    public bool TryStep(long now)
    {
        Task task;
        lock (_lock)
        {
            if (_ready.Count == 0) return false;
            var at = _seeded ? Pick() : 0;
            var (picked, label) = _ready[at];
            if (_seeded)
            {
                _ready[at] = _ready[^1];
                _ready.RemoveAt(_ready.Count - 1);
                Steps++;
                Trace = Mixing.Mix(Trace ^ Mixing.Mix(label ^ (ulong)now));
            }
            else _ready.RemoveAt(at);
            task = picked;
        }
        TryExecuteTask(task);
        if (task is { IsFaulted: true, AsyncState: IRunnable }) Violation ??= $"a runnable failed: {task.Exception}";
        return true;
    }

    /// <summary>The least of the labels after each is mixed with seed and step: a uniform pick that the order of the list does not change.</summary>
    private int Pick()
    {
        var salt = Mixing.Mix(_seed ^ (ulong)Steps);
        var best = 0;
        var least = ulong.MaxValue;
        for (var i = 0; i < _ready.Count; i++)
        {
            var weight = Mixing.Mix(_ready[i].Label ^ salt);
            if (weight > least) continue;
            (best, least) = (i, weight);
        }
        return best;
    }

    private ulong LabelOf(Mailbox mailbox)
    {
        if (_labels.TryGetValue(mailbox, out var known)) return known.Value;
        var label = Mixing.Hash(Encoding.UTF8.GetBytes(Numbered(CellOf(mailbox).Self.Path.ToStringWithoutAddress())));
        _labels.Add(mailbox, new StrongBox<ulong>(label));
        return label;
    }

    /// <summary>Supervisors are numbered by a counter of the whole process: here by their first appearance in this system.</summary>
    private string Numbered(string path)
    {
        const string name = "StreamSupervisor-";
        var at = path.IndexOf(name, StringComparison.Ordinal);
        if (at < 0) return path;
        var from = at + name.Length;
        var to = path.IndexOf('/', from);
        var number = to < 0 ? path[from..] : path[from..to];
        if (!_numbers.TryGetValue(number, out var own)) _numbers[number] = own = _numbers.Count;
        return $"{path[..from]}{own}{(to < 0 ? "" : path[to..])}";
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Actor")]
    private static extern ActorCell CellOf(Mailbox mailbox);
}
