using System.Collections.Frozen;
using StreamEngine.Compute.Syntax;

namespace StreamEngine.Compute.Functions;

/// <summary>All scalar functions and operators. A new one is one entry in the list of its family.</summary>
internal static class FunctionTable
{
    private static readonly FrozenDictionary<string, FunctionDefinition> Operators =
        ((IEnumerable<FunctionDefinition>)[.. ArithmeticFunctions.All, .. ComparisonFunctions.All, .. LogicFunctions.All, .. LikeFunctions.All]).ToFrozenDictionary(f
            => f.Name, StringComparer.Ordinal);

    /// <summary>The functions that a query calls by name, by family.</summary>
    public static IReadOnlyList<(string Family, IReadOnlyList<FunctionDefinition> Functions)> Families { get; } =
    [
        ("Conditions", ConditionFunctions.All),
        ("Text", [.. TextFunctions.All, .. TextSearchFunctions.All]),
        ("Numbers", MathFunctions.All),
        ("Time", TimeFunctions.All),
        ("Arrays", ArrayFunctions.All),
    ];

    private static readonly FrozenDictionary<string, FunctionDefinition> Functions = MakeFunctions();

    /// <summary>Aggregate functions, which the SQL layer knows: named here so that messages are right, and nearest names found.</summary>
    private static readonly string[] Aggregates = ["count", "sum", "avg", "min", "max"];

    /// <summary>Names that other languages have, for hints.</summary>
    private static readonly Dictionary<string, string> Foreign = new(StringComparer.OrdinalIgnoreCase)
    {
        ["average"] = "avg",
        ["mean"] = "avg",
        ["maximum"] = "max",
        ["minimum"] = "min",
        ["len"] = "length",
        ["ucase"] = "upper",
        ["lcase"] = "lower",
        ["instr"] = "strpos",
        ["ifnull"] = "coalesce",
        ["nvl"] = "coalesce",
        ["isnull"] = "coalesce",
        ["truncate"] = "trunc",
        ["date_format"] = "to_char",
        ["array_length"] = "cardinality",
        ["contains"] = "strpos",
        ["rlike"] = "regexp_like",
    };

    public static FunctionDefinition Subscript => ArrayFunctions.Subscript;

    /// <summary>The names that a call may have, aggregates too: for hints and completion.</summary>
    public static IEnumerable<string> Names => Functions.Keys.Concat(Aggregates);

    /// <summary>The function of this name or alias, without regard to case; null when there is none.</summary>
    public static FunctionDefinition? Find(string name) => Functions.GetValueOrDefault(name);

    /// <summary>The name that a misspelt or foreign one probably meant; null when none is near.</summary>
    public static string? NearestTo(string name)
        => Spelling.Nearest(name, Names.Order(StringComparer.Ordinal).Concat(Foreign.Keys)) is { } near ? Foreign.GetValueOrDefault(near, near) : null;

    public static bool IsAggregate(string name) => Aggregates.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>An operator by its own sign or words.</summary>
    public static FunctionDefinition Operator(string name) => Operators.TryGetValue(name, out var found) ? found : Functions[name];

    private static FrozenDictionary<string, FunctionDefinition> MakeFunctions()
    {
        var functions = new Dictionary<string, FunctionDefinition>(StringComparer.OrdinalIgnoreCase);
        foreach (var (_, family) in Families)
            foreach (var function in family)
            {
                functions.Add(function.Name, function);
                foreach (var alias in function.Aliases) functions.Add(alias, function);
            }
        return functions.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
    }
}
