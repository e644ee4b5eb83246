using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Windows;

namespace StreamEngine.Plan.Logical;

/// <summary>A step of a query, over the step that it reads.</summary>
/// <param name="Output">The columns it gives.</param>
/// <param name="EventTime">The column that holds the source's event time; -1 when it was left behind.</param>
internal abstract record LogicalNode(Schema Output, int EventTime)
{
    /// <summary>The step before; null for a source.</summary>
    public virtual LogicalNode? Input => null;

    /// <summary>The step as EXPLAIN shows it, canonical: operator ids are made of it.</summary>
    public abstract string Describe();

    /// <summary>The source that it all comes from.</summary>
    public string Source => Scan.Name;

    /// <summary>That source's rows.</summary>
    public ScanNode Scan
    {
        get
        {
            var node = this;
            while (node.Input is { } input) node = input;
            return (ScanNode)node;
        }
    }

    /// <summary>Whether an aggregation lies below or here.</summary>
    public bool IsAggregated => this is WindowNode || Input is { IsAggregated: true };
}

/// <summary>A source's rows.</summary>
internal sealed record ScanNode(string Name, Schema Output, int EventTime) : LogicalNode(Output, EventTime)
{
    /// <summary>See <see cref="CatalogSource.EventTimePath"/>.</summary>
    public string? EventTimePath { get; init; }

    /// <summary>See <see cref="CatalogSource.IsDeclaredWrongly"/>; null where all columns are known.</summary>
    public Func<string, bool>? IsDeclaredWrongly { get; init; }

    /// <summary>See <see cref="CatalogSource.IsTimeUnknown"/>.</summary>
    public bool IsTimeUnknown { get; init; }

    public override string Describe() => $"source {Name}";
}

/// <summary>Rows for which the condition is TRUE.</summary>
internal sealed record FilterNode(LogicalNode Before, BoundExpression Condition) : LogicalNode(Before.Output, Before.EventTime)
{
    public override LogicalNode Input => Before;

    public override string Describe() => $"filter {Condition}";
}

/// <summary>Computed columns.</summary>
internal sealed record ProjectNode(LogicalNode Before, Schema Columns, IReadOnlyList<BoundExpression> Expressions, int Time) : LogicalNode(Columns, Time)
{
    public override LogicalNode Input => Before;

    public override string Describe() => $"project {string.Join(", ", Expressions.Zip(Columns, (e, f) => e.ToString() == f.Name ? f.Name : $"{e} AS {f.QuotedName}"))}";
}

/// <summary>Groups by window and keys: window_start, window_end, the keys, the aggregates.</summary>
internal sealed record WindowNode(LogicalNode Before, WindowSpec Window, IReadOnlyList<int> Keys, IReadOnlyList<AggregateSpec> Aggregates, Schema Columns)
    : LogicalNode(Columns, -1)
{
    public override LogicalNode Input => Before;

    public override string Describe() => Describe(micros => TimeSpan.FromMicroseconds(micros).ToString());

    /// <summary>The same for people, with durations as a file has them. Ids of state are made of the other form, and stay.</summary>
    public string Shown() => Describe(DurationText.OfMicros);

    private string Describe(Func<long, string> duration)
    {
        var window = Window.IsTumbling ? $"tumble {duration(Window.Size)}" : $"hop {duration(Window.Slide)} of {duration(Window.Size)}";
        var aggregates =
            Aggregates.Select(a =>
            $"{a.Function.ToString().ToLowerInvariant()}({(a.Distinct ? "distinct " : "")}{(a.Argument < 0 ? "*" : Before.Output[a.Argument].Name)})");
        return $"{window} on {Before.Output[Before.EventTime].Name} by {string.Join(", ", Keys.Select(k => Before.Output[k].Name))} compute {string.Join(", ", aggregates)}";
    }
}

/// <summary>One INSERT: what is written to a sink.</summary>
/// <param name="Sink">The sink.</param>
/// <param name="Root">The last step.</param>
internal sealed record LogicalInsert(string Sink, LogicalNode Root);

/// <summary>All that a pipeline's SQL says.</summary>
/// <param name="Inserts">The INSERTs that have no error.</param>
internal sealed record LogicalPlan(IReadOnlyList<LogicalInsert> Inserts)
{
    /// <summary>What is wrong, in the order of the text.</summary>
    public IReadOnlyList<SqlError> Errors { get; init; } = [];

    /// <summary>False where a statement failed: by an error of its own, or by one of what it reads.</summary>
    public bool IsWhole { get; init; } = true;
}
