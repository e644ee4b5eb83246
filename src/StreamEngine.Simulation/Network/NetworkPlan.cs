namespace StreamEngine.Simulation.Network;

/// <summary>How badly the network behaves. Probabilities are from 0 to 1, per request; delays are drawn evenly from zero to the longest.</summary>
internal sealed record NetworkPlan
{
    /// <summary>Everything arrives at once.</summary>
    public static NetworkPlan None { get; } = new();

    /// <summary>Slow; one request in a hundred is lost, its answer too, or comes after everybody has given up.</summary>
    public static NetworkPlan Rough { get; } = new() { Delay = TimeSpan.FromMilliseconds(30), LostRequests = 0.01, LostAnswers = 0.01, LateRequests = 0.005, LateAnswers = 0.005, Late = TimeSpan.FromSeconds(20) };

    public TimeSpan Delay { get; init; }

    /// <summary>Never arrives; the client's patience ends.</summary>
    public double LostRequests { get; init; }

    /// <summary>Is carried out, and the client does not learn it.</summary>
    public double LostAnswers { get; init; }

    /// <summary>Arrives after up to <see cref="Late"/>, when the client may have asked again, or be gone.</summary>
    public double LateRequests { get; init; }

    public double LateAnswers { get; init; }

    public TimeSpan Late { get; init; }
}
