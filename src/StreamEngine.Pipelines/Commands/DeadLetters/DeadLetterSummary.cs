using System.Text.RegularExpressions;

namespace StreamEngine.Pipelines.Commands.DeadLetters;

/// <summary>Dead letters that failed in the same way.</summary>
/// <param name="Stage">Where.</param>
/// <param name="Rule">The broken rule, or null.</param>
/// <param name="Reason">Why; where the reasons differ in a value of the data only, two dots stand for it.</param>
/// <param name="Count">How many.</param>
/// <param name="Example">The first of them.</param>
internal sealed record DeadLetterGroup(string Stage, string? Rule, string Reason, long Count, DeadLetter Example)
{
    /// <summary>The INSERT that they failed for; * for all.</summary>
    public string Insert => Example.Insert;
}

/// <summary>
/// Counts dead letters by stage, rule, INSERT and reason. Reasons that hold values of the data belong together; beyond a bound of groups the reason is left out.
/// </summary>
internal sealed partial class DeadLetterSummary
{
    private const int MostGroups = 1000;

    private readonly Dictionary<(string Stage, string? Rule, string Insert, string Shape), Group> _groups = [];

    private sealed class Group(DeadLetter example)
    {
        private readonly string[] _words = Words(example.Reason);

        public DeadLetter Example => example;

        public long Count { get; private set; }

        public string Reason => string.Join(' ', _words);

        public void Add(DeadLetter letter)
        {
            Count++;
            var words = Words(letter.Reason);
            for (var i = 0; i < _words.Length; i++)
                if (i >= words.Length || words[i] != _words[i]) _words[i] = "..";
        }
    }

    public long Count { get; private set; }

    /// <summary>Records that are no dead letters of the engine's: without the header that names the stage.</summary>
    public long Others { get; private set; }

    public void Add(DeadLetter letter)
    {
        if (!letter.IsOne)
        {
            Others++;
            return;
        }
        Count++;
        var key = (letter.Stage, letter.Rule, letter.Insert, Shape: Value().Replace(letter.Reason, ".."));
        if (_groups.Count >= MostGroups && !_groups.ContainsKey(key)) key.Shape = "";
        if (!_groups.TryGetValue(key, out var group)) _groups[key] = group = new Group(letter);
        group.Add(letter);
    }

    /// <summary>The most frequent first.</summary>
    public IReadOnlyList<DeadLetterGroup> Groups() =>
        [.. _groups.Select(g => new DeadLetterGroup(g.Key.Stage, g.Key.Rule, g.Value.Reason, g.Value.Count, g.Value.Example))
        .OrderByDescending(g => g.Count).ThenBy(g => g.Stage, StringComparer.Ordinal).ThenBy(g => g.Reason, StringComparer.Ordinal)];

    private static string[] Words(string reason) => [.. Word().Matches(reason).Select(m => m.Value)];

    // A quoted value, or a number with what belongs to it.
    [GeneratedRegex("\"[^\"]*\"|[0-9][0-9.:]*", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)]
    private static partial Regex Value();

    [GeneratedRegex("\"[^\"]*\"|[^ ]+", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
