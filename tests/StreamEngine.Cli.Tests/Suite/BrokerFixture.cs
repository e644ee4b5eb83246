using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Broker;
using StreamEngine.Kafka;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Tests.Suite;

/// <summary>An embedded broker in memory, on a free port.</summary>
public sealed class BrokerFixture : IAsyncLifetime
{
    private BrokerHost? _broker;
    private int _topics;

    public string Bootstrap => _broker!.Bootstrap;

    public int Port => _broker!.Port;

    public async Task InitializeAsync() => _broker = await BrokerHost.StartAsync(new BrokerOptions { Port = 0 }, NullLoggerFactory.Instance, TimeProvider.System);

    public async Task DisposeAsync() => await _broker!.DisposeAsync();

    public string NewTopic(string stem) => $"{stem}-{Interlocked.Increment(ref _topics)}";

    internal async Task<List<TopicRecord>> ReadAsync(ReadRequest request)
    {
        var records = new List<TopicRecord>();
        await foreach (var record in new TopicReader(new KafkaConnection(Bootstrap)).ReadAsync(request, CancellationToken.None)) records.Add(record);
        return records;
    }
}
