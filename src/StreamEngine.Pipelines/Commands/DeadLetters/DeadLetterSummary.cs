namespace StreamEngine.Pipelines.Commands.DeadLetters;

/// <summary>Dead letters that failed in the same way.</summary>
/// <param name="Stage">Where.</param>
/// <param name="Rule">The broken rule, or null.</param>
/// <param name="Reason">Why.</param>
/// <param name="Count">How many.</param>
/// <param name="Example">The first of them.</param>
internal sealed record DeadLetterGroup(string Stage, string? Rule, string Reason, long Count, DeadLetter Example);

/// <summary>Counts dead letters by stage, rule and reason. Reasons that hold values of the data could be without number: beyond a bound the reason is left out.</summary>
internal sealed class DeadLetterSummary
{
    private const int MostGroups = 1000;
    private const string Others = "(other reasons)";

    private readonly Dictionary<(string Stage, string? Rule, string Reason), (long Count, DeadLetter Example)> _groups = [];

    public long Count { get; private set; }

    public void Add(DeadLetter letter)
    {
        Count++;
        var key = (letter.Stage, letter.Rule, letter.Reason);
        if (_groups.Count >= MostGroups && !_groups.ContainsKey(key)) key.Reason = Others;
        _groups[key] = _groups.TryGetValue(key, out var group) ? (group.Count + 1, group.Example) : (1, letter);
    }

    /// <summary>The most frequent first.</summary>
    public IReadOnlyList<DeadLetterGroup> Groups() =>
        [.. _groups.Select(g => new DeadLetterGroup(g.Key.Stage, g.Key.Rule, g.Key.Reason, g.Value.Count, g.Value.Example)).OrderByDescending(g => g.Count).ThenBy(g => g.Stage, StringComparer.Ordinal).ThenBy(g => g.Reason, StringComparer.Ordinal)];
}
