using System.Collections.Immutable;
using Akka.Streams;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// A fan-in that aligns: a barrier goes on when it has come on every inlet, a watermark is the least over the inlets, End is the last inlet's. An inlet is held back for
/// one reason only, that its barrier has arrived and others' have not; every other inlet is pulled, so that alignment cannot deadlock on a graph without cycles and one
/// waiting element per edge is enough.
/// </summary>
internal sealed class AlignStage : GraphStage<UniformFanInShape<StreamElement, StreamElement>>
{
    private readonly string _name;

    public AlignStage(string name, int inlets)
    {
        _name = name;
        Shape = new UniformFanInShape<StreamElement, StreamElement>(new Outlet<StreamElement>($"{name}.out"),
            [.. Enumerable.Range(0, inlets).Select(i => new Inlet<StreamElement>($"{name}.in{i}"))]);
    }

    public override UniformFanInShape<StreamElement, StreamElement> Shape { get; }

    protected override Attributes InitialAttributes => Attributes.CreateName(_name);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this);

    private sealed class Logic : GraphStageLogic
    {
        private const int FromNobody = -1;

        private readonly ImmutableArray<Inlet<StreamElement>> _inlets;
        private readonly Outlet<StreamElement> _outlet;
        private readonly string _name;
        private readonly Queue<(StreamElement Element, int Inlet)> _waiting = new();
        private readonly bool[] _blocked;
        private readonly bool[] _ended;
        private readonly long[] _watermarks;
        private Barrier? _barrier;
        private long _watermark = Watermark.None;

        public Logic(AlignStage stage)
            : base(stage.Shape)
        {
            _name = stage._name;
            _inlets = [.. stage.Shape.Ins];
            _outlet = stage.Shape.Out;
            _blocked = new bool[_inlets.Length];
            _ended = new bool[_inlets.Length];
            _watermarks = new long[_inlets.Length];
            Array.Fill(_watermarks, Watermark.None);
            for (var i = 0; i < _inlets.Length; i++)
            {
                var inlet = i;
                SetHandler(_inlets[i], onPush: () => OnElement(inlet), onUpstreamFinish: () => OnFinish(inlet));
            }
            SetHandler(_outlet, onPull: OnPull);
        }

        public override void PreStart()
        {
            foreach (var inlet in _inlets) Pull(inlet);
        }

        public override void PostStop()
        {
            while (_waiting.TryDequeue(out var waiting)) (waiting.Element as Batch)?.Dispose();
        }

        private void OnElement(int inlet)
        {
            switch (Grab(_inlets[inlet]))
            {
                case Watermark watermark:
                    _watermarks[inlet] = watermark.Time;
                    Advance(inlet);
                    PullUnlessHeld(inlet);
                    break;
                case Barrier barrier:
                    if (_barrier is not null && _barrier.Epoch != barrier.Epoch)
                        throw new InvalidOperationException($"{_name}: barrier {barrier.Epoch} came on inlet {inlet} while {_barrier.Epoch} is being aligned");
                    _barrier = barrier;
                    _blocked[inlet] = true;
                    Align();
                    break;
                case End:
                    _ended[inlet] = true;
                    // An ended inlet counts as having delivered every later barrier; its watermark stays as it was, since a drain is not the end of the data.
                    Align();
                    if (!_ended.Contains(false)) Send(End.Instance, FromNobody);
                    PullUnlessHeld(inlet);
                    break;
                case var element:
                    Send(element, inlet);
                    break;
            }
        }

        // A watermark that waits counts as its inlet's waiting element, so that no more than one per inlet ever waits.
        private void Advance(int inlet)
        {
            var least = _watermarks.Min();
            if (least <= _watermark) return;
            _watermark = least;
            Send(new Watermark(least), inlet);
        }

        private void Align()
        {
            if (_barrier is null) return;
            for (var i = 0; i < _inlets.Length; i++)
                if (!_blocked[i] && !_ended[i]) return;
            Send(_barrier, FromNobody);
            _barrier = null;
            Array.Clear(_blocked);
            for (var i = 0; i < _inlets.Length; i++) PullUnlessHeld(i);
        }

        private void PullUnlessHeld(int inlet)
        {
            if (!_blocked[inlet] && !HasBeenPulled(_inlets[inlet]) && !IsClosed(_inlets[inlet]) && !IsWaiting(inlet)) Pull(_inlets[inlet]);
        }

        private bool IsWaiting(int inlet)
        {
            foreach (var (_, from) in _waiting)
                if (from == inlet) return true;
            return false;
        }

        private void Send(StreamElement element, int inlet)
        {
            if (_waiting.Count == 0 && IsAvailable(_outlet))
            {
                Push(_outlet, element);
                if (inlet != FromNobody) PullUnlessHeld(inlet);
            }
            else _waiting.Enqueue((element, inlet));
        }

        private void OnPull()
        {
            if (_waiting.TryDequeue(out var waiting))
            {
                Push(_outlet, waiting.Element);
                if (waiting.Inlet != FromNobody) PullUnlessHeld(waiting.Inlet);
            }
            if (_waiting.Count == 0 && _inlets.All(IsClosed)) CompleteStage();
        }

        private void OnFinish(int inlet)
        {
            if (!_ended[inlet]) FailStage(new InvalidOperationException($"{_name}: inlet {inlet} completed without an End: elements may be lost"));
            else if (_waiting.Count == 0 && _inlets.All(IsClosed)) CompleteStage();
        }
    }
}
