using System.Globalization;
using System.Text;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Functions;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Binding;

/// <content>Literals, conversions and constant folding.</content>
internal sealed partial class ExpressionBinder
{
    private static BoundConstant BindLiteral(LiteralExpression literal) => literal.Kind switch
    {
        LiteralKind.Null => new BoundConstant(literal, Constant.Null(DataType.Null)),
        LiteralKind.True => new BoundConstant(literal, Constant.Of(true)),
        LiteralKind.False => new BoundConstant(literal, Constant.Of(false)),
        LiteralKind.Integer => new BoundConstant(literal, Integer(literal)),
        LiteralKind.Decimal => new BoundConstant(literal, DecimalOf(literal)),
        LiteralKind.Float => new BoundConstant(literal, Float(literal)),
        _ => new BoundConstant(literal, Constant.OfText(literal.Value), isUntyped: true),
    };

    private static Constant Integer(LiteralExpression literal)
    {
        if (!long.TryParse(literal.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)) return DecimalOf(literal);
        return value is >= int.MinValue and <= int.MaxValue ? Constant.Of(DataType.Int32, (int)value) : Constant.Of(DataType.Int64, value);
    }

    /// <summary>As many digits as the literal has: exact.</summary>
    private static Constant DecimalOf(LiteralExpression literal)
    {
        var digits = literal.Value.TrimStart('-').TrimStart('0');
        var point = digits.IndexOf('.');
        var scale = point < 0 ? 0 : digits.Length - point - 1;
        var precision = Math.Max(1, digits.Length - (point < 0 ? 0 : 1));
        if (precision > DataType.MaxPrecision) throw new SqlException(literal.Span, $"the number has {precision} digits, at most {DataType.MaxPrecision} fit a DECIMAL",
            "write it with an exponent for a DOUBLE");
        if (!DecimalText.TryParse(Encoding.UTF8.GetBytes(literal.Value), precision, scale, exact: true, out var value)) throw new SqlException(literal.Span,
            $"'{literal.Value}' is no number");
        return Constant.Of(DataType.Decimal(precision, scale), value);
    }

    private static Constant Float(LiteralExpression literal)
    {
        if (!NumberText.TryParseDouble(Encoding.UTF8.GetBytes(literal.Value), out var value)) throw new SqlException(literal.Span,
            $"'{literal.Value}' is out of range for DOUBLE");
        return Constant.Of(DataType.Float64, value);
    }

    private static BoundExpression BindTyped(TypedLiteralExpression typed)
    {
        var text = new BoundConstant(new LiteralExpression(typed.Span, LiteralKind.Text, typed.Value), Constant.OfText(typed.Value), isUntyped: true);
        var folded = Convert(text, typed.Type)!;
        return new BoundConstant(typed, ((BoundConstant)folded).Value);
    }

    private static BoundConstant BindInterval(IntervalExpression interval)
    {
        if (IntervalText.TryParse(interval.Value, interval.Unit, interval.To, out var value)) return new BoundConstant(interval, Constant.Of(DataType.Interval, value));
        throw new SqlException(interval.Span, $"'{interval.Value}' is no INTERVAL{(interval.Unit is null ? "" : $" in {interval.Unit}")}",
            "for example INTERVAL '1' HOUR, INTERVAL '1 day 02:03'");
    }

    /// <summary>The operand as this type where it turns into it by itself; null where it needs a CAST.</summary>
    /// <exception cref="SqlException">It is text in quotes that is no value of the type.</exception>
    internal static BoundExpression? Convert(BoundExpression operand, DataType type)
    {
        if (operand.Type.Equals(type) || (type.Kind == TypeKind.Null)) return operand;
        if (operand.Type.Kind == TypeKind.Null && operand is BoundConstant) return new BoundConstant(operand.Syntax, Constant.Null(type));
        if (operand is BoundConstant { IsUntyped: true } text && Casts.Exists(DataType.Utf8, type))
        {
            if (TryFold(new BoundCast(operand.Syntax, operand, type, false), out _) is { } value) return new BoundConstant(operand.Syntax, value);
            throw new SqlException(operand.Span, $"'{text.Value.Text}' is no {type}");
        }
        if (operand.Type.Kind == TypeKind.Decimal && type.Kind == TypeKind.Decimal) return Fold(new BoundCast(operand.Syntax, operand, type, false));
        if (TypeRules.Distance(operand.Type.Kind, type.Kind) <= 0) return null;
        return Fold(new BoundCast(operand.Syntax, operand, type, false));
    }

    /// <summary>The value of an expression without columns; the expression itself where it has some, or where it fails: then it fails on each row that reaches
    /// it.</summary>
    internal static BoundExpression Fold(BoundExpression expression)
    {
        if (expression is BoundConstant or BoundColumn || expression.Type.Kind is TypeKind.List or TypeKind.Struct) return expression;
        foreach (var child in expression.Children)
            if (child is not BoundConstant) return expression;
        return TryFold(expression, out _) is { } value ? new BoundConstant(expression.Syntax, value) : expression;
    }

    private static unsafe Constant? TryFold(BoundExpression expression, out string? error)
    {
        using var memory = new MemoryScope("constants");
        var arena = memory.RentArena();
        var scratch = memory.RentArena();
        var frame = new EvalFrame();
        var faults = new RowFaults();
        Evaluator.Begin(frame, [], 1, arena, scratch, faults);
        var vec = expression.Compile().Evaluate(frame, new RowSet(null, 1), arena);
        error = faults.Count == 0 ? null : faults[0].Message;
        return faults.Count == 0 ? Constant.Copy(new Vec(expression.Type, vec.Values, vec.Validity, vec.IsConstant), 0) : null;
    }
}
