using StreamEngine.Core;

namespace StreamEngine.Plan.Logical;

/// <summary>What SQL can name.</summary>
/// <param name="Sources">The sources that it reads.</param>
/// <param name="Sinks">The sinks that it writes.</param>
internal sealed record Catalog(IReadOnlyList<CatalogSource> Sources, IReadOnlyList<string> Sinks)
{
    /// <summary>The columns that no INSERT reads were left out: a view that none reads may not be plannable any more, and need not be.</summary>
    public bool IsPruned { get; init; }

    /// <summary>Sources were declared with errors that hide their names: a name that is not found may be one of them.</summary>
    public bool HasUnknownSources { get; init; }

    /// <summary>The same of sinks.</summary>
    public bool HasUnknownSinks { get; init; }
}

/// <summary>A source as a table.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Schema">Its columns.</param>
/// <param name="EventTime">The column of its event time; -1 where it has none that a window could use.</param>
internal sealed record CatalogSource(string Name, Schema Schema, int EventTime)
{
    /// <summary>The field of a struct that the event-time column holds a copy of, in canonical text: a window names it so.</summary>
    public string? EventTimePath { get; init; }

    /// <summary>Whether a column of this name was declared with an error, so that what names it has none of its own; null where all columns are known.</summary>
    public Func<string, bool>? IsDeclaredWrongly { get; init; }

    /// <summary>The event time was declared with an error.</summary>
    public bool IsTimeUnknown { get; init; }
}
