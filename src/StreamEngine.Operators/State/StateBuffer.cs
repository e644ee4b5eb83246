using System.Runtime.CompilerServices;

namespace StreamEngine.Operators.State;

/// <summary>Bytes of state on their way out: a managed buffer that is reused from epoch to epoch.</summary>
internal sealed class StateBuffer
{
    private byte[] _bytes = new byte[4096];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Drops what was written behind this length.</summary>
    public void Truncate(int length) => Length = length;

    public void Put<T>(T value)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        Reserve(size);
        Unsafe.WriteUnaligned(ref _bytes[Length], value);
        Length += size;
    }

    public void Put(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    private void Reserve(int size)
    {
        if (Length + size > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + size));
    }
}

/// <summary>Reads state back; running past its end is a torn piece and throws.</summary>
internal ref struct StateReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly bool AtEnd => _rest.IsEmpty;

    public T Get<T>()
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        if (_rest.Length < size) throw new FormatException("a piece of operator state ends inside of a value");
        var value = Unsafe.ReadUnaligned<T>(ref Unsafe.AsRef(in _rest[0]));
        _rest = _rest[size..];
        return value;
    }

    public ReadOnlySpan<byte> Get(int length)
    {
        if (length < 0 || _rest.Length < length) throw new FormatException("a piece of operator state ends inside of a value");
        var bytes = _rest[..length];
        _rest = _rest[length..];
        return bytes;
    }
}
