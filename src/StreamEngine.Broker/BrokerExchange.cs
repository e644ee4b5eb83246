using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker;

/// <summary>
/// One request and its answer. The buffer is the core's while it handles the request: offsets are stamped into produced batches in place.
/// </summary>
/// <param name="request">The request after its length prefix.</param>
internal sealed class BrokerExchange(Memory<byte> request)
{
    /// <summary>The request; let go of when the answer does not need it any more.</summary>
    public Memory<byte> Request { get; } = request;

    /// <summary>The answer with its length prefix; null while it is pending, and for requests that want none (acks=0).</summary>
    public BrokerResponse? Response { get; private set; }

    public bool IsComplete { get; private set; }

    /// <summary>Called once, inside of the call to the core that completes a pending answer.</summary>
    public Action<BrokerExchange>? Completed { get; set; }

    internal int CorrelationId { get; set; }

    internal short Version { get; set; }

    internal bool Flexible { get; set; }

    internal string? ClientId { get; set; }

    internal void Complete(BrokerResponse? response)
    {
        Response = response;
        IsComplete = true;
        Completed?.Invoke(this);
    }
}
