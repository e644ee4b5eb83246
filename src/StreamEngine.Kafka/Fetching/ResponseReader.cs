using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// Reads one response after the other from a connection, field by field as the bytes come: record data goes from the socket to where it stays, without a copy of the
/// whole response in between. Every length is held against what is left of the response before it is used.
/// </summary>
internal sealed class ResponseReader(Stream stream, int longest)
{
    /// <summary>What a record of TLS that refuses a plain request begins with: type alert, version 3 (RFC 8446, section 5.1).</summary>
    private const int TlsAlert = 0x1503;

    private readonly byte[] _buffer = new byte[16 << 10];
    private int _at;
    private int _filled;
    private long _received;

    /// <summary>Strings, arrays and tags have the compact form (KIP-482).</summary>
    public bool Flexible { get; set; }

    /// <summary>Bytes that came so far, of all responses; read from any thread.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Bytes of this response that were not read yet.</summary>
    public int Remaining { get; private set; }

    /// <summary>Begins the next response, which has to answer that request.</summary>
    /// <exception cref="EndOfStreamException">The broker has closed the connection.</exception>
    public void Begin(int correlation)
    {
        Remaining = 4;
        var length = Int32();
        if (length > longest && length >>> 16 == TlsAlert)
            throw new MalformedException("a TLS alert: its listener speaks TLS, and security.protocol is neither SSL nor SASL_SSL");
        if (length < 4 || length > longest) throw new MalformedException($"a response of {length} bytes, from 4 to {longest} are accepted");
        Remaining = length;
        var answered = Int32();
        if (answered != correlation) throw new MalformedException($"a response to request {answered} where {correlation} was asked");
    }

    /// <summary>All of the response was read. Bytes behind it are a newer form of the message, which was not asked for.</summary>
    public void End()
    {
        if (Remaining != 0) throw new MalformedException($"{Remaining} bytes are left behind a response");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Remaining) throw new MalformedException($"a response ends where {count} more bytes were expected, {Remaining} are left");
        if (_filled - _at < count) Fill(count);
        var part = _buffer.AsSpan(_at, count);
        _at += count;
        Remaining -= count;
        return part;
    }

    private void Fill(int count)
    {
        _buffer.AsSpan(_at, _filled - _at).CopyTo(_buffer);
        _filled -= _at;
        _at = 0;
        while (_filled < count) _filled += Receive(_buffer.AsSpan(_filled));
    }

    private int Receive(Span<byte> to)
    {
        var read = stream.Read(to);
        if (read <= 0) throw new EndOfStreamException("the broker has closed the connection");
        Volatile.Write(ref _received, _received + read);
        return read;
    }

    public sbyte Int8() => (sbyte)Take(1)[0];

    public short Int16() => BinaryPrimitives.ReadInt16BigEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

    public Guid Uuid() => new(Take(16), bigEndian: true);

    public KafkaError Error() => (KafkaError)Int16();

    public uint UVarInt()
    {
        uint value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var b = Take(1)[0];
            if (shift == 28 && b > 0x0F) break;
            value |= (uint)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new MalformedException("a varint is longer than 32 bits");
    }

    private int CompactLength()
    {
        var value = UVarInt();
        return value <= int.MaxValue ? (int)value - 1 : throw new MalformedException($"a length of {value}");
    }

    /// <summary>A string; null where it is absent.</summary>
    public string? NullableString()
    {
        var length = Flexible ? CompactLength() : Int16();
        if (length == -1) return null;
        if (length < 0 || length > short.MaxValue) throw new MalformedException($"a string of length {length}");
        if (length > Remaining) throw new MalformedException($"a string of length {length}, {Remaining} bytes are left");
        var bytes = length <= _buffer.Length ? Take(length) : LongString(length);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw new MalformedException("a string is not UTF-8");
    }

    private byte[] LongString(int length)
    {
        var bytes = new byte[length];
        Read(bytes);
        return bytes;
    }

    public string String() => NullableString() ?? throw new MalformedException("a string is null");

    /// <summary>Bytes, copied; empty where they are absent.</summary>
    public byte[] Bytes(int most)
    {
        var length = Flexible ? CompactLength() : Int32();
        if (length == -1) return [];
        if (length < 0 || length > Math.Min(Remaining, most)) throw new MalformedException($"bytes of length {length}, {Remaining} are left");
        var bytes = new byte[length];
        Read(bytes);
        return bytes;
    }

    /// <summary>The count of an array, 0 where it is null; each of its items takes so many bytes at least.</summary>
    public int Count(int itemBytes)
    {
        var count = Flexible ? CompactLength() : Int32();
        if (count == -1) return 0;
        if (count < 0 || (long)count * itemBytes > Remaining) throw new MalformedException($"an array of {count} items, {Remaining} bytes are left");
        return count;
    }

    /// <summary>The length of record data, 0 where it is null.</summary>
    public int RecordsLength()
    {
        var length = Flexible ? CompactLength() : Int32();
        if (length == -1) return 0;
        return length >= 0 && length <= Remaining ? length : throw new MalformedException($"records of {length} bytes, {Remaining} are left");
    }

    /// <summary>The next bytes, as many as the span has room for.</summary>
    public void Read(Span<byte> to)
    {
        if (to.Length > Remaining) throw new MalformedException($"a response ends where {to.Length} more bytes were expected, {Remaining} are left");
        Remaining -= to.Length;
        var buffered = Math.Min(to.Length, _filled - _at);
        _buffer.AsSpan(_at, buffered).CopyTo(to);
        _at += buffered;
        to = to[buffered..];
        while (!to.IsEmpty) to = to[Receive(to)..];
    }

    public void Skip(int count)
    {
        if (count < 0 || count > Remaining) throw new MalformedException($"{count} bytes are to be stepped over, {Remaining} are left");
        for (; count > 0; count -= Math.Min(count, _buffer.Length)) Take(Math.Min(count, _buffer.Length));
    }

    /// <summary>Steps over an array of numbers.</summary>
    public void SkipInt32Array() => Skip(Count(4) * 4);

    /// <summary>Tagged fields that nobody asks for; nothing in classic versions.</summary>
    public void Tags()
    {
        if (!Flexible) return;
        for (var left = TagCount(); left > 0; left--)
        {
            _ = UVarInt();
            Skip(TagSize());
        }
    }

    /// <summary>How many tagged fields follow, each a number (<see cref="UVarInt"/>), a size (<see cref="TagSize"/>) and so many bytes.</summary>
    public uint TagCount()
    {
        var count = UVarInt();
        return count <= (uint)Remaining / 2 ? count : throw new MalformedException($"{count} tagged fields, {Remaining} bytes are left");
    }

    public int TagSize()
    {
        var size = UVarInt();
        return size <= (uint)Remaining ? (int)size : throw new MalformedException($"a tagged field of {size} bytes, {Remaining} are left");
    }
}
