namespace StreamEngine.Formats.Csv;

/// <summary>How CSV is written: a record is the value of one Kafka record and has no header.</summary>
/// <param name="Delimiter">Between fields; one byte, none of quote, CR and LF.</param>
/// <param name="Quote">Around fields that hold delimiters, quotes or line breaks, and doubled inside; null: there is no quoting.</param>
internal sealed record CsvOptions(byte Delimiter = (byte)',', byte? Quote = (byte)'"')
{
    public static CsvOptions Default { get; } = new();

    /// <summary>An ISO timestamp without a zone is refused; else it is UTC.</summary>
    public bool ZoneRequired { get; init; }

    /// <summary>What is wrong with the options, or null.</summary>
    public string? Error => Delimiter is (byte)'\r' or (byte)'\n' or >= 128 ? "the delimiter has to be one ASCII character, and no line break"
        : Quote is (byte)'\r' or (byte)'\n' or >= 128 ? "the quote has to be one ASCII character and no line break, or nothing"
        : Quote == Delimiter ? "delimiter and quote are the same" : null;
}
