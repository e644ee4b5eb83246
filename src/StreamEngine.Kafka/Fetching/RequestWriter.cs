using System.Buffers.Binary;
using System.Text;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Writes requests into one buffer that is used again for the next.</summary>
internal sealed class RequestWriter
{
    private const string ClientId = "streamengine";

    private byte[] _buffer = new byte[1024];
    private int _length;

    /// <summary>Strings, arrays and tags have the compact form (KIP-482).</summary>
    public bool Flexible { get; private set; }

    /// <summary>The request with its length in front.</summary>
    public ReadOnlySpan<byte> Finished
    {
        get
        {
            BinaryPrimitives.WriteInt32BigEndian(_buffer, _length - 4);
            return _buffer.AsSpan(0, _length);
        }
    }

    /// <summary>Forgets the request before and writes the header of a new one.</summary>
    public void Begin(short api, short version, int correlation, bool flexible)
    {
        _length = 0;
        Flexible = false;
        Int32(0);
        Int16(api);
        Int16(version);
        Int32(correlation);
        // The client id has the classic form in every version.
        String(ClientId);
        Flexible = flexible;
        Tags();
    }

    private Span<byte> Grow(int count)
    {
        if (_buffer.Length - _length < count) Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        var span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }

    public void Int8(sbyte value) => Grow(1)[0] = (byte)value;

    public void Bool(bool value) => Grow(1)[0] = value ? (byte)1 : (byte)0;

    public void Int16(short value) => BinaryPrimitives.WriteInt16BigEndian(Grow(2), value);

    public void Int32(int value) => BinaryPrimitives.WriteInt32BigEndian(Grow(4), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64BigEndian(Grow(8), value);

    public void Uuid(Guid value) => value.TryWriteBytes(Grow(16), bigEndian: true, out _);

    public void String(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        if (Flexible) UVarInt((uint)length + 1);
        else Int16(checked((short)length));
        Encoding.UTF8.GetBytes(value, Grow(length));
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        if (Flexible) UVarInt((uint)value.Length + 1);
        else Int32(value.Length);
        value.CopyTo(Grow(value.Length));
    }

    public void Count(int value)
    {
        if (Flexible) UVarInt((uint)value + 1);
        else Int32(value);
    }

    public void UVarInt(uint value)
    {
        for (; value >= 0x80; value >>= 7) Grow(1)[0] = (byte)(value | 0x80);
        Grow(1)[0] = (byte)value;
    }

    /// <summary>No tagged fields; nothing in classic versions.</summary>
    public void Tags()
    {
        if (Flexible) Grow(1)[0] = 0;
    }
}
