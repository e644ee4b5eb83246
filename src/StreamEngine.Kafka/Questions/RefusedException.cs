using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>A broker has answered a question with an error.</summary>
/// <param name="what">What it does not tell.</param>
/// <param name="error">The error.</param>
internal sealed class RefusedException(string what, KafkaError error) : Exception($"{what}: {error.Described()}")
{
    public KafkaError Error => error;

    /// <summary>A cluster that comes up again, or whose leaders and coordinators move, answers so for a while.</summary>
    public bool IsPassing => error.IsPassing();
}
