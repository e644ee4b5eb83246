using StreamEngine.Core;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>
/// The topics that a pipeline writes for itself: state, epochs, and which dead letters were redriven. The broker may delete nothing of them, neither by age nor by size;
/// what is not needed any more the engine deletes itself.
/// </summary>
internal static class InternalTopics
{
    // cleanup.policy, retention.ms and retention.bytes of a topic (Kafka's documentation, topic configs): -1 is no limit.
    private static readonly string[] Names = ["cleanup.policy", "retention.ms", "retention.bytes"];

    /// <summary>The settings that such a topic is created with.</summary>
    public static IReadOnlyDictionary<string, string> Settings { get; } =
        new Dictionary<string, string> { [Names[0]] = "delete", [Names[1]] = "-1", [Names[2]] = "-1" };

    /// <summary>
    /// What has to be set so that a topic forgets nothing: what the cluster's defaults say otherwise. What somebody has set for this topic is refused, since they meant
    /// it.
    /// </summary>
    /// <param name="topic">Its name.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="purpose">What it is for.</param>
    /// <exception cref="StartupException">It was made to forget.</exception>
    public static IReadOnlyDictionary<string, string> Missing(string topic, TopicSettings settings, string purpose)
    {
        var wrong = Names.Where(n => settings.Of(n) is { } value && value != Settings[n]).ToList();
        var own = wrong.Where(settings.IsOwn).ToList();
        if (own.Count == 0) return wrong.ToDictionary(n => n, n => Settings[n]);
        throw new StartupException($"topic '{topic}' has {string.Join(" and ", own.Select(n => $"{n}={settings.Of(n)}"))}; {purpose}, and a broker that deletes from it would lose that\n  set it with Kafka's tools:    kafka-configs.sh --bootstrap-server HOST:PORT --alter --topic {topic} --add-config {string.Join(",", own.Select(n => $"{n}={Settings[n]}"))}");
    }

    /// <summary>What would make every commit of a slot fail later is refused now, by name.</summary>
    /// <param name="topics">To ask with.</param>
    /// <param name="written">All topics that the slot writes.</param>
    /// <param name="options">The slot.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="StartupException">A setting that does not fit.</exception>
    public static async Task CheckAsync(KafkaTopics topics, IEnumerable<string> written, KafkaCommitLogOptions options, CancellationToken cancellation)
    {
        var settings = await topics.ConfigsAsync(options.RedriveTopic is { } redrive ? [.. written, redrive] : written, cancellation);
        if (options.RedriveTopic is { } kept) await KeepRedriveAsync(topics, kept, settings[kept], cancellation);
        foreach (var name in new[] { options.StateTopic, options.EpochsTopic })
            await KeepAsync(topics, name, Missing(name, settings[name], "it holds the pipeline's state"), cancellation);
        foreach (var (name, of) in settings)
            if (long.TryParse(of.Of("max.message.bytes"), out var most) && most < options.MaxMessageBytes + 512)
                throw new StartupException($"topic '{name}' takes messages of {most} bytes, fewer than the {options.MaxMessageBytes + 512} that the pipeline may write with their framing\n  write smaller ones only:    --set max-message-size={most - 512}\n  or raise the topic's max.message.bytes");
        if (long.TryParse(await topics.BrokerConfigAsync("transaction.max.timeout.ms", cancellation), out var longest)
            && options.TransactionTimeout.TotalMilliseconds > longest)
            throw new StartupException($"the transaction timeout of {options.TransactionTimeout.TotalSeconds:0} s is above the broker's transaction.max.timeout.ms of {longest}\n  shorten it:    --set kafka.transaction-timeout={longest}ms");
    }

    /// <summary>The same of the topic through which dead letters come again.</summary>
    /// <exception cref="StartupException">It was made to forget.</exception>
    public static Task KeepRedriveAsync(KafkaTopics topics, string topic, TopicSettings settings, CancellationToken cancellation) =>
        KeepAsync(topics, topic, Missing(topic, settings, "it tells which dead letters were redriven, so that none is redriven twice"), cancellation);

    // The topics of an engine before this one have what the cluster says by size.
    private static async Task KeepAsync(KafkaTopics topics, string topic, IReadOnlyDictionary<string, string> missing, CancellationToken cancellation)
    {
        if (missing.Count > 0) await topics.SetAsync(topic, missing, cancellation);
    }
}
