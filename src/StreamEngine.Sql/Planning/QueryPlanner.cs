using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Operators.Windows;
using StreamEngine.Plan.Logical;
using StreamEngine.Sql.Syntax;

namespace StreamEngine.Sql.Planning;

/// <summary>One SELECT. What rests on no other part that failed is judged: the errors of all its parts come together.</summary>
internal static class QueryPlanner
{
    /// <exception cref="SqlException">All errors of the query; none where it only rests on what failed elsewhere.</exception>
    public static LogicalNode Plan(SelectQuery query, Func<Identifier, LogicalNode> resolve)
    {
        var errors = new ErrorCollector();
        var window = query.From as WindowReference;
        var table = window?.Input ?? ((TableReference)query.From).Name;
        var name = (query.From.Alias ?? table).Name;
        var input = errors.Try(() => resolve(table)) ?? Unknown(table.Name);
        var scope = Scope.Of(input.Output, name, CatalogColumns.IsHidden).Without(ScanOf(input)?.IsDeclaredWrongly);
        var filtered = Filter(query, input, scope, errors);
        var spec = window is null ? null : CheckWindow(window, input, scope, errors);
        if (window is null && IsGrouped(query))
            errors.Add(query.GroupBy.Count > 0 ? query.GroupBy[0].Span : query.Span with { Length = 6 }, "an aggregation needs a window: without one it would never be finished",
                $"group inside FROM TUMBLE({table.Name}, time, INTERVAL '1' HOUR)");
        var node = window is null && !IsGrouped(query) ? Project(query, filtered, scope, name, null, errors)
            : Aggregation.Plan(query, window, spec, filtered, scope, errors);
        errors.ThrowIfFailed();
        return node;
    }

    /// <summary>What stands for a source or view that failed: all may be a column of it.</summary>
    private static ScanNode Unknown(string name) => new(name, Schema.Empty, -1) { IsDeclaredWrongly = _ => true, IsTimeUnknown = true };

    private static bool IsGrouped(SelectQuery query) => query.GroupBy.Count > 0 || query.Having is not null
        || query.Items.Any(i => i.Expression is not null && Aggregation.FindAggregate(i.Expression) is not null);

    private static LogicalNode Filter(SelectQuery query, LogicalNode input, IScope scope, ErrorCollector errors)
    {
        if (query.Where is null) return input;
        var condition = errors.Try(() => ExpressionBinder.BindCondition(query.Where, scope, e => e is CallExpression call && Aggregation.IsAggregate(call)
            ? throw TokenReader.Error(call.Span, "an aggregate cannot stand in WHERE", "conditions on groups stand in HAVING") : null));
        return condition is null ? input : new FilterNode(input, condition);
    }

    /// <summary>The window; null where one of its parts is wrong.</summary>
    private static WindowSpec? CheckWindow(WindowReference window, LogicalNode input, Scope scope, ErrorCollector errors)
    {
        if (input.IsAggregated) errors.Add(window.Input.Span,
            $"'{window.Input.Name}' is a view over windows, and a window over a windowed view is not part of the language yet", "compute both from the source");
        else errors.Try(() => CheckTime(window, input, scope));
        return errors.Try(() => SpecOf(window));
    }

    private static void CheckTime(WindowReference window, LogicalNode input, Scope scope)
    {
        if (window.Time is not NameExpression) throw StatementParser.NoTime(window.Time.Span);
        var bound = ExpressionBinder.Bind(window.Time, scope);
        if (input.Scan.IsTimeUnknown) throw SqlException.Follows();
        if (bound is BoundColumn column && column.Index == input.EventTime) return;
        if (PathOf(input) is { } path && bound.ToString() == path) return;
        var hint = PathOf(input) is { } nested ? $"its event time is {nested}" : input.EventTime >= 0 ? $"its event time is '{input.Output[input.EventTime].Name}'"
            : input is ScanNode ? "declare it: event-time { column = .. }, or use _timestamp, the record's own" : "let the view pass the source's event-time column on";
        throw TokenReader.Error(window.Time.Span, $"'{window.Time}' is not the event time of {window.Input.Name}", hint);
    }

    /// <summary>The field of a struct that is the source's event time, as long as the source's own columns are still there.</summary>
    private static string? PathOf(LogicalNode node) => ScanOf(node)?.EventTimePath;

    private static ScanNode? ScanOf(LogicalNode node)
    {
        while (node is FilterNode filter) node = filter.Before;
        return node as ScanNode;
    }

    private static WindowSpec SpecOf(WindowReference window)
    {
        var errors = new ErrorCollector();
        long size = 0, slide = 0;
        errors.Try(() => size = Length(window.Size, "size"));
        errors.Try(() => slide = window.Slide is null ? size : Length(window.Slide, "slide"));
        errors.ThrowIfFailed();
        if (slide > size) throw TokenReader.Error(window.Slide!.Span, "the window's slide is larger than its size: rows between the windows would be in none",
            "HOP(source, time, slide, size): the slide comes first");
        if (size / slide > 100_000) throw TokenReader.Error(window.Slide!.Span, $"a row would be in {size / slide} windows at once, at most 100000 are possible",
            "use a longer slide");
        return new WindowSpec(size, slide);
    }

    private static long Length(SqlExpression argument, string what)
    {
        if (argument is not IntervalExpression) throw TokenReader.Error(argument.Span, $"the window's {what} is an interval", "for example INTERVAL '1' HOUR");
        var value = ((BoundConstant)ExpressionBinder.Bind(argument, Scope.Empty)).Value;
        if (value.As<Interval>().FixedMicroseconds is not { } length)
            throw TokenReader.Error(argument.Span, $"the window's {what} has months, which have no fixed length", "use days");
        if (length <= 0) throw TokenReader.Error(argument.Span, $"the window's {what} must be positive: at least a microsecond", "for example INTERVAL '1' HOUR");
        return length;
    }

    /// <summary>SELECT's columns over an input; * is all of its columns.</summary>
    public static LogicalNode Project(SelectQuery query, LogicalNode input, IScope scope, string table, Substitution? substitution, ErrorCollector errors)
    {
        var fields = new List<Field>();
        var expressions = new List<BoundExpression>();
        var time = -1;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in query.Items)
        {
            if (item.IsStar) errors.Try(() => CheckStar(item, input, table, substitution is not null));
            if (item.IsStar)
            {
                for (var i = 0; i < input.Output.Count; i++)
                {
                    var field = input.Output[i];
                    if (CatalogColumns.IsHidden(field.Name) || substitution is not null) continue;
                    Add(new BoundColumn(new NameExpression(item.Span, [new Identifier(field.Name, true, item.Span)]), i, field.Type, field.Name, field.Nullable),
                        field.Name, field, item.Span);
                }
                continue;
            }
            var bound = errors.Try(() => Written(item, ExpressionBinder.Bind(item.Expression!, scope, substitution)));
            var name = errors.Try(() => NameOf(item));
            Add(bound, name, bound is null || name is null ? null : new Field(name, bound.Type, bound.MayBeNull), item.Alias?.Span ?? item.Span);
        }
        return new ProjectNode(input, new Schema(fields), expressions, time);

        void Add(BoundExpression? expression, string? name, Field? field, SourceSpan span)
        {
            if (name is not null && !names.Add(name)) errors.Add(span, $"two columns are named '{name}'", "name one of them otherwise with AS");
            if (expression is null || field is null) return;
            var isTime = expression is BoundColumn column ? column.Index == input.EventTime : PathOf(input) is { } path && expression.ToString() == path;
            if (isTime && input.EventTime >= 0) time = fields.Count;
            fields.Add(field with { Format = null });
            expressions.Add(expression);
        }
    }

    private static void CheckStar(SelectItem item, LogicalNode input, string table, bool isGrouped)
    {
        if (item.StarQualifier is { } qualifier && !qualifier.Matches(table))
            throw TokenReader.Error(qualifier.Span, $"'{qualifier.Name}' is not read here", $"the query reads {table}");
        if (isGrouped) throw TokenReader.Error(item.Span, "* cannot stand beside GROUP BY", "name the grouping columns and aggregates");
        if (ScanOf(input)?.IsDeclaredWrongly is not null) throw SqlException.Follows();
    }

    private static BoundExpression Written(SelectItem item, BoundExpression bound) => bound.Type.Kind switch
    {
        TypeKind.Null => throw TokenReader.Error(item.Span, "the column has no type: it is always NULL", "give it one: CAST(NULL AS STRING)"),
        TypeKind.Interval => throw TokenReader.Error(item.Span, "an INTERVAL cannot be written to a sink", "compute its seconds: EXTRACT(EPOCH FROM ..)"),
        _ => bound,
    };

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
