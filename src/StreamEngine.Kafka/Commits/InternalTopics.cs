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

    /// <summary>Refuses a topic that would forget something.</summary>
    /// <param name="topic">Its name.</param>
    /// <param name="setting">Its settings, with the broker's defaults; null where the broker does not say.</param>
    /// <param name="purpose">What it is for.</param>
    /// <exception cref="StartupException">It would.</exception>
    public static void Check(string topic, Func<string, string?> setting, string purpose)
    {
        var wrong = Names.Where(n => setting(n) is { } value && value != Settings[n]).ToList();
        if (wrong.Count == 0) return;
        throw new StartupException($"topic '{topic}' has {string.Join(" and ", wrong.Select(n => $"{n}={setting(n)}"))}; {purpose}, and a broker that deletes from it would lose that\n  set it with Kafka's tools:    kafka-configs.sh --alter --topic {topic} --add-config {string.Join(",", Names.Select(n => $"{n}={Settings[n]}"))}");
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
        if (options.RedriveTopic is { } kept) CheckRedrive(kept, settings[kept]);
        foreach (var name in new[] { options.StateTopic, options.EpochsTopic }) Check(name, settings[name], "it holds the pipeline's state");
        foreach (var (name, of) in settings)
            if (long.TryParse(of("max.message.bytes"), out var most) && most < options.MaxMessageBytes + 512)
                throw new StartupException($"topic '{name}' takes messages of {most} bytes, fewer than the {options.MaxMessageBytes + 512} that the pipeline may write with their framing\n  write smaller ones only:    --set max-message-size={most - 512}\n  or raise the topic's max.message.bytes");
        if (long.TryParse(await topics.BrokerConfigAsync("transaction.max.timeout.ms", cancellation), out var longest)
            && options.TransactionTimeout.TotalMilliseconds > longest)
            throw new StartupException($"the transaction timeout of {options.TransactionTimeout.TotalSeconds:0} s is above the broker's transaction.max.timeout.ms of {longest}\n  shorten it:    --set kafka.transaction-timeout={longest}ms");
    }

    /// <summary>As <see cref="Check"/>, of the topic through which dead letters come again.</summary>
    /// <exception cref="StartupException">It would forget.</exception>
    public static void CheckRedrive(string topic, Func<string, string?> setting) => Check(topic, setting, "it tells which dead letters were redriven, so that none is redriven twice");
}
