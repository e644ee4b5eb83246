using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Pipelines.Commands.Topics;

/// <summary>Finds topics for commands, and says plainly what is wrong where they cannot be found.</summary>
internal static class TopicLookup
{
    /// <summary>Asks for the cluster's metadata, which answers (or gives up) sooner than a question about one topic.</summary>
    /// <exception cref="StartupException">No broker answers.</exception>
    public static void CheckReachable(KafkaTopics topics) => topics.List();

    /// <exception cref="StartupException">No broker answers, or the topic does not exist.</exception>
    public static async Task<KafkaTopic> FindAsync(KafkaTopics topics, KafkaConnection connection, string name, CancellationToken cancellation)
    {
        CheckReachable(topics);
        return await topics.FindAsync(name, cancellation)
            ?? throw new StartupException($"topic '{name}' does not exist on {connection.Bootstrap}\n  what there is:                ./engine topic list --bootstrap {connection.Bootstrap}");
    }
}
