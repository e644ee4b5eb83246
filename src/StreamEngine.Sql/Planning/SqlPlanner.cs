using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Plan.Logical;
using StreamEngine.Sql.Syntax;

namespace StreamEngine.Sql.Planning;

/// <summary>
/// SQL text to a logical plan: names, types and event time resolved. It goes on behind an error at the next statement, so that a text's errors come together.
/// </summary>
internal sealed class SqlPlanner
{
    private readonly Catalog _catalog;
    private readonly Dictionary<string, LogicalNode> _views = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _broken = new(StringComparer.OrdinalIgnoreCase);

    private SqlPlanner(Catalog catalog) => _catalog = catalog;

    /// <exception cref="SqlException">All errors of the text.</exception>
    public static LogicalPlan Plan(string sql, Catalog catalog)
    {
        var planner = new SqlPlanner(catalog);
        var inserts = new List<LogicalInsert>();
        var errors = new List<SqlError>();
        foreach (var statement in StatementParser.Parse(sql))
        {
            try
            {
                if (statement is CreateViewStatement view) planner.AddView(view);
                else inserts.Add(planner.PlanInsert((InsertStatement)statement, inserts));
            }
            catch (BrokenViewException)
            {
                // The view's own error is in the list: what reads it cannot be judged.
            }
            catch (SqlException e)
            {
                if (statement is CreateViewStatement broken) planner._broken.Add(broken.Name.Name);
                if (statement is InsertStatement || !catalog.IsPruned) errors.AddRange(e.Errors);
            }
        }
        if (errors.Count > 0) throw new SqlException(errors);
        if (inserts.Count == 0) throw new SqlException([new SqlError(0, 1, "the SQL has no INSERT INTO", "a view alone writes nothing")]);
        return new LogicalPlan(inserts);
    }

    private sealed class BrokenViewException : Exception;

    private void AddView(CreateViewStatement view)
    {
        var name = view.Name.Name;
        if (_views.ContainsKey(name) || _catalog.Sources.Any(s => s.Name.Equals(name, StringComparison.OrdinalIgnoreCase)))
            throw TokenReader.Error(view.Name.Span, $"'{name}' is a {(_views.ContainsKey(name) ? "view" : "source")} already", "give the view another name");
        _views[name] = QueryPlanner.Plan(view.Query, Resolve);
    }

    private LogicalInsert PlanInsert(InsertStatement insert, List<LogicalInsert> before)
    {
        var sink = _catalog.Sinks.FirstOrDefault(s => insert.Sink.Matches(s));
        if (sink is null)
        {
            var known = _catalog.Sinks.Count == 0 ? "the pipeline declares none" : $"declared are {string.Join(", ", _catalog.Sinks)}";
            throw TokenReader.Error(insert.Sink.Span, $"sink '{insert.Sink.Name}' is not declared", Spelling.DidYouMean(insert.Sink.Name, _catalog.Sinks) is { } near
                ? $"{near} {known}" : known);
        }
        if (before.Exists(i => i.Sink == sink))
            throw TokenReader.Error(insert.Sink.Span, $"sink '{sink}' is written by an INSERT before", "declare a second sink, also with the same topic");
        return new LogicalInsert(sink, QueryPlanner.Plan(insert.Query, Resolve));
    }

    private LogicalNode Resolve(Identifier name)
    {
        if (_views.FirstOrDefault(v => name.Matches(v.Key)).Value is { } view) return view;
        if (_broken.Contains(name.Name)) throw new BrokenViewException();
        if (_catalog.Sources.FirstOrDefault(s => name.Matches(s.Name)) is { } source)
            return new ScanNode(source.Name, source.Schema, source.EventTime) { EventTimePath = source.EventTimePath };
        var names = _catalog.Sources.Select(s => s.Name).Concat(_views.Keys).ToList();
        var known = $"there are {string.Join(", ", names)}";
        throw TokenReader.Error(name.Span, $"'{name.Name}' is neither a source nor a view", Spelling.DidYouMean(name.Name, names) is { } near ? $"{near} {known}"
            : known);
    }
}
