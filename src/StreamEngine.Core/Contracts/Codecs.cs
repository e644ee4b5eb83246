namespace StreamEngine.Core;

/// <summary>Bytes to columns.</summary>
internal interface IDecoder
{
    /// <summary>The columns that are stored: those that something reads. All declared ones are checked.</summary>
    Schema Output { get; }

    /// <summary>
    /// Decodes the values of raw records, which it takes over: physical row i of the result is record i, and the records that fail are not selected but handed to
    /// <paramref name="output"/> as faults (of stage decode or contract). Strings may point into the raw bytes.
    /// </summary>
    Batch Decode(Batch raw, IEmitter output);
}

/// <summary>Columns to the bytes of records.</summary>
internal unsafe interface IEncoder
{
    /// <summary>
    /// Writes the value of each selected row of the batch to <paramref name="values"/> (Count entries), the bytes into the arena. The batch stays the caller's.
    /// </summary>
    void Encode(Batch batch, Arena arena, Bytes* values);
}
