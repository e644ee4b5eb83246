using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Functions;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Binding;

/// <content>Operators, tests and calls.</content>
internal sealed partial class ExpressionBinder
{
    private BoundExpression BindUnary(UnaryExpression unary)
    {
        if (unary.Operator == UnaryOperator.Not) return Call(unary, FunctionTable.Operator("NOT"), [Condition(unary.Operand, "the operand of NOT")]);
        // So that -2147483648 is an INT.
        if (unary.Operator == UnaryOperator.Minus && unary.Operand is LiteralExpression { Kind: LiteralKind.Integer or LiteralKind.Decimal or LiteralKind.Float } literal)
            return BindLiteral(new LiteralExpression(unary.Span, literal.Kind, "-" + literal.Value));
        var operand = Bind(unary.Operand);
        return Call(unary, FunctionTable.Operator(unary.Operator == UnaryOperator.Minus ? "negate" : "plus"), [operand]);
    }

    private BoundExpression BindBinary(BinaryExpression binary)
    {
        var both = BindAll(binary.Left, binary.Right);
        var (left, right) = (both[0], both[1]);
        if (binary.Operator == BinaryOperator.Concat) return BindConcat(binary, left, right);
        if (binary.Operator < BinaryOperator.Equal) return Call(binary,
            FunctionTable.Operator(binary.Operator == BinaryOperator.Power ? "power" : SqlText.Of(binary.Operator)), [left, right]);
        return Comparison(binary, SqlText.Of(binary.Operator), left, right);
    }

    /// <summary>text || text; another value beside a text becomes text, as in PostgreSQL.</summary>
    private static BoundExpression BindConcat(BinaryExpression binary, BoundExpression left, BoundExpression right)
    {
        var isText = left.Type.Kind is TypeKind.Utf8 or TypeKind.Null || right.Type.Kind is TypeKind.Utf8 or TypeKind.Null;
        if (!isText || !Casts.Exists(left.Type, DataType.Utf8) || !Casts.Exists(right.Type, DataType.Utf8))
            throw new SqlException(binary.Span, $"{left.Type} || {right.Type} does not exist", "|| joins texts: convert an operand with CAST(.. AS STRING)");
        return Call(binary, FunctionTable.Operator("||"), [AsText(left), AsText(right)]);
    }

    internal static BoundExpression AsText(BoundExpression operand)
        => operand.Type.Kind == TypeKind.Utf8 ? operand : Fold(new BoundCast(operand.Syntax, operand, DataType.Utf8, false));

    /// <summary>Both operands in their common type, then the comparison.</summary>
    private static BoundExpression Comparison(SqlExpression syntax, string name, BoundExpression left, BoundExpression right)
    {
        var type = CommonOf(left, right);
        if (type is null || type.Kind is TypeKind.List or TypeKind.Struct)
        {
            var hint = type is null ? $"convert one side with CAST(.. AS {(left.Type.Kind == TypeKind.Utf8 ? right.Type : left.Type)})"
                : "compare their fields or elements";
            throw new SqlException(syntax.Span, $"cannot compare {left.Type} with {right.Type}", hint);
        }
        if (type.Kind == TypeKind.Null) type = DataType.Utf8;
        return Call(syntax, FunctionTable.Operator(name), [Convert(left, type)!, Convert(right, type)!]);
    }

    private static DataType? CommonOf(BoundExpression left, BoundExpression right)
    {
        var leftUntyped = left is BoundConstant { IsUntyped: true };
        var rightUntyped = right is BoundConstant { IsUntyped: true };
        if (leftUntyped && rightUntyped) return DataType.Utf8;
        if (leftUntyped && Casts.Exists(DataType.Utf8, right.Type)) return right.Type;
        if (rightUntyped && Casts.Exists(DataType.Utf8, left.Type)) return left.Type;
        return TypeRules.Common(left.Type, right.Type);
    }

    private BoundExpression BindIs(IsExpression test)
    {
        if (test.Test == IsTest.Null)
        {
            var any = Bind(test.Operand);
            return Call(test, FunctionTable.Operator(test.Negated ? "IS NOT NULL" : "IS NULL"), [any]);
        }
        var operand = Condition(test.Operand, $"the operand of IS {test.Test.ToString().ToUpperInvariant()}");
        return Call(test, FunctionTable.Operator($"IS {(test.Negated ? "NOT " : "")}{test.Test.ToString().ToUpperInvariant()}"), [operand]);
    }

    private BoundExpression BindDistinct(DistinctFromExpression distinct)
    {
        var both = BindAll(distinct.Left, distinct.Right);
        return Comparison(distinct, distinct.Negated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM", both[0], both[1]);
    }

    /// <summary>x BETWEEN a AND b is x >= a AND x &lt;= b, in one type so that x is converted once.</summary>
    private BoundExpression BindBetween(BetweenExpression between)
    {
        var all = BindAll(between.Operand, between.Low, between.High);
        var (operand, low, high) = (all[0], all[1], all[2]);
        var inner = between.Negated ? between with { Negated = false } : between;
        BoundExpression both = new BoundLogical(inner, isAnd: true, [Comparison(inner, ">=", operand, low), Comparison(inner, "<=", operand, high)]);
        return between.Negated ? Call(between, FunctionTable.Operator("NOT"), [both]) : both;
    }

    private BoundExpression BindIn(InExpression list)
    {
        var all = BindAll([list.Operand, .. list.Items]);
        var (operand, items) = (all[0], all[1..].ToList());
        var type = CommonType([operand, .. items], "the values of IN");
        if (type.Kind is TypeKind.List or TypeKind.Struct) throw new SqlException(list.Span, $"cannot compare {type} with IN");
        if (type.Kind == TypeKind.Null) type = DataType.Utf8;
        // Values that differ by row: the comparisons one after the other, each only where none before was equal.
        var bound = items.All(i => Convert(i, type) is BoundConstant)
            ? Call(list, FunctionTable.Operator("IN"), [Convert(operand, type)!, .. items.Select(i => Convert(i, type)!)])
            : items.Count == 1 ? Comparison(list, "=", operand, items[0])
            : new BoundLogical(list, isAnd: false, [.. items.Select(i => Comparison(list, "=", operand, i))]);
        return list.Negated ? Call(list, FunctionTable.Operator("NOT"), [bound]) : bound;
    }

    private BoundExpression BindLike(LikeExpression like)
    {
        var arguments = BindAll(like.Escape is null ? [like.Operand, like.Pattern] : [like.Operand, like.Pattern, like.Escape]);
        var bound = Call(like, FunctionTable.Operator(like.IgnoreCase ? "ILIKE" : "LIKE"), arguments);
        return like.Negated ? Call(like, FunctionTable.Operator("NOT"), [bound]) : bound;
    }

    private BoundExpression BindCall(CallExpression call)
    {
        // Its arguments are judged whether or not the function is one.
        var errors = new ErrorCollector();
        BoundExpression[]? arguments = null;
        var function = errors.Try(() => FunctionOf(call));
        errors.Try(() => arguments = Each(call.Arguments, Bind));
        errors.ThrowIfFailed();
        if (function!.Bind is null) return Call(call, function, arguments!);
        return Fold(function.Bind(new BindSite(call, function, [.. arguments!])));
    }

    private static FunctionDefinition FunctionOf(CallExpression call)
    {
        var name = call.Function.Name;
        if (FunctionTable.Find(name) is not { } function)
        {
            if (FunctionTable.IsAggregate(name)) throw new SqlException(call.Span, $"the aggregate function {name.ToLowerInvariant()} cannot stand here",
                "aggregates stand in SELECT and HAVING of a query that groups");
            throw new SqlException(call.Function.Span, $"function '{name}' does not exist", FunctionTable.NearestTo(name) is { } near ? $"did you mean '{near}'?" : null);
        }
        if (call.Star || call.Distinct || call.Filter is not null)
            throw new SqlException(call.Span,
                $"{name.ToLowerInvariant()} is no aggregate function: {(call.Star ? "*" : call.Distinct ? "DISTINCT" : "FILTER")} cannot stand in its call");
        return function;
    }

    /// <summary>The overload that needs the fewest conversions; the first of the table where several do.</summary>
    internal static BoundExpression Call(SqlExpression syntax, FunctionDefinition function, IReadOnlyList<BoundExpression> arguments)
    {
        Overload? best = null;
        var least = int.MaxValue;
        foreach (var overload in function.Overloads)
        {
            var distance = overload.Distance(arguments);
            if (distance < 0 || distance >= least) continue;
            best = overload;
            least = distance;
        }
        if (best is null) throw NoOverload(syntax, function, arguments);
        var converted = new BoundExpression[arguments.Count];
        for (var i = 0; i < converted.Length; i++) converted[i] = ToParameter(arguments[i], best.ParameterAt(i));
        var type = best.Result(new ResultSite(syntax.Span, [.. converted.Select(c => c.Type)], converted));
        return Fold(new BoundCall(syntax, function, best, converted, type));
    }

    private static BoundExpression ToParameter(BoundExpression argument, TypeKind? parameter)
    {
        if (parameter is not { } kind || argument.Type.Kind == kind) return argument;
        // NULL has no type of its own, and arrays and structs have many.
        if (kind is TypeKind.List or TypeKind.Struct) return argument;
        if (kind != TypeKind.Decimal) return Convert(argument, TypeOfKind(kind))!;
        // A whole literal has as many digits as it has: price * 2 is not wider than it need be.
        if (argument is BoundConstant { IsUntyped: false, Value.IsNull: false } constant && argument.Type.IsInteger)
            return Convert(argument, DataType.Decimal(Digits(constant.Type.Kind == TypeKind.Int32 ? constant.Value.As<int>() : constant.Value.As<long>()), 0))!;
        return Convert(argument, argument.Type.IsInteger ? TypeRules.AsDecimal(argument.Type) : DataType.Decimal(38, 10))!;
    }

    private static int Digits(long value)
    {
        var digits = 1;
        for (; value is > 9 or < -9; value /= 10) digits++;
        return digits;
    }

    private static DataType TypeOfKind(TypeKind kind) => kind switch
    {
        TypeKind.Boolean => DataType.Boolean,
        TypeKind.Int32 => DataType.Int32,
        TypeKind.Int64 => DataType.Int64,
        TypeKind.Float64 => DataType.Float64,
        TypeKind.Date => DataType.Date,
        TypeKind.Timestamp => DataType.Timestamp,
        TypeKind.Utf8 => DataType.Utf8,
        TypeKind.Binary => DataType.Binary,
        TypeKind.Interval => DataType.Interval,
        _ => throw new InvalidOperationException($"{kind} has no single type"),
    };

    private static SqlException NoOverload(SqlExpression syntax, FunctionDefinition function, IReadOnlyList<BoundExpression> arguments)
    {
        var types = string.Join(", ", arguments.Select(a => a.Type.ToString()));
        var isOperator = !char.IsAsciiLetter(function.Name[0]) || syntax is not CallExpression;
        var found = isOperator && arguments.Count == 2 ? $"{arguments[0].Type} {function.Name} {arguments[1].Type}" : $"{function.Name}({types})";
        var signatures = function.Signatures.Take(12).ToList();
        return new SqlException(syntax.Span, $"{found} does not exist", $"there {(signatures.Count == 1 ? "is" : "are")} {string.Join(", ", signatures)}");
    }
}
