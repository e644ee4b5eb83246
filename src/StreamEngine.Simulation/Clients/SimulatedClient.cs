using StreamEngine.Broker.Protocol;
using StreamEngine.Core;
using StreamEngine.Simulation.Network;

namespace StreamEngine.Simulation.Clients;

/// <summary>What the clients of one process share: the network under its name, the clock, patience.</summary>
internal sealed class SimulatedClient(SimulatedNetwork network, int process, TimeProvider time, ClientPatience patience)
{
    public const string NoBroker = "no broker answers in the simulation";

    /// <summary>The process's name on the network.</summary>
    public string Name { get; } = NameOf(process);

    public int Process => process;

    public TimeProvider Time => time;

    public ClientPatience Patience => patience;

    public static string NameOf(int process) => $"process {process}";

    /// <summary>Of the whole run.</summary>
    public NetworkCounts Counts => network.Counts;

    public SimulatedNetwork.SimulatedConnection Connect() => network.Connect(Name);

    public LogReader CreateReader() => new(network, Name, patience, time);

    public SimulatedProducer CreateProducer(string transactionalId, TimeSpan transactionTimeout, Action onDelivered) =>
        new(network, Name, transactionalId, transactionTimeout, patience, time, onDelivered);

    /// <summary>Whether the restore that begins now reads a record that a disk has changed.</summary>
    public bool TakeStateDamage() => network.TakeStateDamage();

    /// <summary>The number of a topic's partitions; it is created where it does not exist.</summary>
    public async Task<int> EnsureTopicAsync(string topic, int partitions, IReadOnlyDictionary<string, string>? configs, CancellationToken cancellation)
    {
        if (await DescribeAsync(topic, cancellation) is { } present) return present.Partitions;
        // No answer, or that somebody was faster: looked at again.
        _ = await Connect().AskAsync(Messages.CreateTopic(topic, partitions, configs), patience.Read);
        var created = await DescribeAsync(topic, cancellation);
        return created?.Partitions ?? throw new SimulatedClientException(null, $"topic '{topic}' cannot be created");
    }

    /// <summary>A topic; null where it does not exist.</summary>
    public async Task<(Guid Id, int Partitions)?> DescribeAsync(string topic, CancellationToken cancellation)
    {
        var begin = time.GetTimestamp();
        while (time.GetElapsedTime(begin) < patience.Call)
        {
            cancellation.ThrowIfCancellationRequested();
            var reply = await Connect().AskAsync(Messages.Describe(topic), patience.Read);
            if (reply.IsAnswered) return reply.Value.Topic;
            await Task.Delay(patience.Backoff, time, cancellation);
        }
        throw new StartupException(NoBroker) { MayPass = true };
    }
}
