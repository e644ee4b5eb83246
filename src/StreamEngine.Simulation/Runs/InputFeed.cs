using StreamEngine.Broker.Protocol;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Simulation.Runs;

/// <summary>How the world writes the input.</summary>
internal sealed record FeedPlan
{
    /// <summary>The most records of one append, and the longest time between two.</summary>
    public int Rows { get; init; } = 40;

    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Appends that are transactions, which readers see only when they are committed.</summary>
    public double Transactions { get; init; } = 0.2;

    /// <summary>Appends behind one that is aborted, which no reader may see.</summary>
    public double Aborted { get; init; } = 0.1;
}

/// <summary>The world writes the input, in its order per partition, whatever becomes of the pipeline. It is near the broker: while that is down it waits.</summary>
internal sealed class InputFeed
{
    private readonly SimulatedWorld _world;
    private readonly SimulatedBroker _broker;
    private readonly IReadOnlyList<InputRecord> _input;
    private readonly FeedPlan _plan;
    private readonly Random _random;
    private readonly Queue<Func<bool>> _work = new();
    private readonly Dictionary<(string Topic, int Partition), long> _ends = [];
    private readonly IReadOnlyDictionary<string, int> _topics;
    private int _fed;
    private int _transactions;

    public InputFeed(SimulatedWorld world, SimulatedBroker broker, IReadOnlyDictionary<string, int> topics, IReadOnlyList<InputRecord> input, FeedPlan plan, ulong seed)
    {
        (_world, _broker, _topics, _input, _plan) = (world, broker, topics, input, plan);
        _random = new Random(unchecked((int)seed));
        foreach (var (topic, partitions) in topics) _work.Enqueue(() => broker.TryAsk(Messages.CreateTopic(topic, partitions, null), out _));
        _world.After(TimeSpan.Zero, Work);
    }

    /// <summary>Everything is written.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>The end of a partition; null while something may still be written.</summary>
    public long? EndOf(string topic, int partition) => IsFinished ? _ends[(topic, partition)] : null;

    private void Work()
    {
        while (_work.TryPeek(out var next))
        {
            if (!next())
            {
                _world.After(TimeSpan.FromMilliseconds(50), Work);
                return;
            }
            _work.Dequeue();
        }
        if (IsFinished) return;
        if (_fed == _input.Count) Finish();
        else PlanAppend();
        if (_work.Count > 0) _world.After(new TimeSpan(_random.NextInt64(_plan.Pause.Ticks + 1)), Work);
    }

    private void PlanAppend()
    {
        if (_random.NextDouble() < _plan.Aborted) PlanTransaction([.. _input.Skip(_fed).Take(1 + _random.Next(5))], commit: false);
        var records = _input.Skip(_fed).Take(1 + _random.Next(_plan.Rows)).ToList();
        _fed += records.Count;
        if (_random.NextDouble() < _plan.Transactions) PlanTransaction(records, commit: true);
        else
            foreach (var (topic, partition, batch) in Divide(records))
                _work.Enqueue(() => Ask(Messages.Produce("", topic, partition, RecordBatches.Write(batch, BatchProducer.None)), a => a.Error));
    }

    private static IEnumerable<(string Topic, int Partition, List<LogRecord> Records)> Divide(List<InputRecord> records) =>
        records.GroupBy(r => (r.Topic, r.Partition)).Select(g => (g.Key.Topic, g.Key.Partition,
            g.Select(r => new LogRecord(r.Key, r.Value, r.Headers, r.Timestamp)).ToList()));

    private void PlanTransaction(List<InputRecord> records, bool commit)
    {
        var id = $"feed-{_transactions++}";
        var (producer, epoch) = (-1L, (short)-1);
        _work.Enqueue(() =>
        {
            if (!_broker.TryAsk(Messages.InitProducerId(id, 60_000), out var answer)) return false;
            (_, producer, epoch) = answer;
            return true;
        });
        foreach (var (topic, partition, batch) in Divide(records))
        {
            _work.Enqueue(() => Ask(Messages.AddPartition(id, producer, epoch, topic, partition), e => e));
            _work.Enqueue(() => Ask(Messages.Produce(id, topic, partition, RecordBatches.Write(batch, new BatchProducer(producer, epoch, 0, true))), a => a.Error));
        }
        // It stays open for a while: readers wait at its first record.
        var pause = new TimeSpan(_random.NextInt64(_plan.Pause.Ticks + 1));
        var waited = false;
        _work.Enqueue(() =>
        {
            if (waited || pause == TimeSpan.Zero) return Ask(Messages.EndTransaction(id, producer, epoch, commit), e => e);
            waited = true;
            return false;
        });
    }

    private bool Ask<T>(Message<T> message, Func<T, ErrorCode> errorOf)
    {
        if (!_broker.TryAsk(message, out var answer)) return false;
        return errorOf(answer) == ErrorCode.None ? true : throw new SimulationException($"the world cannot write its input: {message.Key} gave {errorOf(answer)}");
    }

    private void Finish() => _work.Enqueue(() =>
    {
        foreach (var (topic, partitions) in _topics)
            for (var partition = 0; partition < partitions; partition++)
            {
                if (!_broker.TryAsk(Messages.ListOffset(topic, partition, Messages.Latest, true), out var end)) return false;
                _ends[(topic, partition)] = end.Offset;
            }
        IsFinished = true;
        return true;
    });
}
