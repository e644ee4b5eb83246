using System.Text;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Sources;

namespace StreamEngine.Kafka.Suite;

/// <summary>A source that reads the topic of a scripted cluster.</summary>
internal sealed class FetchedTopic : IAsyncDisposable
{
    private readonly MemoryScope _scope = new();
    private readonly KafkaSource _source;

    public FetchedTopic(ScriptedCluster cluster, IReadOnlyDictionary<int, OffsetAndEpoch>? positions = null, KafkaSourceOptions? options = null, string? bootstrap = null,
        Func<FetchSettings, FetchSettings>? change = null, TimeProvider? time = null, params (string Name, string Value)[] settings)
    {
        // Short pauses, so that what is tried again is tried soon.
        var all = new Dictionary<string, string> { ["reconnect.backoff.ms"] = "10", ["reconnect.backoff.max.ms"] = "100", ["fetch.wait.max.ms"] = "50" };
        foreach (var (name, value) in settings) all[name] = value;
        var connection = new KafkaConnection(bootstrap ?? cluster.Bootstrap, all);
        _source = new KafkaSource(connection, options ?? new KafkaSourceOptions("s", ScriptedCluster.Topic), _scope,
            time ?? TimeProvider.System, new Lines(Log));
        var fetching = FetchSettings.Of(connection);
        _source.Start(change?.Invoke(fetching) ?? fetching, positions ?? cluster.Logs.Keys.ToDictionary(p => p, _ => new OffsetAndEpoch(0)), Answers);
    }

    public Answers Answers { get; } = new();

    public List<string> Log { get; } = [];

    public KafkaSource Source => _source;

    public int BlocksOut => _scope.BlocksOut;

    /// <summary>The next so many records of a partition, as OFFSET:VALUE.</summary>
    public async Task<string> ReadAsync(int partition, int count)
    {
        var read = new List<string>();
        while (true)
        {
            while (read.Count < count && _source.TryTake(partition, out var batch)) Take(batch!, read);
            if (read.Count >= count) return string.Join(' ', read);
            await Answers.NextAsync<Answers.Ready>();
        }
    }

    private static unsafe void Take(Batch batch, List<string> read)
    {
        for (var i = 0; i < batch.Count; i++) read.Add($"{batch.Records!.Offsets[i]}:{Encoding.UTF8.GetString(batch.Records.Values[i].Span)}");
        batch.Dispose();
    }

    /// <summary>Whether a line of the log holds this.</summary>
    public bool HasTold(string text)
    {
        lock (Log) return Log.Exists(l => l.Contains(text, StringComparison.Ordinal));
    }

    /// <summary>Waits for a line of the log that holds this.</summary>
    public async Task ToldAsync(string text)
    {
        for (var i = 0; !HasTold(text); i++)
        {
            Assert.True(i < 3000, string.Join('\n', Log));
            await Task.Delay(10);
        }
    }

    /// <summary>Why it cannot go on.</summary>
    public async Task<string> FailureAsync()
    {
        while (true)
        {
            // A source does not fail for what is said before.
            var answer = await Answers.NextAsync<object>();
            if (answer is Exception failure) return failure.Message;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        Assert.Equal(0, _scope.BlocksOut);
        _scope.Dispose();
    }
}
