using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace StreamEngine.Broker.Protocol;

/// <summary>
/// Reads the primitive types of the Kafka protocol. Whether strings, arrays and bytes have the classic or the compact form (KIP-482) is a property of the
/// request's version, so it is set once. Every length and count is held against the bytes that are left before anything is allocated.
/// </summary>
internal ref struct ProtocolReader(ReadOnlyMemory<byte> data)
{
    private readonly ReadOnlyMemory<byte> _memory = data;
    private readonly ReadOnlySpan<byte> _span = data.Span;
    private int _position;

    public delegate T ItemReader<T>(ref ProtocolReader reader);

    public short Version { get; set; }

    public bool Flexible { get; set; }

    /// <summary>How many items all arrays together may have; what a few bytes an item would make of a large request has to be bounded.</summary>
    public int ItemsLeft { get; set; } = int.MaxValue;

    public readonly int Position => _position;

    public readonly int Remaining => _span.Length - _position;

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > Remaining) throw new ProtocolException($"needs {count} bytes at position {_position}, {Remaining} are left");
        var part = _span.Slice(_position, count);
        _position += count;
        return part;
    }

    public byte UInt8() => Take(1)[0];

    public sbyte Int8() => (sbyte)Take(1)[0];

    public bool Bool() => Take(1)[0] != 0;

    public short Int16() => BinaryPrimitives.ReadInt16BigEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

    public Guid Uuid() => new(Take(16), bigEndian: true);

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
        throw new ProtocolException($"a varint before position {_position} is longer than 32 bits");
    }

    /// <summary>Zigzag varint of up to 64 bits, as in records (lengths, deltas).</summary>
    public long VarLong()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var b = Take(1)[0];
            if (shift == 63 && b > 1) break;
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return (long)(value >> 1) ^ -(long)(value & 1);
        }
        throw new ProtocolException($"a varint before position {_position} is longer than 64 bits");
    }

    private int CompactLength()
    {
        var value = UVarInt();
        if (value > int.MaxValue) throw new ProtocolException($"a compact length of {value} before position {_position}");
        return (int)value - 1;
    }

    public string String() => NullableString() ?? throw new ProtocolException($"a string before position {_position} is null where it must not be");

    public string? NullableString() => Text(Flexible ? CompactLength() : Int16());

    /// <summary>The classic form whatever the version: the client id of the request header.</summary>
    public string? ClassicNullableString() => Text(Int16());

    private string? Text(int length)
    {
        if (length == -1) return null;
        if (length < 0 || length > short.MaxValue) throw new ProtocolException($"a string of length {length} before position {_position}");
        var bytes = Take(length);
        if (!Utf8.IsValid(bytes)) throw new ProtocolException($"a string before position {_position} is not UTF-8");
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>A slice of the request: valid as long as the request's buffer is.</summary>
    public ReadOnlyMemory<byte>? NullableBytes()
    {
        var length = Flexible ? CompactLength() : Int32();
        if (length == -1) return null;
        if (length < 0 || length > Remaining) throw new ProtocolException($"bytes of length {length} at position {_position}, {Remaining} are left");
        var part = _memory.Slice(_position, length);
        _position += length;
        return part;
    }

    public ReadOnlyMemory<byte> Bytes() => NullableBytes() ?? throw new ProtocolException($"bytes before position {_position} are null where they must not be");

    /// <summary>The count of an array, -1 for null; each item takes at least one byte, so a count above what is left is a lie.</summary>
    private int Count()
    {
        var count = Flexible ? CompactLength() : Int32();
        if (count < -1 || count > Remaining) throw new ProtocolException($"an array of {count} items at position {_position}, {Remaining} bytes are left");
        return count;
    }

    public List<T>? NullableArray<T>(ItemReader<T> item)
    {
        var count = Count();
        if (count == -1) return null;
        if (count > ItemsLeft) throw new ProtocolException($"an array of {count} items at position {_position}: only {ItemsLeft} more are allowed in this request");
        ItemsLeft -= count;
        // Items are usually longer than a byte, so a large claimed count grows the list only as fast as bytes prove it.
        var list = new List<T>(Math.Min(count, 256));
        for (var i = 0; i < count; i++) list.Add(item(ref this));
        return list;
    }

    public List<T> Array<T>(ItemReader<T> item) =>
        NullableArray(item) ?? throw new ProtocolException($"an array before position {_position} is null where it must not be");

    public List<int> Int32Array() => Array(static (ref ProtocolReader r) => r.Int32());

    public List<string> StringArray() => Array(static (ref ProtocolReader r) => r.String());

    /// <summary>Tagged fields: this broker needs none of them, so they are stepped over; nothing in classic versions.</summary>
    public void Tags()
    {
        if (!Flexible) return;
        var count = UVarInt();
        if (count > (uint)Remaining) throw new ProtocolException($"{count} tagged fields at position {_position}, {Remaining} bytes are left");
        for (uint i = 0; i < count; i++)
        {
            _ = UVarInt();
            var size = UVarInt();
            if (size > (uint)Remaining) throw new ProtocolException($"a tagged field of {size} bytes at position {_position}, {Remaining} are left");
            _position += (int)size;
        }
    }

    /// <summary>
    /// The last tags of a request. Bytes after it are ignored, as Kafka does: librdkafka ends a flexible Metadata request for all topics with three
    /// bytes too many.
    /// </summary>
    public void End() => Tags();
}
