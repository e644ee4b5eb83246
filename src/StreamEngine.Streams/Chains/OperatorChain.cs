using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Operators run one behind the other, without Akka: an element is pushed in, and what comes out is pulled until nothing more does. An operator runs only when everything
/// behind it has nothing left to do, so that no more than one answer of one operator is ever waiting between two of them. Side batches ride past the operators, in order.
/// </summary>
internal sealed class OperatorChain : IDisposable
{
    private readonly Node[] _nodes;
    private readonly Queue<StreamElement> _out = new();
    private readonly ISideOutputs _sides;
    private readonly RowCounts _counts;
    private readonly Action<EpochReport, RowCounts> _report;
    private readonly StateFrames _state;
    private LogRecords? _inHand;

    /// <param name="operators">In order; the chain disposes them.</param>
    /// <param name="context">What each is opened with.</param>
    /// <param name="sides">Makes records of faults.</param>
    /// <param name="report">Puts the counts of an epoch into its report: under a source's name before the fork, under an INSERT's behind it.</param>
    public OperatorChain(IReadOnlyList<IOperator> operators, OperatorContext context, ISideOutputs sides, Action<EpochReport, RowCounts> report)
    {
        _sides = sides;
        _counts = context.Counts;
        _report = report;
        _state = new StateFrames(context.Scope);
        _nodes = [.. operators.Select((o, i) => new Node(this, o, i))];
        foreach (var node in _nodes) node.Operator.Open(context);
    }

    /// <summary>Told when everything that a batch of raw records led to has left the chain.</summary>
    public Action<LogRecords>? OnProcessed { get; init; }

    public IReadOnlyList<IOperator> Operators => [.. _nodes.Select(n => n.Operator)];

    /// <summary>Gives an element to the first operator. Only when <see cref="TryPull"/> has answered false.</summary>
    public void Push(StreamElement element)
    {
        if (OnProcessed is not null && element is Batch { Role: BatchRole.Raw } batch) _inHand = batch.Records;
        Forward(0, element);
    }

    /// <summary>The next element that comes out; false when the chain needs another one to be pushed.</summary>
    public bool TryPull(out StreamElement? element)
    {
        while (!_out.TryDequeue(out element))
        {
            var busy = _nodes.Length - 1;
            while (busy >= 0 && !_nodes[busy].HasWork) busy--;
            if (busy < 0)
            {
                Processed();
                return false;
            }
            _nodes[busy].Step();
            while (_sides.TryTake(out var side)) _out.Enqueue(side!);
        }
        return true;
    }

    private void Processed()
    {
        if (_inHand is not { } records) return;
        _inHand = null;
        OnProcessed!(records);
    }

    private void Forward(int node, StreamElement element)
    {
        if (node < _nodes.Length)
        {
            _nodes[node].Enqueue(element);
            return;
        }
        // The counts are complete when the barrier has passed the last operator, not before.
        if (element is Barrier barrier) _report(barrier.Report, _counts.TakeEpoch());
        _out.Enqueue(element);
    }

    public void Dispose()
    {
        foreach (var node in _nodes) node.Dispose();
        while (_out.TryDequeue(out var element)) (element as Batch)?.Dispose();
        _sides.Dispose();
        _state.Dispose();
    }

    private sealed class Node(OperatorChain chain, IOperator op, int index) : IEmitter, IDisposable
    {
        private readonly Queue<StreamElement> _inbox = new();
        private bool _more;
        private StreamElement? _control;

        public IOperator Operator => op;

        public bool HasWork => _more || _inbox.Count > 0;

        public void Enqueue(StreamElement element) => _inbox.Enqueue(element);

        public void Step()
        {
            if (_more) Finish(op.Continue(this));
            else Take(_inbox.Dequeue());
        }

        private void Take(StreamElement element)
        {
            switch (element)
            {
                case Batch { Role: BatchRole.Main or BatchRole.Raw } batch:
                    Finish(op.Process(batch, this));
                    break;
                case Watermark watermark:
                    _control = watermark;
                    Finish(op.OnWatermark(watermark.Time, this));
                    break;
                case Tick tick:
                    _control = tick;
                    Finish(op.OnTick(tick.Time, this));
                    break;
                case Barrier barrier:
                    var state = chain._state;
                    op.Snapshot(new SnapshotRequest(barrier.Epoch, barrier.Report.FullFrom, barrier.Report.FullTo, barrier.Report), state.For(op.Id, barrier.Epoch));
                    if (state.TryTake(out var changes)) chain.Forward(index + 1, changes!);
                    chain.Forward(index + 1, barrier);
                    break;
                default:
                    chain.Forward(index + 1, element);
                    break;
            }
        }

        private void Finish(Progress progress)
        {
            _more = progress == Progress.More;
            if (_more || _control is null) return;
            chain.Forward(index + 1, _control);
            _control = null;
        }

        public void Emit(Batch batch)
        {
            if (batch.Count == 0) batch.Dispose();
            else chain.Forward(index + 1, batch);
        }

        public void Fault(Batch batch, int row, in Fault fault)
        {
            if (!batch.IsAggregated)
            {
                var counts = chain._counts.Of(batch.Records);
                if (fault.Stage == FaultStage.Late) counts.Late++;
                else counts.DeadLettered++;
            }
            chain._sides.Add(batch, row, fault);
        }

        public void Dispose()
        {
            op.Dispose();
            while (_inbox.TryDequeue(out var element)) (element as Batch)?.Dispose();
        }
    }
}
