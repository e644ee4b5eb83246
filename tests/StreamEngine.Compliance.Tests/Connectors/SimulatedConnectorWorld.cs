using System.Text;
using StreamEngine.Broker;
using StreamEngine.Broker.Protocol;
using StreamEngine.Core;
using StreamEngine.Simulation.Clients;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Compliance.Tests.Connectors;

/// <summary>The simulation's connectors, over the broker's core: they have to keep to what Kafka's do, or what is simulated is not the engine.</summary>
internal sealed class SimulatedConnectorWorld : IConnectorWorld
{
    private static readonly TimeSpan Limit = TimeSpan.FromHours(1);

    private readonly SimulatedWorld _world = new(17);
    private readonly SimulatedBroker _broker;
    private readonly SimulatedNetwork _network;
    private readonly SimulatedSystem _system;
    private int _transactions;

    public SimulatedConnectorWorld()
    {
        _broker = new SimulatedBroker(_world, FsyncPolicy.Always, 18);
        _network = new SimulatedNetwork(_world, _broker, new NetworkPlan { Delay = TimeSpan.FromMilliseconds(3) }, 19);
        _system = _world.Boot();
    }

    public bool HasTransactions => true;

    private SimulatedClient Client(int process) => new(_network, process, _world.Clock, new ClientPatience());

    public ICommitLog Log(string pipeline, int process, string output, int partitions) =>
        new SimulatedCommitLog(Client(process), pipeline, [(output, partitions)], TimeSpan.FromSeconds(60));

    public ISource Source(string topic, MemoryScope scope) => new SimulatedSource(Client(100), "s", topic, Batch.DefaultRows, scope, _ => null);

    public Task CreateAsync(string topic, int partitions)
    {
        Ask(Messages.CreateTopic(topic, partitions, null));
        return Task.CompletedTask;
    }

    public Task WriteAsync(string topic, int partition, bool? commit, params Sample[] records)
    {
        List<LogRecord> batch = [.. records.Select(r => new LogRecord(Bytes(r.Key), Bytes(r.Value), [], r.Timestamp))];
        if (commit is not { } keeps)
        {
            Assert.Equal(ErrorCode.None, Ask(Messages.Produce("", topic, partition, RecordBatches.Write(batch, BatchProducer.None))).Error);
            return Task.CompletedTask;
        }
        var id = $"other-{_transactions++}";
        var (_, producer, epoch) = Ask(Messages.InitProducerId(id, 60_000));
        Assert.Equal(ErrorCode.None, Ask(Messages.AddPartition(id, producer, epoch, topic, partition)));
        Assert.Equal(ErrorCode.None, Ask(Messages.Produce(id, topic, partition, RecordBatches.Write(batch, new BatchProducer(producer, epoch, 0, true)))).Error);
        Assert.Equal(ErrorCode.None, Ask(Messages.EndTransaction(id, producer, epoch, keeps)));
        return Task.CompletedTask;
    }

    private static byte[]? Bytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text);

    // Whoever writes and reads here is beside the broker: there is no network between.
    private T Ask<T>(Message<T> message)
    {
        T? answer = default;
        _world.Run(() => _broker.TryAsk(message, out answer), long.MaxValue, _world.Clock.Elapsed + Limit);
        return answer!;
    }

    public async Task<IReadOnlyList<string>> CommittedAsync(string topic, int partition)
    {
        var end = Ask(Messages.ListOffset(topic, partition, Messages.Latest, true)).Offset;
        var records = new List<string>();
        var position = 0L;
        while (position < end)
        {
            var fetch = position;
            var reply = await CallAsync(() => Client(101).Connect().AskAsync(Messages.Fetch(topic, partition, fetch, 0, 1 << 20), TimeSpan.FromSeconds(5)));
            Assert.True(reply.IsAnswered);
            var read = RecordBatches.Read(reply.Value.Batches, position, reply.Value.Aborted);
            records.AddRange(read.Records.Select(r => $"{Text(r.Key)}={Text(r.Value)}"));
            position = read.NextOffset;
        }
        return records;
    }

    private static string Text(byte[]? bytes) => bytes is null ? "null" : Encoding.UTF8.GetString(bytes);

    public Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        var task = _system.Tasks.Start(call);
        _world.Run(() => task.IsCompleted, long.MaxValue, _world.Clock.Elapsed + Limit);
        return task;
    }

    public Task UntilAsync(Func<bool> condition, string what)
    {
        try
        {
            _world.Run(condition, long.MaxValue, _world.Clock.Elapsed + Limit);
        }
        catch (SimulationException e)
        {
            throw new TimeoutException($"waited for {what}: {e.Message}", e);
        }
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _system.Dispose();
        return ValueTask.CompletedTask;
    }
}

public sealed class SimulatedCommitLogContract : CommitLogContract
{
    internal override Task<IConnectorWorld> CreateAsync() => Task.FromResult<IConnectorWorld>(new SimulatedConnectorWorld());
}

public sealed class SimulatedSourceContract : SourceContract
{
    internal override Task<IConnectorWorld> CreateAsync() => Task.FromResult<IConnectorWorld>(new SimulatedConnectorWorld());
}
