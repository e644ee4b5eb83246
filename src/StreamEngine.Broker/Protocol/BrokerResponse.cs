using System.Buffers;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Protocol;

/// <summary>
/// One encoded response with its length prefix: bytes of its own, and in between slices of the log by reference. The host sends the pieces; the
/// simulation takes them as one array.
/// </summary>
internal sealed class BrokerResponse(byte[] buffer, int bufferLength, List<(int At, LogSlice Slice)> slices, long totalLength) : IDisposable
{
    private byte[]? _buffer = buffer;

    public long TotalLength { get; } = totalLength;

    public bool HasSlices => slices.Count > 0;

    /// <summary>The pieces in order; each is either own bytes or a slice of the log.</summary>
    public IEnumerable<LogSlice> Pieces()
    {
        var own = _buffer ?? throw new ObjectDisposedException(nameof(BrokerResponse));
        var from = 0;
        foreach (var (at, slice) in slices)
        {
            if (at > from) yield return new LogSlice(own.AsMemory(from, at - from));
            yield return slice;
            from = at;
        }
        if (bufferLength > from) yield return new LogSlice(own.AsMemory(from, bufferLength - from));
    }

    /// <summary>The whole message, length prefix first, copied.</summary>
    public byte[] ToArray()
    {
        var result = new byte[TotalLength];
        var at = 0;
        foreach (var piece in Pieces())
        {
            piece.CopyTo(result.AsSpan(at, piece.Length));
            at += piece.Length;
        }
        return result;
    }

    public void Dispose()
    {
        var own = _buffer;
        _buffer = null;
        if (own is not null) ArrayPool<byte>.Shared.Return(own);
    }
}
