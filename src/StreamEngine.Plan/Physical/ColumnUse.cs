using StreamEngine.Plan.Logical;

namespace StreamEngine.Plan.Physical;

/// <summary>Which columns of its source a query reads.</summary>
internal static class ColumnUse
{
    public static IReadOnlyCollection<int> OfSource(LogicalNode root)
    {
        var wanted = Enumerable.Range(0, root.Output.Count).ToHashSet();
        for (var node = root; node is not ScanNode; node = node.Input!) wanted = OfInput(node, wanted);
        return wanted;
    }

    private static HashSet<int> OfInput(LogicalNode node, HashSet<int> wanted)
    {
        switch (node)
        {
            case FilterNode filter:
                return [.. wanted, .. filter.Condition.ColumnsRead()];
            case ProjectNode project:
                // All of its expressions are evaluated, also those that nothing behind it reads.
                return [.. project.Expressions.SelectMany(e => e.ColumnsRead())];
            case WindowNode window:
                return [window.Before.EventTime, .. window.Keys, .. window.Aggregates.Where(a => a.Argument >= 0).Select(a => a.Argument)];
            default:
                throw new InvalidOperationException($"what {node.Describe()} reads is not known");
        }
    }
}
