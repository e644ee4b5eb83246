using Confluent.Kafka;

namespace StreamEngine.Cli.Tests.Topics;

/// <summary>A transactional producer that is not the engine's.</summary>
internal static class Transactions
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    public static IProducer<Null, string> Producer(string bootstrap, string id)
    {
        var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = bootstrap, TransactionalId = id, LingerMs = 0 })
            .SetLogHandler((_, _) => { }).Build();
        producer.InitTransactions(Timeout);
        return producer;
    }

    /// <summary>The same for records with keys.</summary>
    public static IProducer<string, string> Keyed(string bootstrap, string id)
    {
        var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = bootstrap, TransactionalId = id, LingerMs = 0 })
            .SetLogHandler((_, _) => { }).Build();
        producer.InitTransactions(Timeout);
        return producer;
    }

    /// <summary>Begins a transaction, writes one record, and ends it as told.</summary>
    public static async Task SendAsync(IProducer<Null, string> producer, string topic, string value, Action<IProducer<Null, string>> end)
    {
        producer.BeginTransaction();
        await producer.ProduceAsync(topic, new Message<Null, string> { Value = value });
        end(producer);
    }
}
