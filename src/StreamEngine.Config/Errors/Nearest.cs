namespace StreamEngine.Config;

/// <summary>The nearest known word to a misspelt one, for "did you mean".</summary>
internal static class Nearest
{
    private const int LongestWord = 64;

    /// <summary>The nearest candidate, or null where none is near enough (a third of the letters, at least one; case does not count).</summary>
    public static string? Of(string word, IEnumerable<string> candidates)
    {
        if (word.Length is 0 or > LongestWord) return null;
        string? best = null;
        int bestDistance = Math.Max(1, word.Length / 3) + 1;
        foreach (string candidate in candidates)
        {
            if (candidate.Length > LongestWord || Math.Abs(candidate.Length - word.Length) >= bestDistance) continue;
            int distance = Distance(word.ToLowerInvariant(), candidate.ToLowerInvariant());
            if (distance < bestDistance && distance < Math.Max(word.Length, candidate.Length)) (best, bestDistance) = (candidate, distance);
        }
        return best;
    }

    /// <summary><c>did you mean 'x'?</c>, or null.</summary>
    public static string? Hint(string word, IEnumerable<string> candidates) => Of(word, candidates) is { } near ? $"did you mean '{near}'?" : null;

    /// <summary>Damerau-Levenshtein distance in its restricted form (optimal string alignment): a swap of two neighbours counts once.</summary>
    internal static int Distance(string a, string b)
    {
        Span<int> rows = stackalloc int[3 * (LongestWord + 1)];
        Span<int> older = rows[..(LongestWord + 1)], old = rows.Slice(LongestWord + 1, LongestWord + 1), now = rows[(2 * (LongestWord + 1))..];
        for (int j = 0; j <= b.Length; j++) old[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            now[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int cost = a[i - 1] == b[j - 1] ? 0 : 1;
                now[j] = Math.Min(Math.Min(old[j] + 1, now[j - 1] + 1), old[j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = Math.Min(now[j], older[j - 2] + 1);
            }
            var spare = older;
            older = old;
            old = now;
            now = spare;
        }
        return old[b.Length];
    }
}
