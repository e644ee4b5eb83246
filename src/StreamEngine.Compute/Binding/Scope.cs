using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Binding;

/// <summary>A column that a name resolves to.</summary>
/// <param name="Index">Its position in the batches that the expression will be evaluated on.</param>
/// <param name="Field">Name, type, nullability.</param>
/// <param name="Parts">How many parts of the name it took: the others are fields of a struct.</param>
internal readonly record struct ScopeColumn(int Index, Field Field, int Parts);

/// <summary>Resolves names to columns.</summary>
internal interface IScope
{
    /// <summary>The column that the first parts of the name mean.</summary>
    /// <exception cref="SqlException">There is none, or more than one.</exception>
    ScopeColumn Resolve(NameExpression name);
}

/// <summary>The columns of one or more tables side by side; each table's columns start at an index of their own.</summary>
internal sealed class Scope : IScope
{
    private readonly List<Table> _tables = [];
    private Func<string, bool>? _isDeclaredWrongly;

    private sealed record Table(string? Name, Schema Schema, int Start, Func<string, bool>? IsHidden);

    /// <summary>The columns of one table; a null name allows no qualifier and is left out of messages. Hidden columns are found but never offered.</summary>
    public static Scope Of(Schema schema, string? name = null, Func<string, bool>? isHidden = null) => new Scope().Add(schema, name, 0, isHidden);

    /// <summary>A scope without columns: for expressions of constants.</summary>
    public static Scope Empty { get; } = new();

    /// <summary>Adds a table whose first column stands at <paramref name="start"/> of the batch.</summary>
    public Scope Add(Schema schema, string? name, int start, Func<string, bool>? isHidden = null)
    {
        _tables.Add(new Table(name, schema, start, isHidden));
        return this;
    }

    /// <summary>Names of columns that were declared with an error: what names them has no error of its own. Null: there are none.</summary>
    public Scope Without(Func<string, bool>? isDeclaredWrongly)
    {
        _isDeclaredWrongly = isDeclaredWrongly;
        return this;
    }

    public ScopeColumn Resolve(NameExpression name)
    {
        var first = name.Parts[0];
        if (name.Parts.Count > 1 && _tables.Find(t => t.Name is not null && first.Matches(t.Name)) is { } qualified)
        {
            if (FindIn(qualified, name.Parts[1], 2) is { } column) return column;
            if (!_tables.Exists(t => FindIn(t, first, 1) is not null)) throw MissingOf(name.Parts[1], [qualified]);
        }
        ScopeColumn? found = null;
        foreach (var table in _tables)
        {
            if (FindIn(table, first, 1) is not { } column) continue;
            if (found is not null) throw new SqlException(first.Span, $"column '{first.Name}' is in more than one table",
                $"write which: {string.Join(" or ", _tables.Select(t => $"{t.Name}.{first.Name}"))}");
            found = column;
        }
        return found ?? throw MissingOf(first, _tables);
    }

    private SqlException MissingOf(Identifier name, IReadOnlyList<Table> tables) =>
        _isDeclaredWrongly?.Invoke(name.Name) == true ? SqlException.Follows() : Missing(name, tables);

    private static ScopeColumn? FindIn(Table table, Identifier name, int parts)
    {
        var index = IndexOf(table.Schema, name, out var ambiguous);
        if (ambiguous) throw Ambiguous(table.Schema, name, "column");
        return index < 0 ? null : new ScopeColumn(table.Start + index, table.Schema[index], parts);
    }

    /// <summary>The only field that the name matches; quoted names match exactly.</summary>
    internal static int IndexOf(Schema schema, Identifier name, out bool ambiguous)
    {
        ambiguous = false;
        var found = -1;
        for (var i = 0; i < schema.Count; i++)
        {
            if (!name.Matches(schema[i].Name)) continue;
            ambiguous |= found >= 0;
            found = i;
        }
        return found;
    }

    internal static SqlException Ambiguous(Schema schema, Identifier name, string what)
        => new(name.Span, $"{what} '{name.Name}' is ambiguous",
            $"write one of {string.Join(", ", schema.Where(f => name.Matches(f.Name)).Select(f => $"\"{f.Name}\""))} with its quotes");

    private static SqlException Missing(Identifier name, IReadOnlyList<Table> tables)
    {
        var where = string.Join(", ", tables.Where(t => t.Name is not null).Select(t => t.Name));
        var columns = tables.SelectMany(t => t.Schema.Select(f => f.Name).Where(n => t.IsHidden?.Invoke(n) != true)).ToList();
        var has = columns.Count == 0 ? "there are no columns here" : $"{(tables.Count == 1 && where.Length > 0 ? where + " has" : "there are")} {List(columns)}";
        var near = Spelling.DidYouMean(name.Name, columns);
        return new SqlException(name.Span, $"column '{name.Name}' does not exist{(where.Length > 0 ? " in " + where : "")}", near is null ? has : $"{near} {has}");
    }

    /// <summary>Names for a hint: no more than a line can hold.</summary>
    internal static string List(IReadOnlyList<string> names)
        => names.Count <= 20 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(20))} and {names.Count - 20} more";
}
