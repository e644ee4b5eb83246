using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// The thread-safe meeting point of a running graph: the commit stage numbers epochs and tells the sources, the sources tell it when they are finished, and the worker
/// asks for a drain. Commit results go back this way rather than along an edge, since a graph with a cycle would fill up.
/// </summary>
internal sealed class EpochControl(int sources)
{
    private readonly Lock _lock = new();
    private readonly List<Action<SourceCommand>> _sources = [];
    private Action<EpochRequest>? _committer;
    private readonly Queue<EpochRequest> _early = new();

    /// <summary>A source stage has started and takes commands.</summary>
    public void AddSource(Action<SourceCommand> callback)
    {
        bool complete;
        lock (_lock)
        {
            _sources.Add(callback);
            complete = _sources.Count == sources;
        }
        if (complete) Ask(EpochRequest.SourcesStarted);
    }

    /// <summary>The commit stage has started and takes requests; what was asked for before is handed over now.</summary>
    public void SetCommitter(Action<EpochRequest> callback)
    {
        lock (_lock)
        {
            _committer = callback;
            while (_early.TryDequeue(out var request)) callback(request);
        }
    }

    /// <summary>Tells every source.</summary>
    public void Tell(SourceCommand command)
    {
        lock (_lock)
            foreach (var source in _sources) source(command);
    }

    /// <summary>Asks the commit stage for something.</summary>
    public void Ask(EpochRequest request)
    {
        lock (_lock)
        {
            if (_committer is null) _early.Enqueue(request);
            else _committer(request);
        }
    }
}

/// <summary>What sources are told.</summary>
/// <param name="Barrier">To be sent down every lane now, behind everything that was taken; null: time has moved, look at what is idle.</param>
/// <param name="Last">Nothing more is to be read: End follows the barrier.</param>
internal sealed record SourceCommand(Barrier? Barrier, bool Last)
{
    /// <summary>The clock was moved, which no timer shows: tests and the simulation say so.</summary>
    public static SourceCommand TimeMoved { get; } = new(null, false);
}

/// <summary>What the commit stage is asked for.</summary>
internal enum EpochRequest
{
    /// <summary>Every source stage has started: epochs may begin.</summary>
    SourcesStarted,

    /// <summary>A bounded source has delivered everything; when all have, the last epoch comes.</summary>
    SourceFinished,

    /// <summary>Commit what is there and stop; state stays as it is.</summary>
    Drain,

    /// <summary>End the present epoch now rather than at its time: tests, and windows that just closed.</summary>
    Checkpoint,
}
