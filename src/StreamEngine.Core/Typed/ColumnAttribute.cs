namespace StreamEngine.Core;

/// <summary>How a property of a record maps to a column, where its name in lower camel case and its type do not say it.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class ColumnAttribute : Attribute
{
    /// <summary>The column's name; null: the property's, in lower camel case.</summary>
    public string? Name { get; init; }

    /// <summary>The text form of a timestamp or date, for example yyyy/MM/dd HH:mm or epoch-millis; null: ISO 8601.</summary>
    public string? Format { get; init; }

    /// <summary>Digits of a decimal, 1 to 38; 0: 28.</summary>
    public int Precision { get; init; }

    /// <summary>Digits behind the point of a decimal; 6 where the precision is not given.</summary>
    public int Scale { get; init; }
}
