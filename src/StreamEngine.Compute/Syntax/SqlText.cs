using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Compute.Syntax;

/// <summary>Canonical text of expressions. It is part of operator ids, so that a change here changes the state's keys: golden tests hold it.</summary>
internal static class SqlText
{
    public static string Of(SqlExpression expression)
    {
        var text = new StringBuilder();
        Write(text, expression, 0);
        return text.ToString();
    }

    /// <summary>A name, quoted where SQL would read it as something else.</summary>
    public static string Identifier(string name) => IsPlain(name) && !Keywords.IsReserved(name) ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    public static string Of(BinaryOperator op) => op switch
    {
        BinaryOperator.Add => "+",
        BinaryOperator.Subtract => "-",
        BinaryOperator.Multiply => "*",
        BinaryOperator.Divide => "/",
        BinaryOperator.Modulo => "%",
        BinaryOperator.Power => "^",
        BinaryOperator.Concat => "||",
        BinaryOperator.Equal => "=",
        BinaryOperator.NotEqual => "<>",
        BinaryOperator.Less => "<",
        BinaryOperator.LessOrEqual => "<=",
        BinaryOperator.Greater => ">",
        _ => ">=",
    };

    /// <summary>How tightly operators bind, PostgreSQL's table ("Operator Precedence", chapter 4.1.6).</summary>
    internal static int Precedence(BinaryOperator op) => op switch
    {
        BinaryOperator.Power => 10,
        BinaryOperator.Multiply or BinaryOperator.Divide or BinaryOperator.Modulo => 9,
        BinaryOperator.Add or BinaryOperator.Subtract => 8,
        BinaryOperator.Concat => 7,
        _ => 5,
    };

    private static int PrecedenceOf(SqlExpression e) => e switch
    {
        LogicalExpression { IsAnd: false } => 1,
        LogicalExpression => 2,
        UnaryExpression { Operator: UnaryOperator.Not } => 3,
        IsExpression or DistinctFromExpression => 4,
        BinaryExpression b => Precedence(b.Operator),
        BetweenExpression or InExpression or LikeExpression => 6,
        UnaryExpression => 11,
        _ => 20,
    };

    private static void Write(StringBuilder text, SqlExpression e, int outer)
    {
        var parentheses = PrecedenceOf(e) < outer;
        if (parentheses) text.Append('(');
        WriteBare(text, e);
        if (parentheses) text.Append(')');
    }

    private static void WriteBare(StringBuilder text, SqlExpression e)
    {
        switch (e)
        {
            case NameExpression name:
                text.AppendJoin('.', name.Parts);
                break;
            case LiteralExpression literal:
                text.Append(literal.Kind is LiteralKind.Text ? Literal(literal.Value) : literal.Value.ToUpperInvariant());
                break;
            case TypedLiteralExpression typed:
                text.Append(typed.Type).Append(' ').Append(Literal(typed.Value));
                break;
            case IntervalExpression interval:
                text.Append("INTERVAL ").Append(Literal(interval.Value));
                if (interval.Unit is not null) text.Append(' ').Append(interval.Unit);
                if (interval.To is not null) text.Append(" TO ").Append(interval.To);
                break;
            case UnaryExpression unary:
                text.Append(unary.Operator switch { UnaryOperator.Not => "NOT ", UnaryOperator.Minus => "-", _ => "+" });
                Write(text, unary.Operand, unary.Operator == UnaryOperator.Not ? 3 : 12);
                break;
            case BinaryExpression binary:
                var precedence = Precedence(binary.Operator);
                Write(text, binary.Left, precedence == 5 ? 6 : precedence);
                text.Append(' ').Append(Of(binary.Operator)).Append(' ');
                Write(text, binary.Right, precedence + 1);
                break;
            case LogicalExpression logical:
                WriteList(text, logical.Operands, logical.IsAnd ? " AND " : " OR ", logical.IsAnd ? 3 : 2);
                break;
            case CaseExpression chosen:
                WriteCase(text, chosen);
                break;
            case CastExpression cast:
                text.Append(cast.Try ? "TRY_CAST(" : "CAST(");
                Write(text, cast.Operand, 0);
                text.Append(" AS ").Append(cast.Type).Append(')');
                break;
            case CallExpression call:
                WriteCall(text, call);
                break;
            case FieldExpression field:
                text.Append('(');
                Write(text, field.Operand, 0);
                text.Append(").").Append(field.Field);
                break;
            case SubscriptExpression subscript:
                Write(text, subscript.Operand, 14);
                text.Append('[');
                Write(text, subscript.Index, 0);
                text.Append(']');
                break;
            default:
                WriteTest(text, e);
                break;
        }
    }

    private static void WriteTest(StringBuilder text, SqlExpression e)
    {
        switch (e)
        {
            case IsExpression test:
                Write(text, test.Operand, 5);
                text.Append(test.Negated ? " IS NOT " : " IS ").Append(test.Test.ToString().ToUpperInvariant());
                break;
            case DistinctFromExpression distinct:
                Write(text, distinct.Left, 5);
                text.Append(distinct.Negated ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ");
                Write(text, distinct.Right, 5);
                break;
            case BetweenExpression between:
                Write(text, between.Operand, 7);
                text.Append(between.Negated ? " NOT BETWEEN " : " BETWEEN ");
                Write(text, between.Low, 7);
                text.Append(" AND ");
                Write(text, between.High, 7);
                break;
            case InExpression list:
                Write(text, list.Operand, 7);
                text.Append(list.Negated ? " NOT IN (" : " IN (");
                WriteList(text, list.Items, ", ", 0);
                text.Append(')');
                break;
            case LikeExpression like:
                Write(text, like.Operand, 7);
                text.Append(like.Negated ? " NOT " : " ").Append(like.IgnoreCase ? "ILIKE " : "LIKE ");
                Write(text, like.Pattern, 7);
                if (like.Escape is null) break;
                text.Append(" ESCAPE ");
                Write(text, like.Escape, 7);
                break;
            default:
                throw new InvalidOperationException($"no canonical text for {e.GetType().Name}");
        }
    }

    private static void WriteCase(StringBuilder text, CaseExpression chosen)
    {
        text.Append("CASE");
        if (chosen.Operand is not null)
        {
            text.Append(' ');
            Write(text, chosen.Operand, 0);
        }
        foreach (var branch in chosen.Branches)
        {
            text.Append(" WHEN ");
            Write(text, branch.When, 0);
            text.Append(" THEN ");
            Write(text, branch.Then, 0);
        }
        if (chosen.Else is not null)
        {
            text.Append(" ELSE ");
            Write(text, chosen.Else, 0);
        }
        text.Append(" END");
    }

    private static void WriteCall(StringBuilder text, CallExpression call)
    {
        text.Append(call.Function).Append('(');
        if (call.Distinct) text.Append("DISTINCT ");
        if (call.Star) text.Append('*');
        WriteList(text, call.Arguments, ", ", 0);
        text.Append(')');
        if (call.Filter is null) return;
        text.Append(" FILTER (WHERE ");
        Write(text, call.Filter, 0);
        text.Append(')');
    }

    private static void WriteList(StringBuilder text, IReadOnlyList<SqlExpression> list, string separator, int outer)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (i > 0) text.Append(separator);
            Write(text, list[i], outer);
        }
    }

    private static bool IsPlain(string name)
    {
        if (name.Length == 0 || !(char.IsAsciiLetter(name[0]) || name[0] == '_')) return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        return !name.Any(char.IsAsciiLetterUpper);
    }
}
