using Akka.Streams;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Compliance.Tests.Suite;

/// <summary>The upstream of a stage, played by a test: elements wait until they are pulled.</summary>
internal sealed class SourceProbe : GraphStage<SourceShape<StreamElement>>
{
    private readonly Outlet<StreamElement> _out = new("probe.out");
    private readonly Queue<StreamElement> _waiting = new();
    private Action _serve = () => { };
    private Action<Exception> _fail = _ => { };
    private bool _completed;

    public override SourceShape<StreamElement> Shape => new(_out);

    public bool Cancelled { get; private set; }

    /// <summary>Elements that the stage has not pulled.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Elements that it has pulled.</summary>
    public List<StreamElement> Sent { get; } = [];

    public void Send(params IEnumerable<StreamElement> elements)
    {
        foreach (var element in elements) _waiting.Enqueue(element);
        _serve();
    }

    /// <summary>Completes behind what waits.</summary>
    public void Complete()
    {
        _completed = true;
        _serve();
    }

    public void Fail(Exception cause) => _fail(cause);

    public void FreeWaiting()
    {
        while (_waiting.TryDequeue(out var element)) (element as Batch)?.Dispose();
    }

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this);

    private sealed class Logic : OutGraphStageLogic
    {
        private readonly SourceProbe _probe;

        public Logic(SourceProbe probe)
            : base(probe.Shape)
        {
            _probe = probe;
            SetHandler(probe._out, this);
        }

        public override void PreStart()
        {
            _probe._serve = GetAsyncCallback(OnPull);
            _probe._fail = GetAsyncCallback<Exception>(FailStage);
        }

        public override void OnPull()
        {
            if (IsAvailable(_probe._out) && _probe._waiting.TryDequeue(out var element))
            {
                _probe.Sent.Add(element);
                Push(_probe._out, element);
            }
            if (_probe._completed && _probe._waiting.Count == 0) CompleteStage();
        }

        public override void OnDownstreamFinish(Exception cause)
        {
            _probe.Cancelled = true;
            base.OnDownstreamFinish(cause);
        }
    }
}

/// <summary>The downstream of a stage, played by a test: it pulls what was asked for.</summary>
internal sealed class SinkProbe : GraphStage<SinkShape<StreamElement>>
{
    private readonly Inlet<StreamElement> _in = new("probe.in");
    private Action _serve = () => { };
    private Action _cancel = () => { };
    private int _demand;

    public override SinkShape<StreamElement> Shape => new(_in);

    /// <summary>What came and is the test's.</summary>
    public List<StreamElement> Received { get; } = [];

    /// <summary>All that ever came.</summary>
    public List<StreamElement> Arrived { get; } = [];

    public bool Completed { get; private set; }

    public Exception? Failure { get; private set; }

    public bool IsOver => Completed || Failure is not null;

    public void Request(int count)
    {
        _demand = (int)Math.Min(int.MaxValue, (long)_demand + count);
        _serve();
    }

    public void Cancel() => _cancel();

    public void FreeReceived()
    {
        foreach (var element in Received) (element as Batch)?.Dispose();
        Received.Clear();
    }

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this);

    private sealed class Logic : InGraphStageLogic
    {
        private readonly SinkProbe _probe;

        public Logic(SinkProbe probe)
            : base(probe.Shape)
        {
            _probe = probe;
            SetHandler(probe._in, this);
        }

        public override void PreStart()
        {
            _probe._serve = GetAsyncCallback(Serve);
            _probe._cancel = GetAsyncCallback(() => Cancel(_probe._in));
            Serve();
        }

        private void Serve()
        {
            if (_probe._demand == 0 || HasBeenPulled(_probe._in) || IsClosed(_probe._in)) return;
            _probe._demand--;
            Pull(_probe._in);
        }

        public override void OnPush()
        {
            var element = Grab(_probe._in);
            _probe.Arrived.Add(element);
            _probe.Received.Add(element);
            Serve();
        }

        public override void OnUpstreamFinish()
        {
            _probe.Completed = true;
            base.OnUpstreamFinish();
        }

        public override void OnUpstreamFailure(Exception e)
        {
            _probe.Failure = e;
            base.OnUpstreamFailure(e);
        }
    }
}
