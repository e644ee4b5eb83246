using StreamEngine.Compute.Syntax;

namespace StreamEngine.Sql.Planning;

/// <summary>Visits every part of an expression, outermost first. The parser bounds the depth.</summary>
internal static class ExpressionWalk
{
    public static void Visit(SqlExpression? expression, Action<SqlExpression> visit)
    {
        if (expression is null) return;
        visit(expression);
        foreach (var part in PartsOf(expression)) Visit(part, visit);
    }

    private static IEnumerable<SqlExpression?> PartsOf(SqlExpression expression) => expression switch
    {
        UnaryExpression unary => Parts(unary.Operand),
        BinaryExpression binary => Parts(binary.Left, binary.Right),
        LogicalExpression logical => Parts([.. logical.Operands]),
        IsExpression test => Parts(test.Operand),
        DistinctFromExpression distinct => Parts(distinct.Left, distinct.Right),
        BetweenExpression between => Parts(between.Operand, between.Low, between.High),
        InExpression list => Parts([list.Operand, .. list.Items]),
        LikeExpression like => Parts(like.Operand, like.Pattern, like.Escape),
        CaseExpression chosen => Parts([chosen.Operand, .. chosen.Branches.SelectMany(b => Parts(b.When, b.Then)), chosen.Else]),
        CastExpression cast => Parts(cast.Operand),
        CallExpression call => Parts([.. call.Arguments, call.Filter]),
        FieldExpression field => Parts(field.Operand),
        SubscriptExpression subscript => Parts(subscript.Operand, subscript.Index),
        _ => [],
    };

    private static SqlExpression?[] Parts(params SqlExpression?[] parts) => parts;
}
