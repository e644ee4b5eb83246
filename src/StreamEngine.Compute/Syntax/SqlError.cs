namespace StreamEngine.Compute.Syntax;

/// <summary>A stretch of SQL text.</summary>
internal readonly record struct SourceSpan(int Offset, int Length)
{
    public int End => Offset + Length;

    /// <summary>From the start of the one to the end of the other.</summary>
    public SourceSpan To(SourceSpan last) => new(Offset, last.End - Offset);
}

/// <summary>Something wrong in SQL text, with the place: who knows the file turns it into line, column and caret.</summary>
/// <param name="Offset">The first UTF-16 unit of the wrong part.</param>
/// <param name="Length">Its length, at least 0 (0 at the end of the text).</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Hint">What to do about it.</param>
public sealed record SqlError(int Offset, int Length, string Message, string? Hint = null);

/// <summary>SQL text that cannot be understood: at least one error. Nothing else is thrown by the parser or the binder, whatever the text.</summary>
public sealed class SqlException : Exception
{
    /// <summary>One or more errors, in the order of the text.</summary>
    public SqlException(IReadOnlyList<SqlError> errors)
        : base(string.Join("; ", errors.Select(e => e.Message)))
        => Errors = errors;

    internal SqlException(SourceSpan span, string message, string? hint = null)
        : this([new SqlError(span.Offset, span.Length, message, hint)])
    {
    }

    /// <summary>Something rests on a part whose error is said elsewhere: it fails without an error of its own.</summary>
    internal static SqlException Follows() => new([]);

    /// <summary>What is wrong.</summary>
    public IReadOnlyList<SqlError> Errors { get; }
}
