using StreamEngine.Compute.Syntax;

namespace StreamEngine.Sql.Syntax;

/// <summary>A statement of a pipeline's SQL.</summary>
internal abstract record Statement(SourceSpan Span);

/// <summary>CREATE VIEW name AS query.</summary>
internal sealed record CreateViewStatement(SourceSpan Span, Identifier Name, SelectQuery Query) : Statement(Span);

/// <summary>INSERT INTO sink query.</summary>
internal sealed record InsertStatement(SourceSpan Span, Identifier Sink, SelectQuery Query) : Statement(Span);

/// <summary>SELECT .. FROM .. WHERE .. GROUP BY .. HAVING ...</summary>
internal sealed record SelectQuery(SourceSpan Span, IReadOnlyList<SelectItem> Items, FromClause From, SqlExpression? Where, IReadOnlyList<SqlExpression> GroupBy,
    SqlExpression? Having);

/// <summary>An expression with its name, or * (of one qualifier).</summary>
internal sealed record SelectItem(SourceSpan Span, SqlExpression? Expression, Identifier? Alias, Identifier? StarQualifier)
{
    public bool IsStar => Expression is null;
}

/// <summary>What a query reads.</summary>
internal abstract record FromClause(SourceSpan Span, Identifier? Alias);

/// <summary>A source or view by name.</summary>
internal sealed record TableReference(SourceSpan Span, Identifier Name, Identifier? Alias) : FromClause(Span, Alias);

/// <summary>TUMBLE(input, time, size) or HOP(input, time, slide, size), also in the form TABLE(..) with DESCRIPTOR(time).</summary>
internal sealed record WindowReference(SourceSpan Span, WindowFunction Function, Identifier Input, SqlExpression Time, SqlExpression? Slide, SqlExpression Size,
    Identifier? Alias) : FromClause(Span, Alias);

internal enum WindowFunction : byte
{
    Tumble,
    Hop,
}
