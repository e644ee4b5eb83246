using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>The leader does not have the offset that is next: its log begins behind it, or ends before it.</summary>
internal sealed class OffsetGoneException(int partition, long offset, string answer) : Exception($"partition {partition} has no offset {offset} ({answer})")
{
    public int Partition => partition;

    /// <summary>What a person has to know.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="end">Where the log ends now; null where that could not be asked.</param>
    public StartupException ToStartupException(string topic, long? end)
    {
        var place = $"{topic}-{partition}";
        const string Retention = "retention has deleted records that the pipeline has not read";
        return end < offset
            ? new StartupException($"{place}: the log was cut off below what was read of it: offset {offset} was next, and the log ends at offset {end} ({answer}; an unclean election of a leader does that, and a broker that lost the last writes of its disk)\n"
                + "  what was computed from the records that are gone stays; to compute it anew:    ./engine run FILE --reset", this)
            : new StartupException($"{place}: offset {offset} does not exist any more ({answer}): {(end is null ? $"{Retention}, or the log was cut off" : Retention)}\n"
                + "  to start anew with what is left:    ./engine run FILE --reset    (state is forgotten, and what is still there is written again)", this);
    }
}
