using System.Text;
using Akka.Actor;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>
/// A pipeline that counts by the hour and has a history of two hours, as if it had run: three rows in the first hour, five in the second one. Replays of either by the
/// real run and worker, all into the same target.
/// </summary>
internal sealed class ReplayLab : IAsyncDisposable
{
    public const long Hour = 3_600_000_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly BrokerFixture _broker;
    private readonly ActorSystem _system;
    private readonly IProducer<Null, byte[]> _producer;

    private ReplayLab(BrokerFixture broker, string name)
    {
        (_broker, Name) = (broker, name);
        Text = $$"""
            pipeline {
              name = {{name}}
              sources.s { topic = {{name}}.in, schema = "at TIMESTAMP, k STRING", event-time.column = at }
              sql = "INSERT INTO out SELECT window_start, k, count(*) AS n FROM TUMBLE(s, at, INTERVAL '1' HOUR) GROUP BY window_start, k"
              sinks.out { topic = {{name}}.out, key = k }
            }
            kafka.bootstrap = "{{broker.Bootstrap}}"
            """;
        Connection = new KafkaConnection(broker.Bootstrap);
        Topics = new KafkaTopics(Connection, NullLogger.Instance);
        _producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig { BootstrapServers = broker.Bootstrap }).SetLogHandler((_, _) => { }).Build();
        _system = EngineSystem.Start(File.Document, NullLoggerFactory.Instance);
    }

    public string Name { get; }

    public string Text { get; }

    public KafkaConnection Connection { get; }

    public KafkaTopics Topics { get; }

    public PipelineFile File => PipelineFile.Parse(Text, "p.conf");

    public static async Task<ReplayLab> CreateAsync(BrokerFixture broker)
    {
        var lab = new ReplayLab(broker, broker.NewTopic("twins"));
        await lab.FeedAsync();
        return lab;
    }

    private async Task FeedAsync()
    {
        var input = await Topics.EnsureAsync($"{Name}.in", 1, null, TimeProvider.System, CancellationToken.None);
        foreach (var (hour, minute) in Enumerable.Range(0, 3).Select(m => (0, m)).Concat(Enumerable.Range(0, 5).Select(m => (1, m))))
            await SendAsync(input.Name, Encoding.UTF8.GetBytes($$"""{"at":"1970-01-01T0{{hour}}:0{{minute}}:00Z","k":"a"}"""));
        await SendAsync($"{Name}.epochs", ManifestJson.Write(ManifestOf(input, 1, 0, -Hour)));
        await SendAsync($"{Name}.epochs", ManifestJson.Write(ManifestOf(input, 2, 8, 2 * Hour)));
    }

    /// <summary>As an older engine would leave the replay of an hour that it has begun and not finished: with a manifest, and nothing about its target.</summary>
    public async Task BeginAsBeforeAsync(int hour)
    {
        var (replay, input) = (Replay(hour), (await Topics.FindAsync($"{Name}.in", CancellationToken.None))!);
        var sources = new Dictionary<string, ReplaySource> { ["s"] = new(input.Id, new Dictionary<int, ReplayPartition> { [0] = new(0, 8, Watermark.None, []) }) };
        foreach (var output in replay.Outputs) await Topics.EnsureAsync(output, 1, null, TimeProvider.System, CancellationToken.None);
        await SendAsync(replay.EpochsTopic, ManifestJson.Write(ManifestOf(input, 1, 0, Watermark.None) with
        {
            Pipeline = replay.Plan.Hash, Replay = new ReplayBounds(Name, replay.Into, replay.Range, sources),
        }));
    }

    private async Task SendAsync(string topic, byte[] value)
    {
        await Topics.EnsureAsync(topic, 1, null, TimeProvider.System, CancellationToken.None);
        await _producer.ProduceAsync(topic, new Message<Null, byte[]> { Value = value });
    }

    private static EpochManifest ManifestOf(KafkaTopic input, long epoch, long offset, long watermark) => new()
    {
        Pipeline = "hash", Slot = 0, Incarnation = 1, Epoch = epoch, At = default, Inserts = new Dictionary<string, ConservationLine>(),
        State = new StatePositions([], 0),
        Sources = new Dictionary<string, SourcePosition>
        {
            ["s"] = new(input.Name, input.Id, watermark, new Dictionary<int, PartitionPosition> { [0] = new(offset, watermark, []) }),
        },
    };

    /// <summary>The replay of an hour, counted from 0.</summary>
    public ReplayDefinition Replay(int hour) => new(File, new EventTimeRange(hour * Hour, (hour + 1) * Hour), "shadow");

    /// <summary>All that comes before the replay of an hour runs, with what others do meanwhile.</summary>
    public Task<PipelineWorker?> PrepareAsync(int hour, Func<Task>? meanwhile = null) =>
        new ReplayRun(Replay(hour), TimeProvider.System, NullLoggerFactory.Instance) { OnChecked = meanwhile ?? (() => Task.CompletedTask) }
            .PrepareAsync(_system, CancellationToken.None).WaitAsync(Patience);

    /// <summary>The replay of an hour from its beginning to its end.</summary>
    public async Task RunAsync(int hour) => await RunAsync((await PrepareAsync(hour))!);

    public static async Task RunAsync(PipelineWorker worker) => Assert.True((await worker.RunAsync(CancellationToken.None).WaitAsync(Patience))!.Finished);

    /// <summary>Its start is refused, since that other one writes into the target.</summary>
    public static async Task IsRefusedAsync(Task<PipelineWorker?> start, ReplayDefinition by) =>
        Assert.StartsWith($"replay {by.Id} writes into 'shadow' already", (await Assert.ThrowsAsync<StartupException>(() => start)).Message, StringComparison.Ordinal);

    public Task CancelAsync(ReplayState state) =>
        ReplayCancellation.CancelAsync(File.Definition, state, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None).WaitAsync(Patience);

    /// <summary>The only replay that there is.</summary>
    public Task<ReplayState> FindAsync() => ReplayCatalog.FindAsync(Connection, Name, null, TimeProvider.System, NullLogger.Instance, CancellationToken.None);

    /// <summary>What was committed into the target.</summary>
    public async Task<List<string>> RowsAsync() => await Topics.FindAsync($"shadow.{Name}.out", CancellationToken.None) is null ? []
        : [.. (await _broker.ReadAsync(new ReadRequest($"shadow.{Name}.out") { ReadCommitted = true })).Select(r => Encoding.UTF8.GetString(r.Value!))];

    public static string RowOf(int hour) => $$"""{"window_start":"1970-01-01T0{{hour}}:00:00Z","k":"a","n":{{(hour == 0 ? 3 : 5)}}}""";

    /// <summary>The topics that one replay has made for itself.</summary>
    public async Task<IEnumerable<string>> TopicsOfAsync(ReplayDefinition replay) =>
        (await Topics.ListAsync(CancellationToken.None)).Select(t => t.Name).Where(t => t.StartsWith(replay.Definition.QualifiedName, StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        await _system.Terminate();
        _producer.Dispose();
        Topics.Dispose();
    }
}
