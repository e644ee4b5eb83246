using System.Text;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Sources;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Connectors;

/// <summary>Sources and commit log on a Kafka cluster.</summary>
internal sealed class KafkaConnectors(TimeProvider time, ILoggerFactory loggers) : IConnectors
{
    /// <summary>What is read of each source, for a replay; null: everything, without an end.</summary>
    public ReplayBounds? Replay { get; init; }

    public ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope)
    {
        var (start, at) = source.StartFrom switch
        {
            "earliest" => (StartPosition.Earliest, 0L),
            "latest" => (StartPosition.Latest, 0L),
            var text => TimeText.TryParseTimestamp(Encoding.UTF8.GetBytes(text), out var micros, out _) ? (StartPosition.Time, micros / 1000)
                : throw new StartupException($"source {source.Name}: '{text}' is no place to start from"),
        };
        return new KafkaSource(ConnectionOf(pipeline),
            new KafkaSourceOptions(source.Name, source.Topic, start, at, source.CreatePartitions) { Bounds = Replay?.Sources[source.Name].Partitions }, scope, time,
            loggers.CreateLogger<KafkaSource>());
    }

    public ISource? CreateRedrive(PipelineDefinition pipeline, string source, MemoryScope scope)
    {
        // A pipeline without a manifest meets every row again, and those that fail become new dead letters: it starts at the end.
        if (Replay is null) return Open(new KafkaSourceOptions(source, pipeline.RedriveTopic, StartPosition.Latest));
        return Replay.Redrive is not { } redrive ? null : Open(new KafkaSourceOptions(source, PipelineDefinition.RedriveTopicOf(Replay.Pipeline))
        {
            Bounds = new Dictionary<int, ReplayPartition> { [0] = new(redrive.From, redrive.End, Watermark.None, []) },
        });

        KafkaSource Open(KafkaSourceOptions options) => new(ConnectionOf(pipeline), options, scope, time, loggers.CreateLogger<KafkaSource>());
    }

    public ICommitLog CreateLog(PipelineDefinition pipeline, int slot) =>
        new KafkaCommitLog(ConnectionOf(pipeline), new KafkaCommitLogOptions(pipeline.QualifiedName, slot)
    {
        TransactionTimeout = pipeline.TransactionTimeout,
        ReplicationFactor = pipeline.ReplicationFactor,
        Outputs = [.. pipeline.Sinks.Select(s => new OutputTopic(s.Topic, s.CreatePartitions ?? 1)), new(pipeline.DeadLetterTopic, 1), new(pipeline.LateTopic, 1)],
        RedriveTopic = Replay is null ? pipeline.RedriveTopic : null,
        IgnoreGroupOffsets = pipeline.StartDecided,
        ManifestsKeep = pipeline.ManifestsKeep,
        MaxMessageBytes = pipeline.MaxMessageBytes,
        Host = Environment.MachineName,
        Process = Environment.ProcessId,
    }, time, loggers.CreateLogger<KafkaCommitLog>());

    /// <summary>Deletes all that a pipeline has written about itself, so that it starts anew.</summary>
    public Task ResetAsync(PipelineDefinition pipeline, CancellationToken cancellation) =>
        KafkaCommitLog.ResetAsync(ConnectionOf(pipeline), pipeline.QualifiedName, loggers.CreateLogger<KafkaCommitLog>(), cancellation);

    public static KafkaConnection ConnectionOf(PipelineDefinition pipeline) => new(pipeline.Bootstrap, pipeline.KafkaSettings);
}
