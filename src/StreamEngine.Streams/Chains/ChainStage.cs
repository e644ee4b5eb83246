using Akka.Streams;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// A chain of operators as one stage: an ordinary flow of elements, one inlet, one outlet. The chain is made when the graph starts and freed in PostStop, which also an
/// abrupt end runs.
/// </summary>
internal sealed class ChainStage(string name, Func<OperatorChain> create) : GraphStage<FlowShape<StreamElement, StreamElement>>
{
    private readonly Inlet<StreamElement> _in = new($"{name}.in");
    private readonly Outlet<StreamElement> _out = new($"{name}.out");

    public override FlowShape<StreamElement, StreamElement> Shape => new(_in, _out);

    protected override Attributes InitialAttributes { get; } = Attributes.CreateName(name);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, create);

    private sealed class Logic : InAndOutGraphStageLogic
    {
        private readonly ChainStage _stage;
        private readonly Func<OperatorChain> _create;
        private OperatorChain? _chain;
        private bool _ended;

        public Logic(ChainStage stage, Func<OperatorChain> create)
            : base(stage.Shape)
        {
            _stage = stage;
            _create = create;
            SetHandlers(stage._in, stage._out, this);
        }

        public override void PreStart() => _chain = _create();

        public override void PostStop() => _chain?.Dispose();

        public override void OnPush()
        {
            _chain!.Push(Grab(_stage._in));
            Answer();
        }

        public override void OnPull() => Answer();

        // The chain may still hold what the last elements led to: the stage completes when it is empty.
        public override void OnUpstreamFinish()
        {
            _ended = true;
            if (IsAvailable(_stage._out)) Answer();
        }

        private void Answer()
        {
            if (_chain!.TryPull(out var element)) Push(_stage._out, element!);
            else if (_ended) CompleteStage();
            else if (!HasBeenPulled(_stage._in)) Pull(_stage._in);
        }
    }
}
