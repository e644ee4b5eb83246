using StreamEngine.Core;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Simulation.Faults;

namespace StreamEngine.Simulation.Runs;

/// <summary>What a simulated run came to.</summary>
/// <param name="Trace">The hash of everything that ran; equal for equal seeds.</param>
/// <param name="Steps">Runnables that ran.</param>
/// <param name="Elapsed">Virtual time.</param>
/// <param name="Restarts">Incarnations that were started after a failure by their worker, in all processes.</param>
/// <param name="Log">The log as it was left.</param>
/// <param name="Manifests">The committed manifests, in order.</param>
/// <param name="Broker">What the network did.</param>
/// <param name="Errors">What the workers logged as errors.</param>
internal sealed record SimulationResult(ulong Trace, long Steps, TimeSpan Elapsed, int Restarts, MemoryLog Log, IReadOnlyList<EpochManifest> Manifests, FaultyBroker Broker, IReadOnlyList<string> Errors)
{
    /// <summary>The records of a topic as a multiset, without what may differ from run to run: partition, order, and the time at which a window was written.</summary>
    public IReadOnlyList<string> Rows(string topic) => [.. Log.ReadAll(topic).Select(r => $"{Text(r.Key)}={Text(r.Value)} {Text(r.Headers)}").Order(StringComparer.Ordinal)];

    private static string Text(byte[]? bytes) => bytes is null ? "null" : System.Text.Encoding.Latin1.GetString(bytes);
}
