using System.Collections;

namespace StreamEngine.Core;

/// <summary>A named column of a schema or field of a struct.</summary>
/// <param name="Name">The name in its own spelling; lookup ignores case unless the query quotes it.</param>
/// <param name="Type">The type.</param>
/// <param name="Nullable">False when the contract says NOT NULL.</param>
/// <param name="Format">The declared text form of a timestamp or date, for example yyyy/MM/dd HH:mm or epoch-millis; null for ISO 8601.</param>
public sealed record Field(string Name, DataType Type, bool Nullable = true, string? Format = null)
{
    /// <summary>The name as SQL writes it: in double quotes where it is not a plain identifier.</summary>
    public string QuotedName => IsPlain(Name) ? Name : $"\"{Name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static bool IsPlain(string name)
    {
        if (name.Length == 0 || !(char.IsAsciiLetter(name[0]) || name[0] == '_')) return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        return true;
    }
}

/// <summary>The ordered columns of a batch. Immutable; equal by value.</summary>
public sealed class Schema : IReadOnlyList<Field>, IEquatable<Schema>
{
    private readonly Field[] _fields;

    /// <summary>A schema of these fields, in this order.</summary>
    public Schema(params Field[] fields) => _fields = fields;

    /// <summary>A schema of these fields, in this order.</summary>
    public Schema(IEnumerable<Field> fields) => _fields = [.. fields];

    /// <summary>The schema without columns, of batches that carry records only.</summary>
    public static Schema Empty { get; } = new();

    /// <inheritdoc/>
    public int Count => _fields.Length;

    /// <inheritdoc/>
    public Field this[int index] => _fields[index];

    /// <summary>
    /// The position of the column of exactly this name, or else of the only one that matches without regard to case; -1 when there is none or the match is ambiguous.
    /// </summary>
    public int IndexOf(string name)
    {
        for (var i = 0; i < _fields.Length; i++)
            if (_fields[i].Name == name) return i;
        var found = -1;
        for (var i = 0; i < _fields.Length; i++)
        {
            if (!string.Equals(_fields[i].Name, name, StringComparison.OrdinalIgnoreCase)) continue;
            if (found >= 0) return -1;
            found = i;
        }
        return found;
    }

    /// <inheritdoc/>
    public bool Equals(Schema? other) => other is not null && _fields.AsSpan().SequenceEqual(other._fields);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Schema);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var field in _fields) hash.Add(field);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<Field> GetEnumerator() => ((IEnumerable<Field>)_fields).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _fields.GetEnumerator();

    /// <summary>The columns as a schema text writes them.</summary>
    public override string ToString() => string.Join(", ", _fields.Select(f => $"{f.QuotedName} {f.Type}{(f.Nullable ? "" : " NOT NULL")}"));
}
