using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>Topics and offsets of the broker under test, by the ordinary admin client.</summary>
internal sealed class Cluster(string bootstrap) : IDisposable
{
    private readonly IAdminClient _admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrap })
        .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

    public Task CreateAsync(params (string Name, int Partitions)[] topics) => _admin.CreateTopicsAsync(topics.Select(t => new TopicSpecification
    {
        Name = t.Name,
        NumPartitions = t.Partitions,
        ReplicationFactor = 1,
        Configs = new() { ["retention.ms"] = "-1" },
    }));

    public IReadOnlyList<string> Topics() => [.. _admin.GetMetadata(TimeSpan.FromSeconds(30)).Topics.Select(t => t.Topic)];

    public Task DeleteAsync(string topic) => _admin.DeleteTopicsAsync([topic]);

    public IReadOnlyList<TopicPartition> Partitions(params IEnumerable<string> topics)
    {
        var all = _admin.GetMetadata(TimeSpan.FromSeconds(30)).Topics.ToDictionary(t => t.Topic);
        return [.. topics.SelectMany(t => all.TryGetValue(t, out var found) ? found.Partitions.Select(p => new TopicPartition(t, p.PartitionId)) : [])];
    }

    /// <summary>The last stable offset and the high watermark of each partition.</summary>
    public async Task<IReadOnlyDictionary<TopicPartition, (long Stable, long High)>> EndsAsync(IReadOnlyList<TopicPartition> partitions)
    {
        var stable = await EndsAsync(partitions, IsolationLevel.ReadCommitted);
        var high = await EndsAsync(partitions, IsolationLevel.ReadUncommitted);
        return partitions.ToDictionary(p => p, p => (stable[p], high[p]));
    }

    private async Task<Dictionary<TopicPartition, long>> EndsAsync(IEnumerable<TopicPartition> partitions, IsolationLevel isolation)
    {
        var asked = partitions.Select(p => new TopicPartitionOffsetSpec { TopicPartition = p, OffsetSpec = OffsetSpec.Latest() });
        var result = await _admin.ListOffsetsAsync(asked, new ListOffsetsOptions { IsolationLevel = isolation, RequestTimeout = TimeSpan.FromSeconds(30) });
        return result.ResultInfos.ToDictionary(r => r.TopicPartitionOffsetError.TopicPartition, r => r.TopicPartitionOffsetError.Offset.Value);
    }

    public void Dispose() => _admin.Dispose();
}
