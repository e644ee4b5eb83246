using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Operators.Windows;
using StreamEngine.Plan.Logical;
using StreamEngine.Sql.Syntax;

namespace StreamEngine.Sql.Planning;

/// <summary>One SELECT.</summary>
internal static class QueryPlanner
{
    public static LogicalNode Plan(SelectQuery query, Func<Identifier, LogicalNode> resolve)
    {
        if (query.From is WindowReference window) return PlanWindow(query, window, resolve(window.Input));
        var table = (TableReference)query.From;
        var input = resolve(table.Name);
        var scope = Scope.Of(input.Output, (table.Alias ?? table.Name).Name, CatalogColumns.IsHidden);
        if (query.GroupBy.Count > 0 || query.Having is not null || query.Items.Any(i => i.Expression is not null && Aggregation.FindAggregate(i.Expression) is not null))
            throw TokenReader.Error(query.GroupBy.Count > 0 ? query.GroupBy[0].Span : query.Span with { Length = 6 },
                "an aggregation needs a window: without one it would never be finished",
                $"group inside FROM TUMBLE({table.Name.Name}, time, INTERVAL '1' HOUR)");
        return Project(query, Filter(query, input, scope), scope, (table.Alias ?? table.Name).Name, null);
    }

    private static LogicalNode Filter(SelectQuery query, LogicalNode input, IScope scope)
    {
        if (query.Where is null) return input;
        if (Aggregation.FindAggregate(query.Where) is { } aggregate)
            throw TokenReader.Error(aggregate.Span, "an aggregate cannot stand in WHERE", "conditions on groups stand in HAVING");
        return new FilterNode(input, ExpressionBinder.BindCondition(query.Where, scope));
    }

    private static LogicalNode PlanWindow(SelectQuery query, WindowReference window, LogicalNode input)
    {
        if (input.IsAggregated) throw TokenReader.Error(window.Input.Span,
            $"'{window.Input.Name}' is a view over windows, and a window over a windowed view is not part of the language yet", "compute both from the source");
        var name = (window.Alias ?? window.Input).Name;
        var scope = Scope.Of(input.Output, name, CatalogColumns.IsHidden);
        CheckTime(window, input, scope);
        var filtered = Filter(query, input, scope);
        return Aggregation.Plan(query, window, SpecOf(window), filtered, scope);
    }

    private static void CheckTime(WindowReference window, LogicalNode input, Scope scope)
    {
        var bound = ExpressionBinder.Bind(window.Time, scope);
        if (bound is BoundColumn column && column.Index == input.EventTime) return;
        if (PathOf(input) is { } path && bound.ToString() == path) return;
        var hint = PathOf(input) is { } nested ? $"its event time is {nested}" : input.EventTime >= 0 ? $"its event time is '{input.Output[input.EventTime].Name}'"
            : input is ScanNode ? "declare it: event-time { column = .. }, or use _timestamp, the record's own" : "let the view pass the source's event-time column on";
        throw TokenReader.Error(window.Time.Span, $"'{window.Time}' is not the event time of {window.Input.Name}", hint);
    }

    /// <summary>The field of a struct that is the source's event time, as long as the source's own columns are still there.</summary>
    private static string? PathOf(LogicalNode node)
    {
        while (node is FilterNode filter) node = filter.Before;
        return (node as ScanNode)?.EventTimePath;
    }

    private static WindowSpec SpecOf(WindowReference window)
    {
        var size = Length(window.Size, "size");
        var slide = window.Slide is null ? size : Length(window.Slide, "slide");
        if (slide > size) throw TokenReader.Error(window.Slide!.Span, "the window's slide is larger than its size: rows between the windows would be in none",
            "HOP(source, time, slide, size): the slide comes first");
        if (size / slide > 100_000) throw TokenReader.Error(window.Slide!.Span, $"a row would be in {size / slide} windows at once, at most 100000 are possible",
            "use a longer slide");
        return new WindowSpec(size, slide);
    }

    private static long Length(IntervalArgument argument, string what)
    {
        var bound = ExpressionBinder.Bind(argument.Expression, Scope.Empty);
        if (bound is not BoundConstant { Value: { IsNull: false } value } || value.Type.Kind != TypeKind.Interval)
            throw TokenReader.Error(argument.Span, $"the window's {what} is an interval", "for example INTERVAL '1' HOUR");
        if (value.As<Interval>().FixedMicroseconds is not { } length)
            throw TokenReader.Error(argument.Span, $"the window's {what} has months, which have no fixed length", "use days");
        if (length <= 0) throw TokenReader.Error(argument.Span, $"the window's {what} must be positive: at least a microsecond", "for example INTERVAL '1' HOUR");
        return length;
    }

    /// <summary>SELECT's columns over an input; * is all of its columns.</summary>
    public static LogicalNode Project(SelectQuery query, LogicalNode input, IScope scope, string table, Substitution? substitution)
    {
        var fields = new List<Field>();
        var expressions = new List<BoundExpression>();
        var time = -1;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in query.Items)
        {
            if (item.IsStar)
            {
                if (item.StarQualifier is { } qualifier && !qualifier.Matches(table))
                    throw TokenReader.Error(qualifier.Span, $"'{qualifier.Name}' is not read here", $"the query reads {table}");
                if (substitution is not null) throw TokenReader.Error(item.Span, "* cannot stand beside GROUP BY", "name the grouping columns and aggregates");
                for (var i = 0; i < input.Output.Count; i++)
                {
                    var field = input.Output[i];
                    if (CatalogColumns.IsHidden(field.Name)) continue;
                    Add(new BoundColumn(new NameExpression(item.Span, [new Identifier(field.Name, true, item.Span)]), i, field.Type, field.Name, field.Nullable), field,
                        item.Span);
                }
                continue;
            }
            var bound = ExpressionBinder.Bind(item.Expression!, scope, substitution);
            if (bound.Type.Kind == TypeKind.Null) throw TokenReader.Error(item.Span, "the column has no type: it is always NULL", "give it one: CAST(NULL AS STRING)");
            if (bound.Type.Kind == TypeKind.Interval)
                throw TokenReader.Error(item.Span, "an INTERVAL cannot be written to a sink", "compute its seconds: EXTRACT(EPOCH FROM ..)");
            Add(bound, new Field(NameOf(item), bound.Type, bound.MayBeNull), item.Alias?.Span ?? item.Span);
        }
        return new ProjectNode(input, new Schema(fields), expressions, time);

        void Add(BoundExpression expression, Field field, SourceSpan span)
        {
            if (!names.Add(field.Name)) throw TokenReader.Error(span, $"two columns are named '{field.Name}'", "name one of them otherwise with AS");
            var isTime = expression is BoundColumn column ? column.Index == input.EventTime : PathOf(input) is { } path && expression.ToString() == path;
            if (isTime && input.EventTime >= 0) time = fields.Count;
            fields.Add(field with { Format = null });
            expressions.Add(expression);
        }
    }

    private static string NameOf(SelectItem item)
    {
        if (item.Alias is { } alias) return alias.Name;
        var expression = item.Expression;
        while (true)
        {
            switch (expression)
            {
                case NameExpression name: return name.Parts[^1].Name;
                case FieldExpression field: return field.Field.Name;
                case CallExpression call: return call.Function.Name.ToLowerInvariant();
                case CastExpression cast:
                    expression = cast.Operand;
                    continue;
                default: throw TokenReader.Error(item.Span, "the column has no name", "give it one with AS");
            }
        }
    }
}
