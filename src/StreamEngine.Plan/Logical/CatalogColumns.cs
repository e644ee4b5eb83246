namespace StreamEngine.Plan.Logical;

/// <summary>Columns that every source has beside its declared ones.</summary>
internal static class CatalogColumns
{
    /// <summary>The record's timestamp, a TIMESTAMP; not part of *.</summary>
    public const string RecordTimestamp = "_timestamp";
}
