using Akka.Streams;
using Akka.Streams.Dsl;
using StreamEngine.Core;
using StreamEngine.Operators.Decoding;
using StreamEngine.Operators.EventTime;
using StreamEngine.Operators.Projections;
using StreamEngine.Operators.Replay;
using StreamEngine.Operators.Sinks;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Streams;

/// <summary>
/// Physical plan to an Akka.Streams graph. With one lane everything is fused into one island. With more, each lane (decode to exchange) and each keyed lane (behind the
/// exchange) is an island of its own: there alone stands Async, where parallelism is meant.
/// </summary>
internal sealed class PipelineGraph
{
    private readonly GraphSpec _spec;
    private readonly Dictionary<string, EventTimeFeedback> _feedback;

    // Chains that have not taken their state yet.
    private int _waiting;

    private PipelineGraph(GraphSpec spec)
    {
        _spec = spec;
        _feedback = spec.Sources.ToDictionary(s => s.Key, s =>
        {
            var newest = new long[s.Value.Positions.Count == 0 ? 0 : s.Value.Positions.Keys.Max() + 1];
            Array.Fill(newest, Watermark.None);
            foreach (var (partition, position) in s.Value.Positions) newest[partition] = position.Newest;
            return new EventTimeFeedback(newest);
        });
    }

    /// <summary>A graph that is ready to run, with the control by which it is drained and what it tells of itself.</summary>
    public static (IRunnableGraph<Task<RunEnd>> Graph, EpochControl Control, RunProgress Progress) Build(GraphSpec spec)
    {
        var control = new EpochControl(spec.Plan.Sources.Count);
        var progress = new RunProgress(spec.Commit.Start.Last?.Epoch ?? 0, spec.State);
        var graph = new PipelineGraph(spec);
        var commit = new CommitStage(spec.Commit, spec.Log, control, progress, spec.Time);
        var runnable = RunnableGraph.FromGraph(GraphDsl.Create(commit, (builder, end) =>
        {
            var ends = spec.Plan.Sources.SelectMany(s => graph.AddSource(builder, s, control, progress)).ToList();
            if (ends.Count == 1) builder.From(ends[0]).To(end.Inlet);
            else
            {
                var all = builder.Add(new AlignStage("align commit", ends.Count));
                for (var i = 0; i < ends.Count; i++) builder.From(ends[i]).To(all.In(i));
                builder.From(all.Out).To(end.Inlet);
            }
            return ClosedShape.Instance;
        }));
        return (runnable, control, progress);
    }

    /// <summary>Adds a source with its lanes and all that reads it; the outlets are those that go to the commit.</summary>
    private List<Outlet<StreamElement>> AddSource<TMat>(GraphDsl.Builder<TMat> builder, PhysicalSource source, EpochControl control, RunProgress progress)
    {
        var stage = builder.Add(new SourceStage(_spec.Sources[source.Name], _spec.Lanes, _feedback[source.Name], control, progress, _spec.Time));
        var inserts = InsertsOf(source.Name).ToList();
        var ends = new List<Outlet<StreamElement>>();
        // Per keyed INSERT: the outlets of all lanes that go to each keyed lane.
        var exchanged = inserts.ToDictionary(i => i.Sink, _ => new List<Outlet<StreamElement>>[_spec.Lanes]);
        foreach (var keyed in exchanged.Values)
            for (var lane = 0; lane < keyed.Length; lane++) keyed[lane] = [];
        for (var lane = 0; lane < _spec.Lanes; lane++)
        {
            var graph = Lane(source, lane);
            var shape = builder.Add(_spec.Lanes > 1 ? graph.Async() : graph);
            builder.From((Outlet<StreamElement>)stage.Outlets[lane]).To(shape.In);
            var outlets = new Queue<Outlet<StreamElement>>(shape.Outs);
            foreach (var insert in inserts)
            {
                if (!IsExchanged(insert)) ends.Add(outlets.Dequeue());
                else
                    for (var to = 0; to < _spec.Lanes; to++) exchanged[insert.Sink][to].Add(outlets.Dequeue());
            }
        }
        foreach (var insert in inserts.Where(IsExchanged))
        {
            for (var lane = 0; lane < _spec.Lanes; lane++)
            {
                var keyed = builder.Add(KeyedLane(insert, lane).Async());
                for (var from = 0; from < _spec.Lanes; from++) builder.From(exchanged[insert.Sink][lane][from]).To(keyed.In(from));
                ends.Add(keyed.Out);
            }
        }
        return ends;
    }

    private bool IsExchanged(PhysicalInsert insert) => _spec.Lanes > 1 && insert.ExchangeKeys is not null;

    /// <summary>The INSERTs that read a stream, directly or through users' own stages, in the order in which a lane's outlets come.</summary>
    private IEnumerable<PhysicalInsert> InsertsOf(string stream) => _spec.Plan.Inserts.Where(i => i.Source == stream)
        .Concat(_spec.Plan.Vias.Where(v => v.Input == stream).SelectMany(v => InsertsOf(v.Name)));

    /// <summary>One lane of a source: decoded, checked, timed, and what each INSERT does before its exchange.</summary>
    private IGraph<UniformFanOutShape<StreamElement, StreamElement>, Akka.NotUsed> Lane(PhysicalSource source, int lane) => GraphDsl.Create(builder =>
    {
        var prefix = builder.Add(Chain($"{source.Name} lane {lane}", PrefixOf(source), (report, counts) => report.AddSource(source.Name, counts), KeyGroupRange.All,
            records =>
            {
                // Redriven rows only name a partition.
                if (records.Redrive is null) _feedback[source.Name].Processed(records.Partition, records.NextOffset);
            }));
        var outlets = new List<Outlet<StreamElement>>();
        AddReaders(builder, source.Name, prefix.Outlet, lane, outlets);
        return new UniformFanOutShape<StreamElement, StreamElement>(prefix.Inlet, [.. outlets]);
    });

    /// <summary>Everything in a lane that reads a stream: its INSERTs, then users' own stages with what reads those.</summary>
    private void AddReaders<TMat>(GraphDsl.Builder<TMat> builder, string stream, Outlet<StreamElement> from, int lane, List<Outlet<StreamElement>> outlets)
    {
        var inserts = _spec.Plan.Inserts.Where(i => i.Source == stream).ToList();
        var vias = _spec.Plan.Vias.Where(v => v.Input == stream).ToList();
        var fork = inserts.Count + vias.Count > 1 ? builder.Add(new ForkStage($"fork {stream} {lane}",
            [.. inserts.Select(i => i.Sink), .. vias.Select(v => v.Name)])) : null;
        if (fork is not null) builder.From(from).To(fork.In);
        Outlet<StreamElement> Branch(int i) => fork is null ? from : fork.Out(i);
        foreach (var (i, insert) in inserts.Index()) AddInsert(builder, insert, Branch(i), lane, outlets);
        foreach (var (i, via) in vias.Index()) AddVia(builder, via, Branch(inserts.Count + i), lane, outlets);
    }

    private void AddInsert<TMat>(GraphDsl.Builder<TMat> builder, PhysicalInsert insert, Outlet<StreamElement> from, int lane, List<Outlet<StreamElement>> outlets)
    {
        var exchanged = IsExchanged(insert);
        var chain = builder.Add(Chain($"{insert.Sink} lane {lane}",
            () => exchanged ? [.. Create(insert.Before)] : [.. Create(insert.Before), .. Create(insert.After), Encode(insert)],
            (report, counts) => report.AddInsert(insert.Sink, counts), KeyGroupRange.All));
        builder.From(from).To(chain.Inlet);
        if (!exchanged)
        {
            outlets.Add(chain.Outlet);
            return;
        }
        var exchange = builder.Add(new ExchangeStage($"exchange {insert.Sink} {lane}", _spec.Lanes, insert.ExchangeKeys!, _spec.Scope));
        builder.From(chain.Outlet).To(exchange.In);
        outlets.AddRange(exchange.Outs);
    }

    /// <summary>A user's flow ends one conservation line and starts another: what goes in is done or failed, what comes out comes in.</summary>
    private void AddVia<TMat>(GraphDsl.Builder<TMat> builder, PhysicalVia via, Outlet<StreamElement> from, int lane, List<Outlet<StreamElement>> outlets)
    {
        var flow = builder.Add(FlowCheck.Around(via.Name, (IGraph<FlowShape<StreamElement, StreamElement>, Akka.NotUsed>)via.Flow, _spec.DeadLetterTopic,
            _spec.MaxMessageBytes));
        var behind = builder.Add(Chain($"{via.Name} out {lane}", () => [new CountOperator($"{via.Name}.out", via.Columns)],
            (report, counts) => report.AddSource(via.Name, counts), KeyGroupRange.All));
        builder.From(from).To(flow.Inlet);
        builder.From(flow.Outlet).To(behind.Inlet);
        AddReaders(builder, via.Name, behind.Outlet, lane, outlets);
    }

    private IGraph<UniformFanInShape<StreamElement, StreamElement>, Akka.NotUsed> KeyedLane(PhysicalInsert insert, int lane) => GraphDsl.Create(builder =>
    {
        var align = builder.Add(new AlignStage($"align {insert.Sink} {lane}", _spec.Lanes));
        var chain = builder.Add(Chain($"{insert.Sink} keyed lane {lane}", () => [.. Create(insert.After), Encode(insert)],
            (report, counts) => report.AddInsert(insert.Sink, counts), KeyGroupRange.OfLane(lane, _spec.Lanes)));
        builder.From(align.Out).To(chain.Inlet);
        return new UniformFanInShape<StreamElement, StreamElement>(chain.Outlet, align.Ins.ToArray());
    });

    /// <summary>A chain, which takes its state when it starts; the last one to start lets go of all that was read back.</summary>
    private ChainStage Chain(string name, Func<IReadOnlyList<IOperator>> create, Action<EpochReport, RowCounts> report, KeyGroupRange keyGroups,
        Action<LogRecords>? onProcessed = null)
    {
        _waiting++;
        return new ChainStage(name, () =>
        {
            var chain = new OperatorChain(create(), new OperatorContext(_spec.Scope, new RowCounts(), keyGroups) { StateLimit = _spec.StateLimit },
                _spec.CreateSideOutputs(), report) { OnProcessed = onProcessed };
            foreach (var op in chain.Operators) _spec.State.Restore(op);
            if (Interlocked.Decrement(ref _waiting) == 0) _spec.State.Release();
            return chain;
        });
    }

    private Func<IReadOnlyList<IOperator>> PrefixOf(PhysicalSource source) => () =>
    {
        var operators = new List<IOperator> { new DecodeOperator($"{source.Name}.decode", _spec.CreateDecoder(source)) };
        var schema = source.Columns;
        if (source.WithTimestamp)
        {
            var timestamp = new RecordTimestampOperator($"{source.Name}.timestamp", schema);
            schema = timestamp.Output;
            operators.Add(timestamp);
        }
        if (source.EventTimeField is { } field)
        {
            var copy = new AppendColumnOperator($"{source.Name}.event-time", schema, Plan.Logical.CatalogColumns.EventTime, field);
            schema = copy.Output;
            operators.Add(copy);
        }
        if (source.Rules.Count > 0) operators.Add(new Quality.Rules.RuleOperator($"{source.Name}.rules", schema, source.Rules));
        if (_spec.EventTimes.TryGetValue(source.Name, out var time))
            operators.Add(new EventTimeOperator($"{source.Name}.time", source.Name, schema, time, _feedback[source.Name],
                _spec.Sources[source.Name].Positions.ToDictionary(p => p.Key, p => p.Value.Newest)));
        if (_spec.Plan.Range is { } range) operators.Add(new TimeRangeOperator($"{source.Name}.range", schema, source.EventTime!.Value, range));
        return operators;
    };

    private static IEnumerable<IOperator> Create(IEnumerable<OperatorFactory> factories) => factories.Select(f => f.Create());

    private EncodeOperator Encode(PhysicalInsert insert) => new($"{insert.Sink}.sink", insert.Output, _spec.SinkOf(insert));
}
