using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Commands.Preview;

/// <summary>Connectors that only read: sources end at the ends that their partitions have now, no topic is created, and what would be committed is shown.</summary>
internal sealed class PreviewConnectors(KafkaConnectors kafka, PreviewLog log) : IConnectors
{
    public ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope) =>
        new PreviewSource(kafka.CreateSource(pipeline, source with { CreatePartitions = null }, scope), new KafkaConnection(pipeline.Bootstrap, pipeline.KafkaSettings));

    public ICommitLog CreateLog(PipelineDefinition pipeline, int slot) => log;
}

/// <summary>A Kafka source that is finished where its partitions ended when it was opened, so that every window of what there is closes.</summary>
internal sealed class PreviewSource(ISource inner, KafkaConnection connection) : IBoundedSource
{
    private readonly Dictionary<int, long> _ends = [];

    public string Name => inner.Name;

    public async Task<SourceLayout> OpenAsync(CancellationToken cancellation)
    {
        using (var topics = new KafkaTopics(connection, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance)) await topics.CheckReachableAsync(cancellation);
        var layout = await inner.OpenAsync(cancellation);
        using var ends = new KafkaTopics(connection, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        foreach (var (partition, offset) in await ends.OffsetsAsync(new KafkaTopic(layout.Topic, layout.TopicId, layout.Partitions), StartPosition.Latest, 0,
            cancellation)) _ends[partition] = offset;
        return layout;
    }

    public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener) => inner.Start(positions, listener);

    public bool TryTake(int partition, out Batch? batch) => inner.TryTake(partition, out batch);

    public void QueryEnds(int partition) => inner.QueryEnds(partition);

    public long EndOf(int partition) => _ends[partition];

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
