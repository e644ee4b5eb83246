namespace StreamEngine.Formats.Json;

/// <summary>What becomes of a key that the schema does not declare.</summary>
internal enum UnknownFields : byte
{
    Ignore,

    /// <summary>The record is a fault of stage contract, on every level.</summary>
    Reject,
}

/// <summary>What becomes of a key that stands in an object twice.</summary>
internal enum DuplicateKeys : byte
{
    /// <summary>The last one wins; earlier values have to be JSON only.</summary>
    Last,

    /// <summary>The record is a fault of stage decode.</summary>
    Error,
}

/// <summary>How JSON is read.</summary>
internal sealed record JsonDecoderOptions
{
    public static JsonDecoderOptions Default { get; } = new();

    public UnknownFields UnknownFields { get; init; }

    public DuplicateKeys DuplicateKeys { get; init; }

    /// <summary>The most objects and arrays that may lie in each other, the record itself included.</summary>
    public int MaxDepth { get; init; } = 512;

    /// <summary>An ISO timestamp without a zone is refused; else it is UTC.</summary>
    public bool ZoneRequired { get; init; }
}
