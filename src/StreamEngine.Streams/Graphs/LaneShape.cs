using System.Collections.Immutable;
using Akka.Streams;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// A lane: rows come in from its source and leave by its sinks' outlets; per keyed INSERT it has an outlet to every other lane and an inlet from every other lane.
/// </summary>
internal sealed class LaneShape : Shape
{
    private readonly int _lane;

    /// <param name="lane">The lane's number.</param>
    /// <param name="inlets">From the source, then per exchange from each other lane, in their order.</param>
    /// <param name="ends">To the commit.</param>
    /// <param name="to">Per exchange to each other lane, in their order.</param>
    /// <param name="exchanges">How many INSERTs are exchanged.</param>
    public LaneShape(int lane, ImmutableArray<Inlet> inlets, ImmutableArray<Outlet> ends, ImmutableArray<Outlet> to, int exchanges)
    {
        _lane = lane;
        Inlets = inlets;
        Outlets = [.. ends, .. to];
        Ends = [.. ends.Cast<Outlet<StreamElement>>()];
        Exchanges = exchanges;
    }

    public override ImmutableArray<Inlet> Inlets { get; }

    public override ImmutableArray<Outlet> Outlets { get; }

    public Inlet<StreamElement> In => (Inlet<StreamElement>)Inlets[0];

    public ImmutableArray<Outlet<StreamElement>> Ends { get; }

    public int Exchanges { get; }

    private int Others => Exchanges == 0 ? 0 : (Inlets.Length - 1) / Exchanges;

    /// <summary>Where rows of another lane's keys leave.</summary>
    public Outlet<StreamElement> To(int exchange, int lane) => (Outlet<StreamElement>)Outlets[Ends.Length + IndexOf(exchange, lane)];

    /// <summary>Where another lane's rows of this lane's keys come in.</summary>
    public Inlet<StreamElement> From(int exchange, int lane) => (Inlet<StreamElement>)Inlets[1 + IndexOf(exchange, lane)];

    private int IndexOf(int exchange, int lane) => (exchange * Others) + (lane < _lane ? lane : lane - 1);

    public override Shape DeepCopy() => Of([.. Inlets.Select(i => i.CarbonCopy())], [.. Outlets.Select(o => o.CarbonCopy())]);

    public override Shape CopyFromPorts(ImmutableArray<Inlet> inlets, ImmutableArray<Outlet> outlets) => Of(inlets, outlets);

    private LaneShape Of(ImmutableArray<Inlet> inlets, ImmutableArray<Outlet> outlets) => new(_lane, inlets, outlets[..Ends.Length], outlets[Ends.Length..], Exchanges);
}

/// <summary>Gathers a lane's ports while its stages are added.</summary>
/// <param name="lane">The lane's number.</param>
internal sealed class LanePorts(int lane)
{
    private readonly List<Outlet> _ends = [];
    private readonly List<Inlet> _from = [];
    private readonly List<Outlet> _to = [];
    private int _exchanges;

    public int Lane => lane;

    /// <summary>The outlet of an INSERT without an exchange.</summary>
    public void Add(Outlet end) => _ends.Add(end);

    /// <summary>The ports of one with an exchange: those of this lane's own rows are connected already.</summary>
    public void Add(Outlet end, UniformFanOutShape<StreamElement, StreamElement> exchange, UniformFanInShape<StreamElement, StreamElement> align)
    {
        _ends.Add(end);
        _to.AddRange(exchange.Outlets.RemoveAt(lane));
        _from.AddRange(align.Inlets.RemoveAt(lane));
        _exchanges++;
    }

    public LaneShape ShapeOf(Inlet source) => new(lane, [source, .. _from], [.. _ends], [.. _to], _exchanges);
}
