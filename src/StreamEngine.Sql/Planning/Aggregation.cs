using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Functions;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Windows;
using StreamEngine.Plan.Logical;
using StreamEngine.Sql.Syntax;

namespace StreamEngine.Sql.Planning;

/// <summary>
/// GROUP BY inside a window. Grouping expressions and aggregate calls become columns of the aggregation; what SELECT and HAVING say is then bound over those, where a
/// part that reads as a grouping expression or as an aggregate call is its column.
/// </summary>
internal sealed class Aggregation
{
    private static readonly Dictionary<string, AggregateFunction> Functions = new(StringComparer.OrdinalIgnoreCase)
    {
        ["count"] = AggregateFunction.Count, ["sum"] = AggregateFunction.Sum, ["min"] = AggregateFunction.Min, ["max"] = AggregateFunction.Max,
            ["avg"] = AggregateFunction.Avg,
    };

    private readonly IScope _scope;
    private readonly LogicalNode _input;
    private readonly List<BoundExpression> _inputs = [];
    private readonly List<Field> _inputFields = [];
    private readonly Dictionary<string, int> _inputIndex = [];
    private readonly List<(string Text, int Input, BoundExpression Bound)> _keys = [];
    private readonly List<AggregateSpec> _aggregates = [];
    private readonly Dictionary<string, int> _aggregateIndex = [];

    private readonly ErrorCollector _errors;
    private readonly HashSet<string> _failed = [];
    private bool _isLoose;

    private Aggregation(LogicalNode input, IScope scope, ErrorCollector errors) => (_input, _scope, _errors) = (input, scope, errors);

    /// <summary>The first aggregate call in the expression, if any.</summary>
    public static CallExpression? FindAggregate(SqlExpression expression)
    {
        CallExpression? found = null;
        ExpressionWalk.Visit(expression, e =>
        {
            if (found is null && e is CallExpression call && IsAggregate(call)) found = call;
        });
        return found;
    }

    public static bool IsAggregate(CallExpression call) => !call.Function.Quoted && Functions.ContainsKey(call.Function.Name);

    /// <param name="query">The query.</param>
    /// <param name="window">Its window; null where it lacks one, which is an error already.</param>
    /// <param name="spec">What the window says; null where that failed.</param>
    /// <param name="input">What it reads, filtered.</param>
    /// <param name="scope">The names of that.</param>
    /// <param name="errors">Takes its errors. Where there is any, the result is of no use.</param>
    public static LogicalNode Plan(SelectQuery query, WindowReference? window, WindowSpec? spec, LogicalNode input, IScope scope, ErrorCollector errors)
    {
        var planner = new Aggregation(input, scope, errors);
        if (window is not null && input.EventTime >= 0)
        {
            planner._inputs.Add(new BoundColumn(window.Time, input.EventTime, DataType.Timestamp, input.Output[input.EventTime].Name, false));
            planner._inputFields.Add(input.Output[input.EventTime] with { Format = null });
        }
        planner.AddKeys(query, window);
        foreach (var item in query.Items)
            if (item.Expression is not null) planner.AddAggregates(item.Expression);
        if (query.Having is not null) planner.AddAggregates(query.Having);
        return planner.Finish(query, window, spec);
    }

    private void AddKeys(SelectQuery query, WindowReference? window)
    {
        // Where the keys are not known, whether a column is one of them cannot be judged.
        _isLoose = window is null;
        var windowed = false;
        foreach (var expression in query.GroupBy)
        {
            if (IsWindowColumn(expression))
            {
                windowed = true;
                continue;
            }
            _isLoose |= !_errors.Try(() => AddKey(expression, query));
        }
        if (!windowed && window is not null) _errors.Add(query.GroupBy.Count > 0 ? query.GroupBy[0].Span : window.Span,
            "a windowed query groups by window_start or window_end", "add: GROUP BY window_start, ..");
    }

    private void AddKey(SqlExpression expression, SelectQuery query)
    {
        var key = ResolveAlias(expression, query);
        if (FindAggregate(key) is { } aggregate) throw TokenReader.Error(aggregate.Span, "an aggregate cannot be grouped by");
        var bound = ExpressionBinder.Bind(key, _scope);
        if (bound.Type.Kind is TypeKind.Struct or TypeKind.List or TypeKind.Null or TypeKind.Interval)
            throw TokenReader.Error(key.Span, $"{bound.Type} cannot be grouped by", "group by a field or element of it");
        var text = key.ToString();
        if (!_keys.Exists(k => k.Text == text)) _keys.Add((text, AddInput(bound), bound));
    }

    /// <summary>A name that is no column of the input may be one of SELECT's.</summary>
    private SqlExpression ResolveAlias(SqlExpression expression, SelectQuery query)
    {
        if (expression is not NameExpression { Parts: [var only] } name) return expression;
        try
        {
            _scope.Resolve(name);
            return expression;
        }
        catch (SqlException)
        {
            if (query.Items.FirstOrDefault(i => i.Alias is not null && only.Matches(i.Alias.Name)) is { Expression: { } aliased }) return aliased;
            throw;
        }
    }

    private static bool IsWindowColumn(SqlExpression expression) => expression is NameExpression { Parts: [.., var last] }
        && (last.Matches("window_start") || last.Matches("window_end"));

    private int AddInput(BoundExpression bound)
    {
        var text = bound.ToString();
        if (_inputIndex.TryGetValue(text, out var index)) return index;
        _inputs.Add(bound);
        var name = bound is BoundColumn column ? column.Name : text;
        _inputFields.Add(new Field(name, bound.Type, bound.MayBeNull));
        return _inputIndex[text] = _inputs.Count - 1;
    }

    private void AddAggregates(SqlExpression expression) => ExpressionWalk.Visit(expression, e =>
    {
        if (e is CallExpression call && IsAggregate(call) && !_errors.Try(() => AddAggregate(call))) _failed.Add(call.ToString());
    });

    private void AddAggregate(CallExpression call)
    {
        var text = call.ToString();
        if (_aggregateIndex.ContainsKey(text)) return;
        var function = Functions[call.Function.Name];
        var name = call.Function.Name.ToLowerInvariant();
        if (call.Filter is not null) throw TokenReader.Error(call.Span, "FILTER is not part of the language yet", "count or sum a CASE expression instead");
        if (call.Star && function != AggregateFunction.Count) throw TokenReader.Error(call.Span, $"{name}(*) does not exist", "only count takes *");
        if (call.Distinct && function != AggregateFunction.Count && function is not (AggregateFunction.Min or AggregateFunction.Max))
            throw TokenReader.Error(call.Span, $"{name}(DISTINCT ..) is not part of the language yet", "count(DISTINCT ..) is");
        if (!call.Star && call.Arguments.Count != 1) throw TokenReader.Error(call.Span, $"{name} takes one argument, found {call.Arguments.Count}");
        BoundExpression? bound = null;
        if (!call.Star)
        {
            if (FindAggregate(call.Arguments[0]) is { } inner) throw TokenReader.Error(inner.Span, "an aggregate cannot stand inside of another");
            bound = ExpressionBinder.Bind(call.Arguments[0], _scope);
        }
        var (argument, type) = bound is null ? (-1, (DataType?)null) : (AddInput(bound), bound.Type);
        if (AggregateSpec.TypeOf(function, type) is null || type?.Kind == TypeKind.Null)
            throw TokenReader.Error(call.Span, $"{name} does not take {type}", function is AggregateFunction.Sum or AggregateFunction.Avg ? "it takes numbers" : null);
        _aggregateIndex[text] = _aggregates.Count;
        _aggregates.Add(new AggregateSpec(text, function, argument, type, call.Distinct && function == AggregateFunction.Count));
    }

    private LogicalNode Finish(SelectQuery query, WindowReference? window, WindowSpec? spec)
    {
        var node = _errors.HasFailed ? _input : Windowed(spec!);
        var scope = new GroupedScope(_scope, _isLoose);
        if (query.Having is not null && _errors.Try(() => ExpressionBinder.BindCondition(query.Having, scope, Substitute)) is { } having)
            node = new FilterNode(node, having);
        return QueryPlanner.Project(query, node, scope, (query.From.Alias ?? window?.Input ?? ((TableReference)query.From).Name).Name, Substitute, _errors);
    }

    private WindowNode Windowed(WindowSpec spec)
    {
        // Names are for people and messages; positions are what counts, so that equal names do no harm.
        var projected = new ProjectNode(_input, new Schema(_inputFields), _inputs, 0);
        var columns = new Schema([new Field("window_start", DataType.Timestamp, false), new Field("window_end", DataType.Timestamp, false),
            .. _keys.Select(k => _inputFields[k.Input]),
            .. _aggregates.Select(a => new Field(a.Name, a.Type, a.Function != AggregateFunction.Count))]);
        return new WindowNode(projected, spec, [.. _keys.Select(k => k.Input)], _aggregates, columns);
    }

    private BoundExpression? Substitute(SqlExpression expression)
    {
        if (IsWindowColumn(expression)) return new BoundColumn(expression, ((NameExpression)expression).Parts[^1].Matches("window_start") ? 0 : 1, DataType.Timestamp,
            ((NameExpression)expression).Parts[^1].Name, false);
        var text = expression.ToString();
        if (_failed.Contains(text)) throw SqlException.Follows();
        var key = _keys.FindIndex(k => k.Text == text || (k.Bound is BoundColumn && expression is NameExpression && SameColumn(expression, k.Bound)));
        if (key >= 0) return new BoundColumn(expression, 2 + key, _keys[key].Bound.Type, _keys[key].Text, _keys[key].Bound.MayBeNull);
        if (expression is CallExpression call && IsAggregate(call) && _aggregateIndex.TryGetValue(text, out var index))
            return new BoundColumn(expression, 2 + _keys.Count + index, _aggregates[index].Type, text, _aggregates[index].Function != AggregateFunction.Count);
        // A misspelt aggregate: whether its columns would have to be grouped by cannot be judged.
        if (expression is CallExpression unknown && !IsAggregate(unknown) && FunctionTable.Find(unknown.Function.Name) is null)
            return ExpressionBinder.Bind(unknown, _scope, e => e is CallExpression inner && IsAggregate(inner) ? throw SqlException.Follows() : null);
        return null;
    }

    // flights.origin and origin are the same column.
    private bool SameColumn(SqlExpression expression, BoundExpression key)
    {
        try
        {
            return ExpressionBinder.Bind(expression, _scope) is BoundColumn column && column.Index == ((BoundColumn)key).Index;
        }
        catch (SqlException)
        {
            return false;
        }
    }

    /// <summary>Behind a GROUP BY a bare column has no single value.</summary>
    private sealed class GroupedScope(IScope input, bool isLoose) : IScope
    {
        public ScopeColumn Resolve(NameExpression name)
        {
            input.Resolve(name);
            if (isLoose) throw SqlException.Follows();
            throw TokenReader.Error(name.Span, $"column '{name}' is neither in GROUP BY nor inside of an aggregate",
                $"add it to GROUP BY, or take one value of the group: max({name})");
        }
    }
}
