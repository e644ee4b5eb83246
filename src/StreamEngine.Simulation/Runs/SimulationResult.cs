using StreamEngine.Core;
using StreamEngine.Simulation.Network;

namespace StreamEngine.Simulation.Runs;

/// <summary>What a simulated run came to.</summary>
internal sealed record SimulationResult
{
    /// <summary>The hash of everything that ran; equal for equal seeds.</summary>
    public required ulong Trace { get; init; }

    /// <summary>Runnables and events that ran.</summary>
    public required long Steps { get; init; }

    /// <summary>Of these, until the end of the input was committed.</summary>
    public required long BusySteps { get; init; }

    /// <summary>What happened to processes and broker, with virtual time and step.</summary>
    public required IReadOnlyList<string> Story { get; init; }

    /// <summary>Virtual time.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Processes that were started.</summary>
    public required int Processes { get; init; }

    /// <summary>Graphs that a blow has stopped.</summary>
    public required int Crashes { get; init; }

    /// <summary>Incarnations that were started after a failure by their worker, in all processes.</summary>
    public required int Restarts { get; init; }

    /// <summary>The committed records of every topic, by partition.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<IReadOnlyList<LogRecord>>> Topics { get; init; }

    /// <summary>The committed manifests, in order.</summary>
    public required IReadOnlyList<EpochManifest> Manifests { get; init; }

    /// <summary>The committed offsets of the pipeline's group.</summary>
    public required IReadOnlyDictionary<(string Topic, int Partition), long> GroupOffsets { get; init; }

    public required NetworkCounts Network { get; init; }

    public required int BrokerCrashes { get; init; }

    /// <summary>What the workers logged as errors, and what the run itself found wrong.</summary>
    public required IReadOnlyList<LoggedError> Errors { get; init; }

    public required IReadOnlyList<string> Wrong { get; init; }

    /// <summary>The committed records of a topic, of all partitions.</summary>
    public IEnumerable<LogRecord> ReadAll(string topic) => Topics.TryGetValue(topic, out var partitions) ? partitions.SelectMany(p => p) : [];

    /// <summary>
    /// The records of a topic as a multiset, without what may differ from run to run: partition, order, offsets, and the time at which a window was written.
    /// </summary>
    public IReadOnlyList<string> Rows(string topic) =>
        [.. ReadAll(topic).Select(r => $"{Text(r.Key)}={Text(r.Value)} {Headers(r.Headers)}").Order(StringComparer.Ordinal)];

    // Where the record of a dead letter or a late row lay differs with the transactions of whoever wrote it.
    private static string Headers(byte[] headers)
    {
        var text = new System.Text.StringBuilder();
        foreach (var header in RecordHeaders.Read(headers))
            if (!header.Name.SequenceEqual("__streams.errors.offset"u8))
                text.Append(System.Text.Encoding.UTF8.GetString(header.Name)).Append(':').Append(System.Text.Encoding.UTF8.GetString(header.Value)).Append(' ');
        return text.ToString();
    }

    private static string Text(byte[]? bytes) => bytes is null ? "null" : System.Text.Encoding.Latin1.GetString(bytes);
}
