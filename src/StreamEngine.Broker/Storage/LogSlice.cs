using Microsoft.Win32.SafeHandles;

namespace StreamEngine.Broker.Storage;

/// <summary>A piece of a log that does not change any more: memory, or a region of a segment file that is read when it is sent, outside of the broker's lock.</summary>
internal readonly struct LogSlice
{
    private readonly SafeFileHandle? _file;
    private readonly long _position;

    public LogSlice(ReadOnlyMemory<byte> memory)
    {
        Memory = memory;
        Length = memory.Length;
    }

    public LogSlice(SafeFileHandle file, long position, int length)
    {
        _file = file;
        _position = position;
        Length = length;
    }

    public ReadOnlyMemory<byte> Memory { get; }

    public int Length { get; }

    public bool IsMemory => _file is null;

    /// <summary>Copies the part from <paramref name="from"/> on into <paramref name="target"/>, whole.</summary>
    public void CopyTo(Span<byte> target, int from = 0)
    {
        if (_file is null)
        {
            Memory.Span.Slice(from, target.Length).CopyTo(target);
            return;
        }
        var done = 0;
        while (done < target.Length)
        {
            var read = RandomAccess.Read(_file, target[done..], _position + from + done);
            if (read == 0) throw new IOException($"a segment file ends at {_position + from + done}, before the data that its index names");
            done += read;
        }
    }
}
