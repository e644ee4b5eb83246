using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Protocol;

/// <summary>
/// Writes the primitive types of the Kafka protocol into one pooled buffer; record data is not copied: it is remembered as slices of the log, which
/// the finished <see cref="BrokerResponse"/> interleaves with the buffer.
/// </summary>
internal sealed class ProtocolWriter
{
    private readonly List<(int At, LogSlice Slice)> _slices = [];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(512);
    private int _length;
    private long _sliceBytes;

    public bool Flexible { get; set; }

    /// <summary>The most bytes, records not counted; more is a <see cref="ProtocolException"/>. A request that names one thing many times asks for it.</summary>
    public int MaxLength { get; init; } = int.MaxValue;

    public int Length => _length;

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    /// <summary>What was written so far, to patch a length or checksum into.</summary>
    public Span<byte> Writable => _buffer.AsSpan(0, _length);

    private Span<byte> Grow(int count)
    {
        if (_buffer.Length - _length < count)
        {
            if (count > MaxLength - _length) throw new ProtocolException($"the answer would be longer than {MaxLength} bytes");
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _length + count));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        var span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }

    public void Int8(sbyte value) => Grow(1)[0] = (byte)value;

    public void UInt8(byte value) => Grow(1)[0] = value;

    public void Bool(bool value) => Grow(1)[0] = value ? (byte)1 : (byte)0;

    public void Int16(short value) => BinaryPrimitives.WriteInt16BigEndian(Grow(2), value);

    public void Int32(int value) => BinaryPrimitives.WriteInt32BigEndian(Grow(4), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64BigEndian(Grow(8), value);

    public void Error(ErrorCode code) => Int16((short)code);

    public void Uuid(Guid value) => value.TryWriteBytes(Grow(16), bigEndian: true, out _);

    public void UVarInt(uint value)
    {
        while (value >= 0x80)
        {
            UInt8((byte)(value | 0x80));
            value >>= 7;
        }
        UInt8((byte)value);
    }

    /// <summary>Zigzag varint, as in records.</summary>
    public void VarLong(long value)
    {
        var z = (ulong)((value << 1) ^ (value >> 63));
        while (z >= 0x80)
        {
            UInt8((byte)(z | 0x80));
            z >>= 7;
        }
        UInt8((byte)z);
    }

    public void String(string value)
    {
        var size = Encoding.UTF8.GetByteCount(value);
        if (Flexible) UVarInt((uint)size + 1);
        else Int16(checked((short)size));
        Encoding.UTF8.GetBytes(value, Grow(size));
    }

    public void NullableString(string? value)
    {
        if (value is not null) String(value);
        else if (Flexible) UVarInt(0);
        else Int16(-1);
    }

    public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Grow(value.Length));

    public void Bytes(ReadOnlySpan<byte> value)
    {
        if (Flexible) UVarInt((uint)value.Length + 1);
        else Int32(value.Length);
        Raw(value);
    }

    /// <summary>The count that precedes the items of an array.</summary>
    public void Count(int count)
    {
        if (Flexible) UVarInt((uint)count + 1);
        else Int32(count);
    }

    public void NullArray()
    {
        if (Flexible) UVarInt(0);
        else Int32(-1);
    }

    public void Int32Array(IReadOnlyCollection<int> values)
    {
        Count(values.Count);
        foreach (var value in values) Int32(value);
    }

    /// <summary>Record data by reference, preceded by its length.</summary>
    public void Records(IReadOnlyList<LogSlice> slices)
    {
        long total = 0;
        foreach (var slice in slices) total += slice.Length;
        if (Flexible) UVarInt(checked((uint)total + 1));
        else Int32(checked((int)total));
        foreach (var slice in slices)
            if (slice.Length > 0) _slices.Add((_length, slice));
        _sliceBytes += total;
    }

    /// <summary>No tagged fields; nothing in classic versions.</summary>
    public void Tags()
    {
        if (Flexible) UInt8(0);
    }

    /// <summary>Ends the message: the first four bytes of the buffer, left free by the caller, become its length. The writer must not be used after it.</summary>
    public BrokerResponse Finish()
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer, checked((int)(_length - 4 + _sliceBytes)));
        var response = new BrokerResponse(_buffer, _length, _slices, _length + _sliceBytes);
        _buffer = [];
        _length = 0;
        return response;
    }

    /// <summary>Gives the buffer back without a message (the request failed, or wants no answer).</summary>
    public void Abandon()
    {
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _length = 0;
    }
}
