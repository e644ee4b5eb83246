using System.Buffers.Binary;

namespace StreamEngine.Core;

/// <summary>
/// The headers of a record as one run of bytes, in their order: per header the length of its name, the name, the length of its value (-1: null), the value; lengths are
/// 32-bit little-endian. Names may repeat. No headers: no bytes.
/// </summary>
internal static class RecordHeaders
{
    /// <summary>Bytes that one header takes.</summary>
    public static int SizeOf(int nameLength, int valueLength) => 8 + nameLength + Math.Max(valueLength, 0);

    /// <summary>Writes a header and returns what is left of the buffer.</summary>
    public static Span<byte> Write(Span<byte> to, scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value, bool isNull = false)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to, name.Length);
        name.CopyTo(to[4..]);
        to = to[(4 + name.Length)..];
        BinaryPrimitives.WriteInt32LittleEndian(to, isNull ? -1 : value.Length);
        if (isNull) return to[4..];
        value.CopyTo(to[4..]);
        return to[(4 + value.Length)..];
    }

    /// <summary>Goes through the headers in order.</summary>
    public static Enumerator Read(ReadOnlySpan<byte> headers) => new(headers);

    /// <summary>The value of the last header of that name; false when there is none.</summary>
    public static bool TryGetLast(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        var found = false;
        foreach (var header in Read(headers))
        {
            if (!header.Name.SequenceEqual(name)) continue;
            value = header.Value;
            found = true;
        }
        return found;
    }

    /// <summary>One header.</summary>
    internal readonly ref struct Header(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool isNull)
    {
        public ReadOnlySpan<byte> Name { get; } = name;

        public ReadOnlySpan<byte> Value { get; } = value;

        public bool IsNull { get; } = isNull;
    }

    /// <summary>Steps through encoded headers.</summary>
    internal ref struct Enumerator(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public Header Current { get; private set; }

        public readonly Enumerator GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_rest.Length < 8) return false;
            var nameLength = BinaryPrimitives.ReadInt32LittleEndian(_rest);
            var name = _rest.Slice(4, nameLength);
            _rest = _rest[(4 + nameLength)..];
            var valueLength = BinaryPrimitives.ReadInt32LittleEndian(_rest);
            Current = new Header(name, valueLength < 0 ? default : _rest.Slice(4, valueLength), valueLength < 0);
            _rest = _rest[(4 + Math.Max(valueLength, 0))..];
            return true;
        }
    }
}
