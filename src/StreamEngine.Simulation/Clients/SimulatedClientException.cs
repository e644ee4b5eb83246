using StreamEngine.Broker.Protocol;

namespace StreamEngine.Simulation.Clients;

/// <summary>A call of a simulated client failed, or its outcome is unknown.</summary>
/// <param name="error">What the broker said; null: nothing in time.</param>
/// <param name="message">What was tried.</param>
internal sealed class SimulatedClientException(ErrorCode? error, string message) : Exception($"{message} [{error?.ToString() ?? "no answer in time"}]")
{
    /// <summary>The producer can do nothing more: its epoch is old, or the coordinator does not know its transaction.</summary>
    public bool IsFatal => error is ErrorCode.InvalidProducerEpoch or ErrorCode.ProducerFenced or ErrorCode.InvalidTxnState or ErrorCode.InvalidProducerIdMapping;
}
