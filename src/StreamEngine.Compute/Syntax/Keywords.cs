using System.Collections.Frozen;

namespace StreamEngine.Compute.Syntax;

/// <summary>The words that are no names unless they are quoted: those that would make a statement ambiguous or its errors misleading. All other keywords are
/// contextual.</summary>
internal static class Keywords
{
    private static readonly FrozenSet<string> Reserved = new[]
    {
        "ALL", "AND", "AS", "BETWEEN", "BY", "CASE", "CAST", "CREATE", "DISTINCT", "ELSE", "END", "EXCEPT", "EXISTS", "FALSE", "FROM", "GROUP", "HAVING", "IN",
            "INSERT", "INTERSECT", "INTO", "IS", "JOIN",
        "LIKE", "ILIKE", "LIMIT", "NOT", "NULL", "ON", "OR", "ORDER", "SELECT", "THEN", "TRUE", "UNION", "WHEN", "WHERE", "WITH",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool IsReserved(string word) => Reserved.Contains(word);
}
