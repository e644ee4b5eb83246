using System.Globalization;
using System.IO.Hashing;
using System.Text;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Filters;
using StreamEngine.Operators.Projections;
using StreamEngine.Operators.Replay;
using StreamEngine.Operators.Windows;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Logical;
using StreamEngine.Quality.Rules;

namespace StreamEngine.Plan.Physical;

/// <summary>
/// A definition to what runs. SQL is planned twice: the first time over all declared columns, to learn which are read; the second time over those alone, so that nothing
/// else is ever stored.
/// </summary>
internal sealed class PhysicalPlanner
{
    private readonly PipelineDefinition _definition;
    private readonly Func<string, Catalog, LogicalPlan> _sql;
    private readonly List<PlanError> _errors = [];
    private readonly StringBuilder _canonical = new();
    private readonly EventTimeRange? _range;

    private readonly DefinitionGaps _gaps;

    private PhysicalPlanner(PipelineDefinition definition, Func<string, Catalog, LogicalPlan> sql, EventTimeRange? range, DefinitionGaps gaps) =>
        (_definition, _sql, _range, _gaps) = (definition, sql, range, gaps);

    /// <param name="definition">The pipeline.</param>
    /// <param name="sql">The SQL planner, which a higher layer knows.</param>
    /// <param name="range">For a replay: the event time whose rows count and whose whole windows are written. All else, and so the plan's hash, is as in the live
    /// plan.</param>
    /// <exception cref="PlanException">All errors of its texts.</exception>
    public static PhysicalPlan Plan(PipelineDefinition definition, Func<string, Catalog, LogicalPlan> sql, EventTimeRange? range = null) =>
        new PhysicalPlanner(definition, sql, range, new DefinitionGaps()).Plan();

    /// <summary>All errors of the texts of a definition that has errors of its own.</summary>
    public static IReadOnlyList<PlanError> Errors(PipelineDefinition definition, DefinitionGaps gaps, Func<string, Catalog, LogicalPlan> sql)
    {
        var planner = new PhysicalPlanner(definition, sql, null, gaps);
        planner.Check([.. definition.Sources.Select(s => new SourceColumns(s))]);
        return planner._errors;
    }

    private PhysicalPlan Plan()
    {
        var full = _definition.Sources.Select(s => new SourceColumns(s)).ToList();
        var logical = Check(full);
        if (_errors.Count > 0) throw new PlanException(_errors);
        foreach (var insert in logical.Inserts)
        {
            var source = full.Find(s => s.Definition.Name == BaseOf(insert.Root.Source))!;
            if (insert.Root.Source == source.Definition.Name) source.Read.UnionWith(ColumnUse.OfSource(insert.Root));
            // A named event time is checked whether or not a window reads it: another INSERT must not change what this one writes.
            source.NeedsEventTime |= insert.Root.IsAggregated || _range is not null || source.Definition.EventTime.Column is not null;
        }
        // What a user's own stage reads is not known: it gets every declared column.
        foreach (var source in full.Where(s => _definition.Vias.Any(v => v.Input == s.Definition.Name)))
            source.Read.UnionWith(Enumerable.Range(0, source.Definition.Schema.Count));
        foreach (var source in full) source.Prune();
        var plan = PlanSql(full, pruned: true);
        var vias = _definition.Vias.Where(v => IsRead(v.Name, plan)).Select(v => new PhysicalVia(v.Name, v.Input, v.Schema, v.Flow)).ToList();
        foreach (var via in vias) _canonical.AppendLine(CultureInfo.InvariantCulture, $"via {via.Name} of {via.Input} ({via.Columns})");
        var sources = full.Where(s => IsRead(s.Definition.Name, plan)).Select(ToSource).ToList();
        var inserts = plan.Inserts.Select(ToInsert).ToList();
        if (_errors.Count > 0) throw new PlanException(_errors);
        return new PhysicalPlan(sources, inserts, XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(_canonical.ToString()))
            .ToString("x16", CultureInfo.InvariantCulture)) { Vias = vias, Range = _range };
    }

    private bool IsRead(string stream, LogicalPlan plan) => plan.Inserts.Any(i => i.Root.Source == stream)
        || _definition.Vias.Any(v => v.Input == stream && IsRead(v.Name, plan));

    /// <summary>The source that a stream comes from, through users' own stages.</summary>
    private string BaseOf(string stream)
    {
        while (_definition.Vias.FirstOrDefault(v => v.Name == stream) is { } via) stream = via.Input;
        return stream;
    }

    /// <summary>Plans over all declared columns, to find every error of every text.</summary>
    private LogicalPlan Check(List<SourceColumns> full)
    {
        _errors.AddRange(TopicUses.Conflicts(_definition).Select(c => new PlanError(PlanText.Topic, c.Place, "", new SqlError(0, c.Topic.Length, c.Message))));
        foreach (var source in full) BindEventTime(source);
        foreach (var source in full) CollectRules(source);
        var logical = _gaps.Sql ? new LogicalPlan([]) { IsWhole = false } : PlanSql(full, pruned: false);
        foreach (var sink in _definition.Sinks) CheckKey(sink, logical.Inserts.FirstOrDefault(i => i.Sink == sink.Name));
        return logical;
    }

    private LogicalPlan PlanSql(List<SourceColumns> sources, bool pruned)
    {
        var streams = sources.Select(s => new CatalogSource(s.Definition.Name, s.Columns, s.EventTimeColumn)
        {
            EventTimePath = s.EventTimePath, IsDeclaredWrongly = _gaps.Columns.GetValueOrDefault(s.Definition.Name), IsTimeUnknown = s.IsTimeUnknown,
        }).Concat(_definition.Vias.Select(v => new CatalogSource(v.Name, v.Schema,
            sources.Find(s => s.Definition.Name == BaseOf(v.Name))?.EventTime is BoundColumn time ? v.Schema.IndexOf(time.Name) : -1)
        {
            IsTimeUnknown = sources.Find(s => s.Definition.Name == BaseOf(v.Name))?.IsTimeUnknown ?? true,
        }));
        var plan = _sql(_definition.Sql, new Catalog([.. streams], [.. _definition.Sinks.Select(s => s.Name)])
        {
            IsPruned = pruned, HasUnknownSources = _gaps.Sources, HasUnknownSinks = _gaps.Sinks,
        });
        _errors.AddRange(plan.Errors.Select(error => new PlanError(PlanText.Sql, "", "", error)));
        return plan;
    }

    private Scope ScopeOf(SourceColumns source) => Scope.Of(source.Columns, source.Definition.Name, CatalogColumns.IsHidden)
        .Without(_gaps.Columns.GetValueOrDefault(source.Definition.Name));

    private void BindEventTime(SourceColumns source)
    {
        source.IsTimeUnknown = _gaps.EventTimes.Contains(source.Definition.Name);
        if (source.Definition.EventTime.Column is not { } text) return;
        source.IsTimeUnknown |= !Try(PlanText.EventTime, source.Definition.Name, "", () =>
        {
            var bound = ExpressionBinder.Bind(ExpressionParser.Parse(text), Scope.Of(source.Definition.Schema, source.Definition.Name)
                .Without(_gaps.Columns.GetValueOrDefault(source.Definition.Name)));
            if (bound.Type.Kind != TypeKind.Timestamp)
                throw new SqlException([new SqlError(0, text.Length, $"the event time '{text}' is {bound.Type}, not TIMESTAMP",
                "declare the column as TIMESTAMP FORMAT '..'")]);
            source.EventTime = bound;
        });
    }

    private void CollectRules(SourceColumns source)
    {
        foreach (var rule in source.Definition.Rules)
            Try(PlanText.Rule, source.Definition.Name, rule.Name, () =>
                source.Read.UnionWith(ExpressionBinder.BindCondition(ExpressionParser.Parse(rule.Expression), ScopeOf(source)).ColumnsRead()));
    }

    private bool Try(PlanText text, string owner, string name, Action action)
    {
        var errors = new ErrorCollector();
        var passed = errors.Try(action);
        _errors.AddRange(errors.Errors.Select(error => new PlanError(text, owner, name, error)));
        return passed;
    }

    private PhysicalSource ToSource(SourceColumns source)
    {
        var scope = ScopeOf(source);
        var rules = source.Definition.Rules.Select(r => new Rule(r.Name, ExpressionBinder.BindCondition(ExpressionParser.Parse(r.Expression), scope))).ToList();
        int? eventTime = null;
        BoundExpression? field = null;
        if (source.NeedsEventTime)
        {
            eventTime = -1;
            if (source.Definition.EventTime.Column is { } text)
            {
                var bound = ExpressionBinder.Bind(ExpressionParser.Parse(text), scope);
                if (bound is BoundColumn column) eventTime = column.Index;
                else (field, eventTime) = (bound, source.Columns.Count - 1);
            }
        }
        _canonical.AppendLine(CultureInfo.InvariantCulture, $"source {source.Definition.Name} ({source.Definition.Schema})");
        foreach (var rule in rules) _canonical.AppendLine(CultureInfo.InvariantCulture, $"rule {rule.Name}: {rule.Condition}");
        var decoded = new Schema(source.Columns.Where(c => !CatalogColumns.IsHidden(c.Name) || source.Definition.Schema.IndexOf(c.Name) >= 0));
        return new PhysicalSource(source.Definition.Name, source.Definition.Schema, source.ReadFlags, decoded, source.WithTimestamp, rules,
            eventTime) { EventTimeField = field };
    }

    private PhysicalInsert ToInsert(LogicalInsert insert)
    {
        var nodes = new List<LogicalNode>();
        for (var node = insert.Root; node is not ScanNode; node = node.Input!) nodes.Insert(0, node);
        var before = new List<OperatorFactory>();
        var after = new List<OperatorFactory>();
        int[]? keys = null;
        foreach (var node in nodes)
        {
            _canonical.AppendLine(CultureInfo.InvariantCulture, $"{insert.Sink}: {node.Describe()}");
            var to = keys is null ? before : after;
            var id = $"{insert.Sink}.{before.Count + after.Count}";
            switch (node)
            {
                case FilterNode filter:
                    to.Add(new OperatorFactory(id, filter.Describe(), () => new FilterOperator(id, filter.Output, filter.Condition, insert.Sink)));
                    break;
                case ProjectNode project:
                    to.Add(new OperatorFactory(id, project.Describe(), () => new ProjectOperator(id, project.Output, project.Expressions, insert.Sink)));
                    break;
                case WindowNode window:
                    keys = AddWindow(window, insert.Sink, before, after);
                    break;
                default:
                    throw new InvalidOperationException($"no operator runs {node.Describe()}");
            }
        }
        var sink = _definition.Sinks.First(s => s.Name == insert.Sink);
        var (output, keyColumns) = AddKey(sink, insert, keys is null ? before : after);
        return new PhysicalInsert(insert.Sink, insert.Root.Source, before, keys, after, output, keyColumns, insert.Root.Output.Count)
        {
            Time = TimeOf(insert.Root), Window = nodes.OfType<WindowNode>().FirstOrDefault()?.Window,
        };
    }

    private static IEnumerable<string> Above(LogicalNode? node)
    {
        for (; node is not null and not ScanNode; node = node.Input) yield return node.Describe();
    }

    /// <summary>The first written column that is the window's start or end, or the event time, unchanged through every projection.</summary>
    private static TimeColumn? TimeOf(LogicalNode root)
    {
        for (var i = 0; i < root.Output.Count; i++)
        {
            var (node, column) = (root, i);
            while (node is ProjectNode or FilterNode)
            {
                if (node is ProjectNode project) column = project.Expressions[column] is BoundColumn bound ? bound.Index : -1;
                if (column < 0) break;
                node = node.Input!;
            }
            var name = root.Output[i].Name;
            if (node is WindowNode { Window: var window } && column == 0) return new TimeColumn(name, 0, window.Size);
            if (node is WindowNode { Window: var last } && column == 1) return new TimeColumn(name, -last.Size, 0);
            if (node is ScanNode && column >= 0 && column == node.EventTime) return new TimeColumn(name, 0, 0);
        }
        return null;
    }

    private int[] AddWindow(WindowNode window, string insert, List<OperatorFactory> before, List<OperatorFactory> after)
    {
        var input = window.Before.Output;
        var assign = $"{insert}.{before.Count + after.Count}";
        int[] texts = [.. window.Keys.Concat(window.Aggregates.Where(a => a.Distinct || a.Function is AggregateFunction.Min or AggregateFunction.Max)
            .Select(a => a.Argument)).Where(c => c >= 0 && input[c].Type.Kind is TypeKind.Utf8 or TypeKind.Binary).Distinct()];
        before.Add(new OperatorFactory(assign, $"assign {(window.Window.IsTumbling ? "windows" : "panes")} on {input[window.Before.EventTime].Name}",
            () => new AssignWindowOperator(assign, input, window.Before.EventTime, window.Window, insert) { KeptTexts = texts }));
        // The id of state names what the state depends on: another window, key or aggregate is another operator.
        // So do the rows that come to it: with another condition or expression before it, open windows would hold both.
        var signature = $"{string.Join('|', Above(window.Before))} {window.Describe()} {string.Join(",", window.Keys.Select(k => input[k].Type))} {string.Join(",", window.Aggregates.Select(a => a.Type))}";
        var id = $"{insert}.window.{XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(signature)) & 0xffffffff:x8}";
        var assigned = new Schema([.. input, new Field(AssignWindowOperator.PaneColumn, DataType.Timestamp, false),
            new Field(AssignWindowOperator.FirstColumn, DataType.Timestamp, false)]);
        after.Add(new OperatorFactory(id, window.Shown(), () =>
            new WindowAggregateOperator(id, assigned, new WindowAggregateSpec(window.Window, window.Keys, window.Aggregates) { Insert = insert })) { IsStateful = true });
        if (_range is { } range) after.Add(new OperatorFactory($"{id}.range", "whole windows of the replay", () =>
            new WindowRangeOperator($"{id}.range", window.Output, range)));
        return [.. window.Keys];
    }

    /// <summary>The columns of the record's key: written columns where they are, expressions as further columns behind them.</summary>
    private (Schema Output, int[] Key) AddKey(SinkDefinition sink, LogicalInsert insert, List<OperatorFactory> to)
    {
        var written = insert.Root.Output;
        var scope = Scope.Of(written, sink.Name);
        var fields = written.ToList();
        var expressions = written.Select((f, i) => (BoundExpression)new BoundColumn(new NameExpression(default, [new Identifier(f.Name, true, default)]), i, f.Type,
            f.Name, f.Nullable)).ToList();
        var key = new List<int>();
        foreach (var (index, text) in sink.Key.Index())
        {
            var bound = ExpressionBinder.Bind(ExpressionParser.Parse(text), scope);
            key.Add(bound is BoundColumn column ? column.Index : fields.Count);
            if (bound is BoundColumn) continue;
            fields.Add(new Field($"$key{index}", bound.Type, bound.MayBeNull));
            expressions.Add(bound);
        }
        var output = new Schema(fields);
        if (fields.Count > written.Count)
        {
            var id = $"{insert.Sink}.key";
            to.Add(new OperatorFactory(id, $"key {string.Join(", ", sink.Key)}", () => new ProjectOperator(id, output, expressions, insert.Sink)));
        }
        _canonical.AppendLine(CultureInfo.InvariantCulture, $"sink {sink.Name} key {string.Join(", ", sink.Key)}");
        return (output, [.. key]);
    }

    /// <param name="sink">The sink.</param>
    /// <param name="insert">What is written to it; null where that failed, or where there is nothing: then any column may be its.</param>
    private void CheckKey(SinkDefinition sink, LogicalInsert? insert)
    {
        var scope = insert is null ? Scope.Of(Schema.Empty, sink.Name).Without(_ => true) : Scope.Of(insert.Root.Output, sink.Name);
        var isRight = true;
        foreach (var (index, text) in sink.Key.Index())
            isRight &= Try(PlanText.SinkKey, sink.Name, index.ToString(CultureInfo.InvariantCulture), () => ExpressionBinder.Bind(ExpressionParser.Parse(text), scope));
        if (!sink.Upsert || _gaps.Keys.Contains(sink.Name)) return;
        if (sink.Key.Count == 0) _errors.Add(new PlanError(PlanText.SinkKey, sink.Name, "",
            new SqlError(0, 0, $"sink '{sink.Name}' is mode = upsert and has no key", "name the columns that identify a row: key = [..]")));
        else if (isRight && insert is { Root.IsAggregated: true }) CheckUpsert(sink, insert);
    }

    private void CheckUpsert(SinkDefinition sink, LogicalInsert insert)
    {
        if (insert.Root is not ProjectNode project) return;
        var node = project.Input;
        while (node is not null and not WindowNode) node = node.Input;
        if (node is not WindowNode window) return;
        // Column 0 or 1 (the window) and every key have to be among the key's columns.
        var keyed = sink.Key.Select(k => project.Output.IndexOf(k)).Where(i => i >= 0 && project.Expressions[i] is BoundColumn)
            .Select(i => ((BoundColumn)project.Expressions[i]).Index).ToHashSet();
        var covered = (keyed.Contains(0) || keyed.Contains(1)) && Enumerable.Range(2, window.Keys.Count).All(keyed.Contains);
        if (!covered) _errors.Add(new PlanError(PlanText.SinkKey, sink.Name, "0",
            new SqlError(0, sink.Key.Count > 0 ? sink.Key[0].Length : 0,
            $"the key of upsert sink '{sink.Name}' does not cover the grouping, so that rows of different groups would replace each other",
            "add window_start and every grouping column to it")));
    }

    /// <summary>A source's columns, all of them first and then those that are read.</summary>
    private sealed class SourceColumns
    {
        public SourceColumns(SourceDefinition definition)
        {
            Definition = definition;
            var columns = definition.Schema.ToList();
            if (definition.Schema.IndexOf(CatalogColumns.RecordTimestamp) < 0) columns.Add(new Field(CatalogColumns.RecordTimestamp, DataType.Timestamp));
            // Added before anything is bound, since whether the path is a field of a struct is known only then; dropped again where it is a plain column.
            if (definition.EventTime.Column is { } path && definition.Schema.IndexOf(path) < 0) columns.Add(new Field(CatalogColumns.EventTime, DataType.Timestamp));
            Columns = new Schema(columns);
            ReadFlags = new bool[definition.Schema.Count];
        }

        public SourceDefinition Definition { get; }

        public Schema Columns { get; private set; }

        public SortedSet<int> Read { get; } = [];

        public bool[] ReadFlags { get; }

        public bool WithTimestamp { get; private set; }

        public bool NeedsEventTime { get; set; }

        /// <summary>Its event time is declared with an error.</summary>
        public bool IsTimeUnknown { get; set; }

        public BoundExpression? EventTime { get; set; }

        /// <summary>The column that holds the event time: a field of a struct is copied into one of its own.</summary>
        public int EventTimeColumn => Columns.IndexOf(Definition.EventTime.Column is null ? CatalogColumns.RecordTimestamp : EventTime is BoundColumn column ? column.Name
            : CatalogColumns.EventTime);

        /// <summary>The field that it is, where it is one.</summary>
        public string? EventTimePath => EventTime is null or BoundColumn ? null : EventTime.ToString();

        public void Prune()
        {
            if (NeedsEventTime && EventTime is not null) Read.UnionWith(EventTime.ColumnsRead());
            foreach (var column in Read)
                if (column < ReadFlags.Length) ReadFlags[column] = true;
            var timestamp = Columns.IndexOf(CatalogColumns.RecordTimestamp);
            WithTimestamp = timestamp >= ReadFlags.Length && Read.Contains(timestamp);
            var copied = NeedsEventTime && EventTimePath is not null;
            // The copy stays the last column, behind the record's timestamp.
            Columns = new Schema(Columns.Where((c, i) => c.Name == CatalogColumns.EventTime ? copied : Read.Contains(i)));
        }
    }
}
