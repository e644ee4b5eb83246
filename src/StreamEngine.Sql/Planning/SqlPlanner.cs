using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Plan.Logical;
using StreamEngine.Sql.Syntax;

namespace StreamEngine.Sql.Planning;

/// <summary>
/// SQL text to a logical plan: names, types and event time resolved. It goes on behind an error with everything that does not rest on it, so that a text's errors
/// come together.
/// </summary>
internal sealed class SqlPlanner
{
    private readonly Catalog _catalog;
    private readonly ErrorCollector _errors = new();
    private readonly Dictionary<string, LogicalNode> _views = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _failed = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _mentioned = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);

    private SqlPlanner(Catalog catalog) => _catalog = catalog;

    /// <summary>The INSERTs that can be planned, and all errors of the text.</summary>
    public static LogicalPlan Plan(string sql, Catalog catalog)
    {
        var planner = new SqlPlanner(catalog);
        var inserts = planner.PlanAll(sql);
        return new LogicalPlan(inserts) { Errors = planner._errors.Errors, IsWhole = !planner._errors.HasFailed };
    }

    private List<LogicalInsert> PlanAll(string sql)
    {
        var inserts = new List<LogicalInsert>();
        var statements = StatementParser.Parse(sql, _errors, _mentioned);
        foreach (var statement in statements)
        {
            if (_errors.IsFull) break;
            if (statement is CreateViewStatement view) AddView(view);
            else if (_errors.Try(() => PlanInsert((InsertStatement)statement)) is { } insert) inserts.Add(insert);
        }
        if (!_errors.HasFailed && inserts.Count == 0) _errors.Add(new SourceSpan(0, 1), "the SQL has no INSERT INTO", "a view alone writes nothing");
        return inserts;
    }

    private void AddView(CreateViewStatement view)
    {
        try
        {
            _views[view.Name.Name] = PlanView(view);
        }
        catch (SqlException e)
        {
            // Of a name that is taken the first bearer stays.
            if (!IsView(view.Name.Name) && !IsSource(view.Name.Name)) _failed.Add(view.Name.Name);
            if (!_catalog.IsPruned) _errors.Add(e);
        }
    }

    private LogicalNode PlanView(CreateViewStatement view)
    {
        var errors = new ErrorCollector();
        var name = view.Name.Name;
        if (IsView(name) || IsSource(name)) errors.Add(view.Name.Span, $"'{name}' is a {(IsView(name) ? "view" : "source")} already", "give the view another name");
        var query = errors.Try(() => QueryPlanner.Plan(view.Query, Resolve));
        errors.ThrowIfFailed();
        return query!;
    }

    private bool IsView(string name) => _views.ContainsKey(name) || _failed.Contains(name);

    private bool IsSource(string name) => _catalog.Sources.Any(s => s.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private LogicalInsert PlanInsert(InsertStatement insert)
    {
        var errors = new ErrorCollector();
        var sink = errors.Try(() => SinkOf(insert));
        var query = errors.Try(() => QueryPlanner.Plan(insert.Query, Resolve));
        errors.ThrowIfFailed();
        return new LogicalInsert(sink!, query!);
    }

    private string SinkOf(InsertStatement insert)
    {
        var sink = _catalog.Sinks.FirstOrDefault(s => insert.Sink.Matches(s));
        if (sink is null)
        {
            if (_catalog.HasUnknownSinks) throw SqlException.Follows();
            var known = _catalog.Sinks.Count == 0 ? "the pipeline declares none" : $"declared are {string.Join(", ", _catalog.Sinks)}";
            throw TokenReader.Error(insert.Sink.Span, $"sink '{insert.Sink.Name}' is not declared", Spelling.DidYouMean(insert.Sink.Name, _catalog.Sinks) is { } near
                ? $"{near} {known}" : known);
        }
        return _written.Add(sink) ? sink
            : throw TokenReader.Error(insert.Sink.Span, $"sink '{sink}' is written by an INSERT before", "declare a second sink, also with the same topic");
    }

    private LogicalNode Resolve(Identifier name)
    {
        if (_views.FirstOrDefault(v => name.Matches(v.Key)).Value is { } view) return view;
        if (_failed.Contains(name.Name)) throw SqlException.Follows();
        if (_catalog.Sources.FirstOrDefault(s => name.Matches(s.Name)) is { } source)
            return new ScanNode(source.Name, source.Schema, source.EventTime)
            {
                EventTimePath = source.EventTimePath, IsDeclaredWrongly = source.IsDeclaredWrongly, IsTimeUnknown = source.IsTimeUnknown,
            };
        if (_catalog.HasUnknownSources || _mentioned.Contains(name.Name)) throw SqlException.Follows();
        var names = _catalog.Sources.Select(s => s.Name).Concat(_views.Keys).Concat(_failed).ToList();
        var known = $"there are {string.Join(", ", names)}";
        throw TokenReader.Error(name.Span, $"'{name.Name}' is neither a source nor a view", Spelling.DidYouMean(name.Name, names) is { } near ? $"{near} {known}"
            : known);
    }
}
