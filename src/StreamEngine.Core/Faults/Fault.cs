namespace StreamEngine.Core;

/// <summary>Where a row failed; the text is the value of the dead letter's header streamengine.stage.</summary>
public enum FaultStage : byte
{
    /// <summary>The bytes are no JSON or CSV.</summary>
    Decode,

    /// <summary>A wrong type, a null where none may be, an unknown or missing field.</summary>
    Contract,

    /// <summary>A named rule is not TRUE.</summary>
    Rule,

    /// <summary>The event time is null, or too far ahead of the record's timestamp.</summary>
    EventTime,

    /// <summary>A SQL expression fails on the row.</summary>
    Expression,

    /// <summary>The sink would refuse the record.</summary>
    Sink,

    /// <summary>Every window of the row has ended.</summary>
    Late,
}

/// <summary>
/// Why a row left the stream by a side output: a value, never an exception. The batch it is raised on holds payload, position and record time.
/// </summary>
/// <param name="Stage">Where.</param>
/// <param name="Message">What is wrong, for people; names the column where there is one.</param>
/// <param name="Rule">The rule's name, for <see cref="FaultStage.Rule"/>.</param>
/// <param name="Insert">The INSERT whose expression failed, or null when the row fails for all.</param>
/// <param name="Retriable">Whether sending the same bytes again can help: true for none of today's stages but a sink's.</param>
internal readonly record struct Fault(FaultStage Stage, string Message, string? Rule = null, string? Insert = null, bool Retriable = false)
{
    public string StageName => NameOf(Stage);

    public static string NameOf(FaultStage stage) => stage switch
    {
        FaultStage.Decode => "decode",
        FaultStage.Contract => "contract",
        FaultStage.Rule => "rule",
        FaultStage.EventTime => "event-time",
        FaultStage.Expression => "expression",
        FaultStage.Sink => "sink",
        _ => "late",
    };
}
