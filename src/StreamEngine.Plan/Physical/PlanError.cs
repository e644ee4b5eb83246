using StreamEngine.Compute.Syntax;

namespace StreamEngine.Plan.Physical;

/// <summary>Which text of a pipeline an error is in: who knows the file turns it into line, column and caret.</summary>
internal enum PlanText : byte
{
    /// <summary>The pipeline's SQL.</summary>
    Sql,

    /// <summary>A rule of a source.</summary>
    Rule,

    /// <summary>The column of a source's event time.</summary>
    EventTime,

    /// <summary>The key of a sink.</summary>
    SinkKey,

    /// <summary>The topic of a source, sink or side output, whose section is the owner.</summary>
    Topic,
}

/// <summary>An error in one of a pipeline's texts.</summary>
/// <param name="Text">Which text.</param>
/// <param name="Owner">The source or sink that it belongs to.</param>
/// <param name="Name">The rule's name, or the key's number.</param>
/// <param name="Error">What is wrong, and where in the text.</param>
internal sealed record PlanError(PlanText Text, string Owner, string Name, SqlError Error);

/// <summary>A pipeline that cannot be planned: all its errors.</summary>
internal sealed class PlanException(IReadOnlyList<PlanError> errors) : Exception(string.Join("; ", errors.Select(e => e.Error.Message)))
{
    public IReadOnlyList<PlanError> Errors { get; } = errors;
}
