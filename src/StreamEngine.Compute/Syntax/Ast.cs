using StreamEngine.Core;

namespace StreamEngine.Compute.Syntax;

/// <summary>A name as it was written.</summary>
internal sealed record Identifier(string Name, bool Quoted, SourceSpan Span)
{
    /// <summary>Whether it names this: without regard to case unless it was quoted.</summary>
    public bool Matches(string name) => string.Equals(Name, name, Quoted ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase);

    /// <summary>Canonical: lower-case unless quoted, quoted where it has to be.</summary>
    public override string ToString()
    {
        var name = Quoted ? Name : Name.ToLowerInvariant();
        return SqlText.Identifier(name);
    }
}

/// <summary>
/// A scalar expression as it was written. Immutable; <see cref="object.ToString"/> is its canonical text: the same for texts that differ in blanks, comments, case of
/// keywords and of unquoted
/// names, and superfluous parentheses. The span plays no part in it.
/// </summary>
internal abstract record SqlExpression(SourceSpan Span)
{
    /// <summary>Levels of the tree, which the parser bounds, so that every walk over it may recurse.</summary>
    public int Depth { get; init; } = 1;

    public sealed override string ToString() => SqlText.Of(this);
}

/// <summary>A column, perhaps with a qualifier before and fields behind it: which part is what, only a scope knows.</summary>
internal sealed record NameExpression(SourceSpan Span, IReadOnlyList<Identifier> Parts) : SqlExpression(Span);

internal enum LiteralKind : byte
{
    Null,
    True,
    False,
    Integer,
    Decimal,
    Float,
    Text,
}

internal sealed record LiteralExpression(SourceSpan Span, LiteralKind Kind, string Value) : SqlExpression(Span);

/// <summary>DATE '..' or TIMESTAMP '..'.</summary>
internal sealed record TypedLiteralExpression(SourceSpan Span, DataType Type, string Value) : SqlExpression(Span);

/// <summary>INTERVAL '..' [unit [TO unit]].</summary>
internal sealed record IntervalExpression(SourceSpan Span, string Value, string? Unit, string? To) : SqlExpression(Span);

internal enum UnaryOperator : byte
{
    Not,
    Minus,
    Plus,
}

internal sealed record UnaryExpression(SourceSpan Span, UnaryOperator Operator, SqlExpression Operand) : SqlExpression(Span);

internal enum BinaryOperator : byte
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Concat,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

internal sealed record BinaryExpression(SourceSpan Span, BinaryOperator Operator, SqlExpression Left, SqlExpression Right) : SqlExpression(Span);

/// <summary>a AND b AND c, or with OR: all operands of one chain, two or more.</summary>
internal sealed record LogicalExpression(SourceSpan Span, bool IsAnd, IReadOnlyList<SqlExpression> Operands) : SqlExpression(Span);

internal enum IsTest : byte
{
    Null,
    True,
    False,
    Unknown,
}

internal sealed record IsExpression(SourceSpan Span, SqlExpression Operand, IsTest Test, bool Negated) : SqlExpression(Span);

internal sealed record DistinctFromExpression(SourceSpan Span, SqlExpression Left, SqlExpression Right, bool Negated) : SqlExpression(Span);

internal sealed record BetweenExpression(SourceSpan Span, SqlExpression Operand, SqlExpression Low, SqlExpression High, bool Negated) : SqlExpression(Span);

internal sealed record InExpression(SourceSpan Span, SqlExpression Operand, IReadOnlyList<SqlExpression> Items, bool Negated) : SqlExpression(Span);

internal sealed record LikeExpression(SourceSpan Span, SqlExpression Operand, SqlExpression Pattern, SqlExpression? Escape, bool IgnoreCase, bool Negated)
    : SqlExpression(Span);

internal sealed record CaseBranch(SqlExpression When, SqlExpression Then);

/// <summary>CASE; with an operand, each WHEN is a value that it is compared with.</summary>
internal sealed record CaseExpression(SourceSpan Span, SqlExpression? Operand, IReadOnlyList<CaseBranch> Branches, SqlExpression? Else) : SqlExpression(Span);

/// <summary>CAST(x AS T), x::T; with <paramref name="Try"/> a value that cannot be converted gives null.</summary>
internal sealed record CastExpression(SourceSpan Span, SqlExpression Operand, DataType Type, bool Try) : SqlExpression(Span);

/// <summary>
/// A call, of an aggregate function too: <paramref name="Star"/> for count(*), <paramref name="Distinct"/> for count(DISTINCT x), <paramref name="Filter"/> for FILTER
/// (WHERE ..). The
/// forms with words inside (SUBSTRING(s FROM 2), POSITION(a IN b), EXTRACT(hour FROM t), TRIM(BOTH 'x' FROM s)) are the ordinary call that they stand for.
/// </summary>
internal sealed record CallExpression(SourceSpan Span, Identifier Function, IReadOnlyList<SqlExpression> Arguments, bool Star = false, bool Distinct = false,
    SqlExpression? Filter = null)
    : SqlExpression(Span)
{
    public bool IsNamed(string name) => Function.Matches(name);
}

/// <summary>(x).field, for an x that is no plain name.</summary>
internal sealed record FieldExpression(SourceSpan Span, SqlExpression Operand, Identifier Field) : SqlExpression(Span);

/// <summary>x[index], counted from 1.</summary>
internal sealed record SubscriptExpression(SourceSpan Span, SqlExpression Operand, SqlExpression Index) : SqlExpression(Span);
