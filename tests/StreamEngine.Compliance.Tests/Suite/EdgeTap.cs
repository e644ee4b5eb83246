using Akka.Streams;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Compliance.Tests.Suite;

/// <summary>
/// Stands between a port of the stage and the edge of its island and passes everything on. What the probe behind the edge and the tap do not both know of was lost on the
/// edge, where nobody owns it; all else that is missing the stage has lost.
/// </summary>
internal sealed class EdgeTap : GraphStage<FlowShape<StreamElement, StreamElement>>
{
    private readonly Inlet<StreamElement> _in = new("tap.in");
    private readonly Outlet<StreamElement> _out = new("tap.out");

    public override FlowShape<StreamElement, StreamElement> Shape => new(_in, _out);

    public List<StreamElement> Passed { get; } = [];

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this);

    private sealed class Logic : InAndOutGraphStageLogic
    {
        private readonly EdgeTap _tap;

        public Logic(EdgeTap tap)
            : base(tap.Shape)
        {
            _tap = tap;
            SetHandlers(tap._in, tap._out, this);
        }

        public override void OnPush()
        {
            var element = Grab(_tap._in);
            _tap.Passed.Add(element);
            Push(_tap._out, element);
        }

        public override void OnPull() => Pull(_tap._in);
    }
}
