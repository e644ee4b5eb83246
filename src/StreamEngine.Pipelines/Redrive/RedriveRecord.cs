namespace StreamEngine.Pipelines.Redrive;

/// <summary>A record for the redrive topic.</summary>
internal sealed record RedriveRecord(byte[]? Key, byte[]? Value, byte[] Headers)
{
    /// <summary>What it takes, for the bound of a transaction.</summary>
    public long Bytes => (Key?.Length ?? 0) + (Value?.Length ?? 0) + Headers.Length + 64L;
}
