using Akka.Streams;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// A fan-out: what each outlet gets of an element is for <see cref="Divide"/> to say; control elements go to every outlet, in order. One element waits per outlet, and
/// the next is pulled when all have taken theirs. An outlet that cancels fails the stage, since rows would be lost silently.
/// </summary>
internal abstract class FanOutStage : GraphStage<UniformFanOutShape<StreamElement, StreamElement>>
{
    private readonly string _name;

    protected FanOutStage(string name, int outlets)
    {
        _name = name;
        Shape = new UniformFanOutShape<StreamElement,
            StreamElement>(new Inlet<StreamElement>($"{name}.in"), [.. Enumerable.Range(0, outlets).Select(i => new Outlet<StreamElement>($"{name}.out{i}"))]);
    }

    public override UniformFanOutShape<StreamElement, StreamElement> Shape { get; }

    protected override Attributes InitialAttributes => Attributes.CreateName(_name);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, CreateDivider());

    /// <summary>Per materialization, since it may hold buffers.</summary>
    protected abstract Divide CreateDivider();

    /// <summary>Takes over a batch and puts for each outlet the batch it gets, or leaves null for none.</summary>
    protected delegate void Divide(Batch batch, Batch?[] outlets);

    private sealed class Logic : GraphStageLogic
    {
        private readonly Inlet<StreamElement> _in;
        private readonly Outlet<StreamElement>[] _outlets;
        private readonly StreamElement?[] _waiting;
        private readonly Batch?[] _parts;
        private readonly Divide _divide;
        private bool _finished;
        private bool _ended;

        public Logic(FanOutStage stage, Divide divide)
            : base(stage.Shape)
        {
            _in = stage.Shape.In;
            _outlets = [.. stage.Shape.Outs];
            _waiting = new StreamElement?[_outlets.Length];
            _parts = new Batch?[_outlets.Length];
            _divide = divide;
            SetHandler(_in, onPush: OnPush, onUpstreamFinish: () =>
            {
                _finished = true;
                CompleteWhenEmpty();
            });
            for (var i = 0; i < _outlets.Length; i++)
            {
                var outlet = i;
                SetHandler(_outlets[i], onPull: () => OnPull(outlet), onDownstreamFinish: cause => OnCancel(stage._name, outlet, cause));
            }
        }

        public override void PreStart() => Pull(_in);

        public override void PostStop()
        {
            foreach (var element in _waiting) (element as Batch)?.Dispose();
        }

        private void OnPush()
        {
            var element = Grab(_in);
            if (element is Batch batch)
            {
                _divide(batch, _parts);
                for (var i = 0; i < _parts.Length; i++)
                {
                    _waiting[i] = _parts[i];
                    _parts[i] = null;
                }
            }
            else Array.Fill(_waiting, element);
            _ended |= element is End;
            for (var i = 0; i < _outlets.Length; i++)
                if (IsAvailable(_outlets[i])) OnPull(i);
            PullWhenEmpty();
        }

        private void OnPull(int outlet)
        {
            if (_waiting[outlet] is not { } element) return;
            _waiting[outlet] = null;
            Push(_outlets[outlet], element);
            PullWhenEmpty();
            CompleteWhenEmpty();
        }

        private void OnCancel(string name, int outlet, Exception cause)
        {
            // Behind an End the stages complete one after the other; before it a branch that goes away would lose rows.
            if (!_ended || _waiting[outlet] is not null) FailStage(new InvalidOperationException($"{name}: outlet {outlet} cancelled while rows flow", cause));
            else if (Array.TrueForAll(_outlets, o => IsClosed(o) || o == _outlets[outlet])) CompleteStage();
        }

        private void PullWhenEmpty()
        {
            if (!_finished && !HasBeenPulled(_in) && !IsClosed(_in) && Array.TrueForAll(_waiting, w => w is null)) Pull(_in);
        }

        private void CompleteWhenEmpty()
        {
            if (_finished && Array.TrueForAll(_waiting, w => w is null)) CompleteStage();
        }
    }
}

/// <summary>
/// Every outlet gets every row: where several INSERTs read one source. Side batches go to the first outlet alone, so that they reach the commit once; redriven rows to
/// the INSERT that failed them.
/// </summary>
/// <param name="name">The stage's name.</param>
/// <param name="readers">The INSERTs and users' own stages, by outlet.</param>
internal sealed class ForkStage(string name, IReadOnlyList<string> readers) : FanOutStage(name, readers.Count)
{
    protected override Divide CreateDivider() => (batch, parts) =>
    {
        if (batch.Role == BatchRole.Main && batch.Records?.Redrive?.Insert is { } insert)
        {
            parts[IndexOf(insert)] = batch;
            return;
        }
        if (batch.Role == BatchRole.Main)
            for (var i = 1; i < parts.Length; i++) parts[i] = batch.Share();
        parts[0] = batch;
    };

    private int IndexOf(string insert)
    {
        for (var i = 0; i < readers.Count; i++)
            if (readers[i] == insert) return i;
        throw new InvalidOperationException($"redriven rows for {insert} came to a fork that it does not read from");
    }
}
