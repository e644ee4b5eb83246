using System.Numerics;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Filters;

/// <summary>Finds the conditions that have a vectorised form: a column (or a field of one) beside a known value, its nullness, and AND and OR of such.</summary>
internal static class BitCompiler
{
    /// <summary>The vectorised form, or null where there is none.</summary>
    public static BitNode? TryCompile(BoundExpression condition)
    {
        switch (condition)
        {
            case BoundLogical logical:
                var operands = new BitNode[logical.Children.Count];
                for (var i = 0; i < operands.Length; i++)
                {
                    if (TryCompile(logical.Children[i]) is not { } operand) return null;
                    operands[i] = operand;
                }
                return new JoinedBits(logical.IsAnd, operands);
            case BoundCall call: return TryCall(call);
            default: return IsColumn(condition) ? new BooleanBits(condition.Compile(), 1) : null;
        }
    }

    private static bool IsColumn(BoundExpression e) => e is BoundColumn || (e is BoundField field && IsColumn(field.Children[0]));

    private static BitNode? TryCall(BoundCall call)
    {
        var name = call.Function.Name;
        var first = call.Children[0];
        if (name is "IS NULL" or "IS NOT NULL") return IsColumn(first) ? new NullBits(first.Compile(), name == "IS NULL") : null;
        if (name == "NOT")
        {
            if (IsColumn(first)) return new BooleanBits(first.Compile(), 0);
            // NOT a < b is a >= b; a null stays no TRUE.
            return first is BoundCall inner && Opposite(inner.Function.Name) is { } opposite ? TryComparison(opposite, inner.Children[0], inner.Children[1])
                : first is BoundLogical between && between.Children.All(c => c is BoundCall o && Opposite(o.Function.Name) is not null) ? TryNegated(between) : null;
        }
        return Opposite(name) is not null ? TryComparison(name, first, call.Children[1]) : null;
    }

    /// <summary>NOT over comparisons, by De Morgan: in three-valued logic too, since only TRUE counts and each comparison is null where an operand is.</summary>
    private static JoinedBits? TryNegated(BoundLogical logical)
    {
        var operands = new BitNode[logical.Children.Count];
        for (var i = 0; i < operands.Length; i++)
        {
            var comparison = (BoundCall)logical.Children[i];
            if (TryComparison(Opposite(comparison.Function.Name)!, comparison.Children[0], comparison.Children[1]) is not { } operand) return null;
            operands[i] = operand;
        }
        return new JoinedBits(!logical.IsAnd, operands);
    }

    private static string? Opposite(string name) => name switch { "=" => "<>", "<>" => "=", "<" => ">=", ">=" => "<", ">" => "<=", "<=" => ">", _ => null };

    private static string Mirrored(string name) => name switch { "<" => ">", ">" => "<", "<=" => ">=", ">=" => "<=", _ => name };

    private static BitNode? TryComparison(string name, BoundExpression left, BoundExpression right)
    {
        if (left is BoundConstant && right is not BoundConstant) return TryComparison(Mirrored(name), right, left);
        if (right is not BoundConstant { Value.IsNull: false } constant) return null;
        if (left is BoundCall { Function.Name: "%" } modulo) return TryModulo(name, modulo, constant);
        if (!IsColumn(left)) return null;
        var value = constant.Value;
        switch (left.Type.Kind)
        {
            case TypeKind.Int32 or TypeKind.Date: return Number(name, left, value.As<int>());
            case TypeKind.Int64 or TypeKind.Timestamp: return Number(name, left, value.As<long>());
            // NaN on the constant's side turns the order around: left to the general form.
            case TypeKind.Float64: return double.IsNaN(value.As<double>()) ? null : Number(name, left, value.As<double>());
            case TypeKind.Decimal: return left.Type.Scale == constant.Type.Scale ? Exact(name, left, value) : null;
            case TypeKind.Utf8: return name is "=" or "<>" && value.Bytes.Length <= Utf8View.InlineLength ? new TextBits(left.Compile(), value, name == "<>") : null;
            default: return null;
        }
    }

    /// <summary>
    /// A remainder by a power of two is a few bits of the number. SQL's has the sign of the dividend, so that for another remainder than 0 the sign bit belongs to
    /// them; the bits of a negative number are those of
    /// the remainder that is counted from below.
    /// </summary>
    private static BitNode? TryModulo(string name, BoundCall modulo, BoundConstant constant)
    {
        var isWide = modulo.Type.Kind == TypeKind.Int64;
        if (name is not ("=" or "<>") || (!isWide && modulo.Type.Kind != TypeKind.Int32) || constant.Type.Kind != modulo.Type.Kind) return null;
        if (!IsColumn(modulo.Children[0]) || modulo.Children[1] is not BoundConstant { Value.IsNull: false } by) return null;
        var divisor = isWide ? by.Value.As<long>() : by.Value.As<int>();
        var rest = isWide ? constant.Value.As<long>() : constant.Value.As<int>();
        if (!BitOperations.IsPow2(divisor) || Int128.Abs(rest) >= divisor) return null;
        var sign = isWide ? long.MinValue : int.MinValue;
        var mask = rest == 0 ? divisor - 1 : (divisor - 1) | sign;
        var value = rest >= 0 ? rest : (divisor + rest) | sign;
        return isWide ? new MaskBits<long>(modulo.Children[0].Compile(), mask, value, name == "<>")
            : new MaskBits<int>(modulo.Children[0].Compile(), (int)mask, (int)value, name == "<>");
    }

    private static DecimalBits Exact(string name, BoundExpression operand, Constant value)
    {
        var opposite = name is "<>" or ">=" or ">";
        var test = opposite ? Opposite(name)! : name;
        return new DecimalBits(operand.Compile(), value, less: test != "=", equal: test != "<", opposite);
    }

    private static BitNode Number<T>(string name, BoundExpression operand, T value) where T : unmanaged, INumber<T> => name switch
    {
        "=" => new CompareBits<T, BitEqual<T>>(operand.Compile(), value),
        "<>" => new CompareBits<T, BitNotEqual<T>>(operand.Compile(), value),
        "<" => new CompareBits<T, BitLess<T>>(operand.Compile(), value),
        "<=" => new CompareBits<T, BitLessOrEqual<T>>(operand.Compile(), value),
        ">" => new CompareBits<T, BitGreater<T>>(operand.Compile(), value),
        _ => new CompareBits<T, BitGreaterOrEqual<T>>(operand.Compile(), value),
    };
}
