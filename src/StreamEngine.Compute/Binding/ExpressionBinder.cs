using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Functions;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Binding;

/// <summary>Replaces a part of an expression before it is bound in the ordinary way: a grouping expression or an aggregate call by the column that holds it. Null: not
/// this part.</summary>
internal delegate BoundExpression? Substitution(SqlExpression expression);

/// <summary>
/// Gives names, types and functions their meaning. Constant parts are evaluated here, once. It throws nothing but <see cref="SqlException"/>.
/// </summary>
internal sealed partial class ExpressionBinder(IScope scope, Substitution? substitution = null)
{
    /// <summary>An expression of any type.</summary>
    /// <exception cref="SqlException">A name or function does not exist, or types do not fit.</exception>
    public static BoundExpression Bind(SqlExpression expression, IScope scope, Substitution? substitution = null)
        => new ExpressionBinder(scope, substitution).Bind(expression);

    /// <summary>A condition: of type BOOLEAN (or NULL).</summary>
    /// <exception cref="SqlException">A name or function does not exist, types do not fit, or it is no condition.</exception>
    public static BoundExpression BindCondition(SqlExpression expression, IScope scope, Substitution? substitution = null)
        => new ExpressionBinder(scope, substitution).Condition(expression, "the condition");

    /// <summary>An expression converted to a type as an INSERT would: implicit conversions, and text in quotes.</summary>
    public static BoundExpression BindAs(SqlExpression expression, DataType type, IScope scope, Substitution? substitution = null)
    {
        var bound = Bind(expression, scope, substitution);
        return Convert(bound, type) ?? throw new SqlException(bound.Span, $"expected {type}, found {bound.Type}", $"convert it with CAST(.. AS {type})");
    }

    /// <summary>The same with the binder's own scope and substitution.</summary>
    public BoundExpression Bind(SqlExpression expression) => Fold(substitution?.Invoke(expression) ?? expression switch
    {
        NameExpression name => BindName(name),
        LiteralExpression literal => BindLiteral(literal),
        TypedLiteralExpression typed => BindTyped(typed),
        IntervalExpression interval => BindInterval(interval),
        UnaryExpression unary => BindUnary(unary),
        BinaryExpression binary => BindBinary(binary),
        LogicalExpression logical => new BoundLogical(logical, logical.IsAnd,
            Each(logical.Operands, o => Condition(o, logical.IsAnd ? "an operand of AND" : "an operand of OR"))),
        IsExpression test => BindIs(test),
        DistinctFromExpression distinct => BindDistinct(distinct),
        BetweenExpression between => BindBetween(between),
        InExpression list => BindIn(list),
        LikeExpression like => BindLike(like),
        CaseExpression chosen => BindCase(chosen),
        CastExpression cast => BindCast(cast),
        CallExpression call => BindCall(call),
        FieldExpression field => BindField(field, Bind(field.Operand), field.Field),
        SubscriptExpression subscript => BindSubscript(subscript),
        _ => throw new SqlException(expression.Span, "this cannot stand in an expression"),
    });

    /// <summary>All of them; each error of each, where some fail.</summary>
    private static BoundExpression[] Each(IReadOnlyList<SqlExpression> expressions, Func<SqlExpression, BoundExpression> bind)
    {
        var errors = new ErrorCollector();
        var bound = new BoundExpression[expressions.Count];
        for (var i = 0; i < bound.Length; i++)
        {
            var expression = expressions[i];
            bound[i] = errors.Try(() => bind(expression))!;
        }
        errors.ThrowIfFailed();
        return bound;
    }

    private BoundExpression[] BindAll(params IReadOnlyList<SqlExpression> expressions) => Each(expressions, Bind);

    private BoundExpression Condition(SqlExpression expression, string what)
    {
        var bound = Bind(expression);
        return Convert(bound, DataType.Boolean)
            ?? throw new SqlException(bound.Span, $"{what} is {bound.Type}, not BOOLEAN", bound.Type.IsNumeric ? "compare it, for example with <> 0" : null);
    }

    private BoundExpression BindName(NameExpression name)
    {
        var column = scope.Resolve(name);
        // The syntax of an inner part spells the path so far: messages show it.
        BoundExpression bound = new BoundColumn(Part(name, column.Parts), column.Index, column.Field.Type, column.Field.Name, column.Field.Nullable);
        for (var i = column.Parts; i < name.Parts.Count; i++) bound = BindField(Part(name, i + 1), bound, name.Parts[i]);
        return bound;
    }

    private static NameExpression Part(NameExpression name, int parts)
        => parts == name.Parts.Count ? name : new NameExpression(name.Parts[0].Span.To(name.Parts[parts - 1].Span), [.. name.Parts.Take(parts)]);

    private static BoundField BindField(SqlExpression syntax, BoundExpression operand, Identifier name)
    {
        if (operand.Type.Fields is not { } fields) throw new SqlException(name.Span, $"{operand} is {operand.Type} and has no field '{name.Name}'");
        var index = Scope.IndexOf(fields, name, out var ambiguous);
        if (ambiguous) throw Scope.Ambiguous(fields, name, "field");
        if (index >= 0) return new BoundField(syntax, operand, index);
        var names = fields.Select(f => f.Name).ToList();
        var has = $"{operand} has {Scope.List(names)}";
        throw new SqlException(name.Span, $"field '{name.Name}' does not exist in {operand}", Spelling.DidYouMean(name.Name, names) is { } near ? $"{near} {has}" : has);
    }

    private BoundCall BindSubscript(SubscriptExpression subscript)
    {
        var both = BindAll(subscript.Operand, subscript.Index);
        var list = both[0];
        if (list.Type.Kind != TypeKind.List) throw new SqlException(subscript.Operand.Span, $"{list} is {list.Type}, not an ARRAY");
        var index = Convert(both[1], DataType.Int32)
            ?? throw new SqlException(subscript.Index.Span, "the index of an array is an INT", "a[1] is the first element");
        return new BoundCall(subscript, FunctionTable.Subscript, FunctionTable.Subscript.Overloads[0], [list, index], list.Type.Element!);
    }

    private BoundExpression BindCast(CastExpression cast)
    {
        var operand = Bind(cast.Operand);
        if (operand.Type.Equals(cast.Type) && operand is not BoundConstant { IsUntyped: true }) return operand;
        if (!Casts.Exists(operand.Type, cast.Type)) throw new SqlException(cast.Span, $"{operand.Type} cannot be converted to {cast.Type}");
        return new BoundCast(cast, operand, cast.Type, cast.Try);
    }

    private BoundCase BindCase(CaseExpression chosen)
    {
        var errors = new ErrorCollector();
        var values = chosen.Branches.Select(b => errors.Try(() => Bind(b.Then))).ToList();
        if (chosen.Else is not null) values.Add(errors.Try(() => Bind(chosen.Else)));
        var type = values.Contains(null) ? null : errors.Try(() => BranchType(chosen, values!));
        var operand = chosen.Operand is null ? null : errors.Try(() => Bind(chosen.Operand));
        var conditions = chosen.Branches.Select(branch => errors.Try(() => chosen.Operand is null ? Condition(branch.When, "the condition of WHEN")
            : Equal(chosen.Operand, operand, branch.When))).ToList();
        errors.ThrowIfFailed();
        var count = chosen.Branches.Count;
        return new BoundCase(chosen, [.. conditions!], [.. values.Take(count).Select(v => Convert(v!, type!)!)],
            values.Count > count ? Convert(values[count]!, type!) : null, type!);
    }

    private static DataType BranchType(CaseExpression chosen, IReadOnlyList<BoundExpression> values)
    {
        var type = CommonType(values, "the branches of CASE");
        NoNested(chosen, type, "CASE");
        return type;
    }

    /// <summary>CASE's operand, bound once, is a WHEN's value.</summary>
    private BoundExpression Equal(SqlExpression syntax, BoundExpression? operand, SqlExpression when)
    {
        var equal = new BinaryExpression(when.Span, BinaryOperator.Equal, syntax, when);
        if (substitution?.Invoke(equal) is { } known) return known;
        var value = Bind(when);
        return operand is null ? throw SqlException.Follows() : Comparison(equal, "=", operand, value);
    }

    /// <summary>The type of all of them, where text in quotes goes by the others.</summary>
    private static DataType CommonType(IReadOnlyList<BoundExpression> operands, string what)
    {
        var type = DataType.Null;
        foreach (var operand in operands)
        {
            if (operand is BoundConstant { IsUntyped: true }) continue;
            type = TypeRules.Common(type, TypeOf(operand))
                ?? throw new SqlException(operand.Span, $"{what} have the types {type} and {operand.Type}", $"convert one of them with CAST(.. AS {type})");
        }
        if (type.Kind == TypeKind.Null && operands.Any(o => o is BoundConstant { IsUntyped: true })) type = DataType.Utf8;
        foreach (var operand in operands)
            if (Convert(operand, type) is null) throw new SqlException(operand.Span, $"{what} have the types {type} and {operand.Type}");
        return type;
    }

    /// <summary>The type of an operand for arithmetic; a whole literal is as narrow as its digits.</summary>
    private static DataType TypeOf(BoundExpression operand) => operand.Type;

    private static void NoNested(SqlExpression syntax, DataType type, string what)
    {
        if (type.Kind is TypeKind.List or TypeKind.Struct) throw new SqlException(syntax.Span, $"{what} cannot give {type}",
            "choose between the fields or elements instead");
    }
}
