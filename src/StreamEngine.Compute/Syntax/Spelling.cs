namespace StreamEngine.Compute.Syntax;

/// <summary>Finds what a misspelt word probably meant.</summary>
internal static class Spelling
{
    /// <summary>The candidate with the fewest edits, when those are few enough for the word's length (a third of it, at least 1); null when none is near.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        if (word.Length > 64) return null;
        var limit = Math.Min(Math.Max(1, word.Length / 3), word.Length - 1);
        string? best = null;
        foreach (var candidate in candidates)
        {
            if (Math.Abs(candidate.Length - word.Length) > limit + 1) continue;
            var edits = Distance(word, candidate);
            if (edits > limit) continue;
            limit = edits - 1;
            best = candidate;
            if (edits == 0) break;
        }
        return best;
    }

    /// <summary>"did you mean 'x'?", or null when nothing is near.</summary>
    public static string? DidYouMean(string word, IEnumerable<string> candidates) => Nearest(word, candidates) is { } near ? $"did you mean '{near}'?" : null;

    /// <summary>Optimal string alignment without regard to case: insertions, deletions, replacements and swapped neighbours.</summary>
    private static int Distance(string a, string b)
    {
        Span<int> rows = stackalloc int[3 * (b.Length + 1)];
        var older = rows[..(b.Length + 1)];
        var before = rows.Slice(b.Length + 1, b.Length + 1);
        var now = rows[(2 * (b.Length + 1))..];
        for (var j = 0; j <= b.Length; j++) before[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            now[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = Same(a[i - 1], b[j - 1]);
                var best = Math.Min(Math.Min(before[j], now[j - 1]) + 1, before[j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1])) best = Math.Min(best, older[j - 2] + 1);
                now[j] = best;
            }
            var free = older;
            older = before;
            before = now;
            now = free;
        }
        return before[b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
