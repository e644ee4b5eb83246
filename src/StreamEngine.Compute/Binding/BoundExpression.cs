using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Functions;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Binding;

/// <summary>
/// A typed expression whose columns are positions. Immutable, may be shared between lanes; each lane compiles its own <see cref="Evaluator"/> or
/// <see cref="Filters.Predicate"/> of it.
/// </summary>
internal abstract class BoundExpression(SqlExpression syntax, DataType type)
{
    /// <summary>What it was bound from: place and canonical text.</summary>
    public SqlExpression Syntax { get; } = syntax;

    public DataType Type { get; } = type;

    public SourceSpan Span => Syntax.Span;

    public virtual IReadOnlyList<BoundExpression> Children => [];

    /// <summary>False when the result is never null on a row that does not fail.</summary>
    public virtual bool MayBeNull => true;

    /// <summary>The positions of all columns that it reads, in growing order.</summary>
    public IReadOnlyCollection<int> ColumnsRead()
    {
        var columns = new SortedSet<int>();
        Collect(columns);
        return columns;
    }

    private void Collect(SortedSet<int> columns)
    {
        if (this is BoundColumn column) columns.Add(column.Index);
        foreach (var child in Children) child.Collect(columns);
    }

    internal abstract EvalNode Compile();

    public override string ToString() => Syntax.ToString();
}

/// <summary>A column of the batch.</summary>
internal sealed class BoundColumn(SqlExpression syntax, int index, DataType type, string name, bool nullable = true) : BoundExpression(syntax, type)
{
    public int Index => index;

    /// <summary>The column's name in its own spelling.</summary>
    public string Name => name;

    public override bool MayBeNull => nullable;

    internal override EvalNode Compile() => new ColumnNode(index, Type);
}

/// <summary>A value that is known.</summary>
internal sealed class BoundConstant(SqlExpression syntax, Constant value, bool isUntyped = false) : BoundExpression(syntax, value.Type)
{
    public Constant Value => value;

    /// <summary>A text in quotes, which becomes what its place asks for: a timestamp, a number, an interval.</summary>
    public bool IsUntyped => isUntyped;

    public override bool MayBeNull => value.IsNull;

    internal override EvalNode Compile() => new ConstantNode(value);
}

/// <summary>A field of a struct.</summary>
internal sealed class BoundField(SqlExpression syntax, BoundExpression operand, int index) : BoundExpression(syntax, operand.Type.Fields![index].Type)
{
    public int Index => index;

    public override IReadOnlyList<BoundExpression> Children => [operand];

    public override bool MayBeNull => operand.MayBeNull || operand.Type.Fields![index].Nullable;

    internal override EvalNode Compile() => new FieldNode(operand.Compile(), index, Type);
}

/// <summary>A call of a function or operator.</summary>
internal sealed class BoundCall(SqlExpression syntax, FunctionDefinition function, Overload overload, BoundExpression[] arguments, DataType type)
    : BoundExpression(syntax, type)
{
    public FunctionDefinition Function => function;

    public override IReadOnlyList<BoundExpression> Children => arguments;

    public override bool MayBeNull => !overload.Strict || overload.MayGiveNull || arguments.Any(a => a.MayBeNull);

    internal override EvalNode Compile()
    {
        var nodes = new EvalNode[arguments.Length];
        for (var i = 0; i < nodes.Length; i++) nodes[i] = arguments[i].Compile();
        return overload.Factory(new CallSite(nodes, arguments, Type, Syntax.ToString()));
    }
}

/// <summary>A conversion, written or implied.</summary>
internal sealed class BoundCast(SqlExpression syntax, BoundExpression operand, DataType type, bool isTry) : BoundExpression(syntax, type)
{
    public BoundExpression Operand => operand;

    public override IReadOnlyList<BoundExpression> Children => [operand];

    public override bool MayBeNull => isTry || operand.MayBeNull;

    internal override EvalNode Compile() => Casts.Create(operand.Compile(), Type, isTry, Syntax.ToString());
}

/// <summary>AND or OR over two or more operands.</summary>
internal sealed class BoundLogical(SqlExpression syntax, bool isAnd, BoundExpression[] operands) : BoundExpression(syntax, DataType.Boolean)
{
    public bool IsAnd => isAnd;

    public override IReadOnlyList<BoundExpression> Children => operands;

    public override bool MayBeNull => operands.Any(o => o.MayBeNull);

    internal override EvalNode Compile() => new LogicalNode(isAnd, [.. operands.Select(o => o.Compile())]);
}

/// <summary>CASE with conditions; the form with an operand is bound to comparisons.</summary>
internal sealed class BoundCase(SqlExpression syntax, BoundExpression[] conditions, BoundExpression[] values, BoundExpression? other, DataType type)
    : BoundExpression(syntax, type)
{
    public override IReadOnlyList<BoundExpression> Children => [.. conditions, .. values, .. other is null ? Array.Empty<BoundExpression>() : [other]];

    public override bool MayBeNull => other is null || other.MayBeNull || values.Any(v => v.MayBeNull);

    internal override EvalNode Compile() => new CaseNode([.. conditions.Select(c => c.Compile())], [.. values.Select(v => v.Compile())], other?.Compile(), Type);
}

/// <summary>COALESCE.</summary>
internal sealed class BoundCoalesce(SqlExpression syntax, BoundExpression[] operands, DataType type) : BoundExpression(syntax, type)
{
    public override IReadOnlyList<BoundExpression> Children => operands;

    public override bool MayBeNull => operands.All(o => o.MayBeNull);

    internal override EvalNode Compile() => new CoalesceNode([.. operands.Select(o => o.Compile())], Type);
}
