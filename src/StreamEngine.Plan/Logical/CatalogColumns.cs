namespace StreamEngine.Plan.Logical;

/// <summary>Columns that every source has beside its declared ones.</summary>
internal static class CatalogColumns
{
    /// <summary>The record's timestamp, a TIMESTAMP; not part of *.</summary>
    public const string RecordTimestamp = "_timestamp";

    /// <summary>A copy of an event time that is a field of a struct. No SQL names it.</summary>
    public const string EventTime = "$event_time";

    /// <summary>Whether * leaves it out.</summary>
    public static bool IsHidden(string name) => name is RecordTimestamp or EventTime;
}
