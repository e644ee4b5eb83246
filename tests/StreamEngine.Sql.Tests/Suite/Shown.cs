using StreamEngine.Compute.Syntax;
using StreamEngine.Plan.Logical;

namespace StreamEngine.Sql.Suite;

/// <summary>Plans and errors as golden files hold them.</summary>
internal static class Shown
{
    /// <summary>Each INSERT from its source on, then its columns; * stands behind the one that is the event time.</summary>
    public static IEnumerable<string> Plan(LogicalPlan plan)
    {
        foreach (var insert in plan.Inserts)
        {
            var steps = new List<string>();
            for (LogicalNode? node = insert.Root; node is not null; node = node.Input) steps.Insert(0, node.Describe());
            yield return $"{insert.Sink} from {string.Join("; ", steps)}";
            yield return $"  ({string.Join(", ", insert.Root.Output.Select((f, i) => $"{f.QuotedName} {f.Type}{(f.Nullable ? "" : " NOT NULL")}{(i == insert.Root.EventTime ? " *" : "")}"))})";
        }
    }

    /// <summary>An error at its place in the text: line, column, the line itself, a caret under each wrong character, the hint.</summary>
    public static IEnumerable<string> Error(string sql, SqlError error)
    {
        var before = sql[..error.Offset];
        var line = before.Count(c => c == '\n');
        var column = error.Offset - (before.LastIndexOf('\n') + 1);
        var text = sql.Split('\n')[line];
        yield return $"{line + 1}:{column + 1}: {error.Message}";
        yield return $"    {text}";
        yield return $"    {new string(' ', column)}{new string('^', Math.Clamp(error.Length, 1, Math.Max(1, text.Length - column)))}";
        if (error.Hint is not null) yield return $"  {error.Hint}";
    }
}
