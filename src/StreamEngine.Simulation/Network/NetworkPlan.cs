namespace StreamEngine.Simulation.Network;

/// <summary>How badly the network behaves. Probabilities are from 0 to 1, per request; delays are drawn evenly from zero to the longest.</summary>
internal sealed record NetworkPlan
{
    /// <summary>Everything arrives at once.</summary>
    public static NetworkPlan None { get; } = new();

    /// <summary>
    /// Slow; one request in a hundred gets lost with its connection, one answer too, and one of each in two hundred comes after everybody has given up.
    /// </summary>
    public static NetworkPlan Rough { get; } = new() { Delay = TimeSpan.FromMilliseconds(30), LostRequests = 0.01, LostAnswers = 0.01, LateRequests = 0.005,
        LateAnswers = 0.005, Late = TimeSpan.FromSeconds(40) };

    public TimeSpan Delay { get; init; }

    /// <summary>The connection ends before the request has arrived.</summary>
    public double LostRequests { get; init; }

    /// <summary>The request is carried out, and the connection ends before the answer has arrived.</summary>
    public double LostAnswers { get; init; }

    /// <summary>The connection stands still: the request arrives after up to <see cref="Late"/>, when its sender may have given up, or be gone.</summary>
    public double LateRequests { get; init; }

    public double LateAnswers { get; init; }

    public TimeSpan Late { get; init; }
}
