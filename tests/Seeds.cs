namespace StreamEngine;

/// <summary>How far the numbers go that properties are tried with.</summary>
internal static class Seeds
{
    /// <summary>
    /// For a property over a seed. FsCheck draws an integer from -size to size, and sizes end at 100 by default: a property that makes everything of a seed would see one
    /// hundred different ones, however many tests it runs.
    /// </summary>
    public const int All = 1_000_000_000;
}
