using Akka.Streams;
using StreamEngine.Core;
using StreamEngine.Simulation.Clients;

namespace StreamEngine.Simulation.Runs;

/// <summary>What a worker logged as an error.</summary>
/// <param name="Process">Which one.</param>
/// <param name="Text">What it said.</param>
/// <param name="Cause">The exception, where it gave one.</param>
internal sealed record LoggedError(int Process, string Text, Exception? Cause)
{
    /// <summary>
    /// Whether faults of the world can be all there is to it: a new incarnation after anything else would hide a defect of the engine, since it writes the right rows in
    /// the end.
    /// </summary>
    public bool IsFault => Cause is null ? Text.Contains(SimulatedClient.NoBroker, StringComparison.Ordinal) : IsFaultOf(Cause);

    /// <summary>The graph was stopped from outside, as <see cref="BlowKind.Crash"/> does it: once for each such blow.</summary>
    public bool IsStop => Cause is not null && IsStopOf(Cause);

    /// <summary>Whether an exception is one that a fault of the world leads to.</summary>
    public static bool IsFaultOf(Exception cause) => ReasonOf(cause) switch
    {
        // No answer in time, or the broker refuses it.
        SimulatedClientException => true,
        StartupException { Message: SimulatedClient.NoBroker } => true,
        // It stood still between its claim and the restore.
        InvalidOperationException state => state.Message.EndsWith("another incarnation has committed since", StringComparison.Ordinal),
        _ => false,
    };

    public static bool IsStopOf(Exception cause) =>
        ReasonOf(cause) is AbruptTerminationException or InvalidOperationException { Message: "the graph was stopped before it came to its end" };

    /// <summary>A worker that was asked to end says so with the reason behind it.</summary>
    private static Exception ReasonOf(Exception cause) => cause switch
    {
        AggregateException { InnerExceptions: [var only] } => ReasonOf(only),
        StartupException { InnerException: { } reason } => ReasonOf(reason),
        _ => cause,
    };

    public override string ToString() =>
        $"process {Process}: {Text}{(Cause?.GetBaseException() is { } first ? $": {first.GetType().Name}: {first.Message}" : "")}";
}
