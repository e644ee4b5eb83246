namespace StreamEngine.Compute.Syntax;

/// <summary>
/// Goes on behind an error with what does not rest on it, so that the errors of a text come together. What rests on a part that failed is not judged: who needs all
/// parts calls <see cref="ThrowIfFailed"/> first.
/// </summary>
internal sealed class ErrorCollector
{
    /// <summary>More are not collected: a text may have one per character.</summary>
    public const int Most = 500;

    private readonly List<SqlError> _errors = [];

    /// <summary>The errors so far, in the order of the text.</summary>
    public IReadOnlyList<SqlError> Errors => [.. _errors.OrderBy(e => e.Offset)];

    /// <summary>A part failed. There may be no error: what rests on an error that another text has fails without a second one.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>There are so many errors that the rest of the text is not worth reading.</summary>
    public bool IsFull => _errors.Count >= Most;

    /// <summary>The part; null where it failed.</summary>
    public T? Try<T>(Func<T> part) where T : class
    {
        if (IsFull) return null;
        try
        {
            return part();
        }
        catch (SqlException e)
        {
            Add(e);
            return null;
        }
    }

    /// <summary>Whether the part passed.</summary>
    public bool Try(Action part)
    {
        if (IsFull) return false;
        try
        {
            part();
            return true;
        }
        catch (SqlException e)
        {
            Add(e);
            return false;
        }
    }

    /// <summary>A part failed with these errors. The same error at the same place is one: a part may be read by several others.</summary>
    public void Add(SqlException failure)
    {
        HasFailed = true;
        foreach (var error in failure.Errors)
            if (!IsFull && !_errors.Contains(error)) _errors.Add(error);
    }

    /// <summary>A part failed with this error.</summary>
    public void Add(SourceSpan span, string message, string? hint = null) => Add(TokenReader.Error(span, message, hint));

    /// <exception cref="SqlException">A part failed.</exception>
    public void ThrowIfFailed()
    {
        if (HasFailed) throw new SqlException(Errors);
    }
}
