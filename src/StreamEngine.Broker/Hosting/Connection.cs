using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Hosting;

/// <summary>One client's connection: requests are read, handled and answered one after the other, as Kafka does; what a client pipelines waits in the socket.</summary>
internal sealed class Connection(BrokerHost host, Socket socket, int maxRequestBytes)
{
    private const int FirstBuffer = 64 * 1024;
    private const int LargeBuffer = 4 << 20;
    private const int FileChunk = 256 * 1024;
    private const int MaxPieces = 512;
    private const long NotSending = long.MaxValue;

    /// <summary>API key, version and correlation id: what every request has.</summary>
    private const int SmallestRequest = 8;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private int _filled;

    private long _lastActive = host.Now();
    private long _sendingSince = NotSending;
    private volatile bool _isHandling;

    public string Peer { get; } = socket.RemoteEndPoint?.ToString() ?? "?";

    /// <summary>Serves the connection until the client closes it, breaks the protocol (thrown), or the host closes the socket.</summary>
    public async Task ServeAsync()
    {
        try
        {
            while (await ReadRequestAsync().ConfigureAwait(false) is var length and > 0)
            {
                _isHandling = true;
                using (var response = await host.HandleAsync(new BrokerExchange(_buffer.AsMemory(4, length))).ConfigureAwait(false))
                    if (response is not null)
                    {
                        Volatile.Write(ref _sendingSince, host.Now());
                        await SendAsync(response).ConfigureAwait(false);
                        Volatile.Write(ref _sendingSince, NotSending);
                    }
                Shift(4 + length);
                Volatile.Write(ref _lastActive, host.Now());
                _isHandling = false;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
            socket.Dispose();
        }
    }

    public void Close() => socket.Dispose();

    /// <summary>
    /// Whether the client has asked for nothing since a time; one that sends a request byte by byte is as idle as a silent one, and so is one that does
    /// not take its answer: else a thousand of those would shut all others out for ever.
    /// </summary>
    public bool IsIdleSince(long time) => _isHandling ? Volatile.Read(ref _sendingSince) < time : Volatile.Read(ref _lastActive) < time;

    /// <summary>Reads until one request is whole in the buffer, and gives its length; 0 when the client is done.</summary>
    private async ValueTask<int> ReadRequestAsync()
    {
        while (_filled < 4)
            if (!await FillAsync().ConfigureAwait(false)) return _filled == 0 ? 0 : throw new EndOfStreamException("it ended inside of a request's length");
        var length = BinaryPrimitives.ReadInt32BigEndian(_buffer);
        if (length < SmallestRequest || length > maxRequestBytes)
            throw new ProtocolException($"a request of {length} bytes: from {SmallestRequest} to {maxRequestBytes} are allowed");
        while (_filled < 4 + length)
        {
            // The buffer grows with the bytes that came, not with those that are claimed.
            if (_filled == _buffer.Length) Grow(Math.Min(4 + length, _buffer.Length * 2));
            if (!await FillAsync().ConfigureAwait(false)) throw new EndOfStreamException($"it ended after {_filled - 4} of a request's {length} bytes");
        }
        return length;
    }

    private async ValueTask<bool> FillAsync()
    {
        var read = await socket.ReceiveAsync(_buffer.AsMemory(_filled), SocketFlags.None).ConfigureAwait(false);
        _filled += read;
        return read > 0;
    }

    private void Grow(int size)
    {
        var larger = ArrayPool<byte>.Shared.Rent(size);
        _buffer.AsSpan(0, _filled).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private void Shift(int used)
    {
        _filled -= used;
        if (_filled > 0) _buffer.AsSpan(used, _filled).CopyTo(_buffer);
        else if (_buffer.Length > LargeBuffer)
        {
            // One large request is no reason to hold its buffer for the life of the connection.
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        }
    }

    private async ValueTask SendAsync(BrokerResponse response)
    {
        var batch = new List<ArraySegment<byte>>();
        foreach (var piece in response.Pieces())
        {
            if (piece.IsMemory && MemoryMarshal.TryGetArray(piece.Memory, out var segment))
            {
                batch.Add(segment);
                // The kernel takes 1024 pieces at once (IOV_MAX).
                if (batch.Count == MaxPieces) await SendAsync(batch).ConfigureAwait(false);
                continue;
            }
            await SendAsync(batch).ConfigureAwait(false);
            await SendFileAsync(piece).ConfigureAwait(false);
        }
        await SendAsync(batch).ConfigureAwait(false);
    }

    private async ValueTask SendAsync(List<ArraySegment<byte>> batch)
    {
        if (batch.Count == 1) await SendAsync(batch[0]).ConfigureAwait(false);
        else if (batch.Count > 1) await SendGatheredAsync(batch).ConfigureAwait(false);
        batch.Clear();
    }

    private async ValueTask SendGatheredAsync(List<ArraySegment<byte>> batch)
    {
        var left = batch.Sum(s => (long)s.Count);
        var sent = await socket.SendAsync(batch, SocketFlags.None).ConfigureAwait(false);
        if (sent != left) throw new SocketException((int)SocketError.ConnectionReset);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None).ConfigureAwait(false)..];
    }

    /// <summary>Segments on disk are read here, outside of the core's lock, piece by piece.</summary>
    private async ValueTask SendFileAsync(LogSlice slice)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(Math.Min(slice.Length, FileChunk));
        try
        {
            for (var at = 0; at < slice.Length;)
            {
                var size = Math.Min(chunk.Length, slice.Length - at);
                slice.CopyTo(chunk.AsSpan(0, size), at);
                await SendAsync(chunk.AsMemory(0, size)).ConfigureAwait(false);
                at += size;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
