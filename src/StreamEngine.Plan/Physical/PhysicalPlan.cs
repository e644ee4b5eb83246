using StreamEngine.Compute.Binding;
using StreamEngine.Core;
using StreamEngine.Quality.Rules;

namespace StreamEngine.Plan.Physical;

/// <summary>
/// What runs: per source a prefix of operators on each lane, per INSERT a chain before and one behind its exchange. Connectors and formats are bound by who runs it.
/// </summary>
/// <param name="Sources">What is read.</param>
/// <param name="Inserts">What is written.</param>
/// <param name="Hash">Of its canonical description: manifests carry it.</param>
internal sealed record PhysicalPlan(IReadOnlyList<PhysicalSource> Sources, IReadOnlyList<PhysicalInsert> Inserts, string Hash)
{
    /// <summary>The users' own stages between a stream and the one that is made of it, inputs first.</summary>
    public IReadOnlyList<PhysicalVia> Vias { get; init; } = [];

    /// <summary>The event time that a replay runs over; null for a live pipeline.</summary>
    public EventTimeRange? Range { get; init; }
}

/// <summary>A user's own stage: a stream by another name.</summary>
/// <param name="Name">The new stream.</param>
/// <param name="Input">The source or stream that it takes.</param>
/// <param name="Columns">The columns that it gives.</param>
/// <param name="Flow">The flow; opaque to plans.</param>
internal sealed record PhysicalVia(string Name, string Input, Schema Columns, object Flow);

/// <summary>A source on its lanes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Declared">All columns, which decoding checks.</param>
/// <param name="Read">Which of them something reads: only these are stored.</param>
/// <param name="Columns">Those columns.</param>
/// <param name="WithTimestamp">The record's timestamp is a further column behind them.</param>
/// <param name="Rules">What every row has to meet, bound to the columns.</param>
/// <param name="EventTime">The column of its event time, where something reads one; else null. -1: the record's timestamp.</param>
internal sealed record PhysicalSource(string Name, Schema Declared, bool[] Read, Schema Columns, bool WithTimestamp, IReadOnlyList<Rule> Rules, int? EventTime)
{
    /// <summary>The field of a struct that is the event time, to be copied into a further column, the last one; null for a plain column.</summary>
    public BoundExpression? EventTimeField { get; init; }
}

/// <summary>An INSERT.</summary>
/// <param name="Sink">The sink's name.</param>
/// <param name="Source">The source, or stream of a user's own stage, that it reads.</param>
/// <param name="Before">Up to the exchange, or all of it where there is none.</param>
/// <param name="ExchangeKeys">The columns that rows are divided by; null: no exchange.</param>
/// <param name="After">Behind the exchange.</param>
/// <param name="Output">What is written, with the columns of the key behind the written ones.</param>
/// <param name="KeyColumns">The columns of the record key in <paramref name="Output"/>.</param>
/// <param name="Written">How many of the columns are the value's.</param>
internal sealed record PhysicalInsert(string Sink, string Source, IReadOnlyList<OperatorFactory> Before, int[]? ExchangeKeys, IReadOnlyList<OperatorFactory> After,
    Schema Output, int[] KeyColumns, int Written)
{
    /// <summary>The windows that its rows are counted in; null where there are none.</summary>
    public Operators.Windows.WindowSpec? Window { get; init; }

    /// <summary>A written column that tells where in event time a row belongs; null where none does.</summary>
    public TimeColumn? Time { get; init; }
}

/// <summary>A written column of event time.</summary>
/// <param name="Name">The column.</param>
/// <param name="ToStart">Microseconds from its value to the beginning of what the row covers: of its window, or of the row itself.</param>
/// <param name="ToEnd">Microseconds from its value to the end of the window; 0 for a row that is not of a window.</param>
internal sealed record TimeColumn(string Name, long ToStart, long ToEnd)
{
    /// <summary>Whether a row with this value in the column belongs to a replay of the range.</summary>
    public bool IsIn(EventTimeRange range, long value) => ToEnd == ToStart ? range.Contains(value) : range.Holds(value + ToStart, value + ToEnd);
}

/// <summary>Makes an operator for each lane.</summary>
/// <param name="Id">The operator's stable id.</param>
/// <param name="Description">As EXPLAIN shows it.</param>
/// <param name="Create">A new instance.</param>
internal sealed record OperatorFactory(string Id, string Description, Func<IOperator> Create)
{
    /// <summary>It keeps state under its id.</summary>
    public bool IsStateful { get; init; }
}
