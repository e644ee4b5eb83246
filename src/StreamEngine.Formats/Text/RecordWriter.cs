using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using StreamEngine.Core;
using StreamEngine.Formats.Json;

namespace StreamEngine.Formats.Text;

/// <summary>
/// Writes records of unknown length behind each other into an arena; each lies in one piece. Room is asked for in chunks, and a record that outgrows its chunk
/// moves to a larger one.
/// </summary>
internal unsafe struct RecordWriter(Arena arena)
{
    private const int Chunk = 1 << 16;

    private byte* _start;
    private byte* _next;
    private byte* _end;

    /// <summary>Where the next byte goes.</summary>
    public readonly byte* Next => _next;

    /// <summary>Bytes of the record so far.</summary>
    public readonly int Length => (int)(_next - _start);

    /// <summary>The record's bytes from there on.</summary>
    public readonly ReadOnlySpan<byte> Written(int from) => new(_start + from, Length - from);

    /// <summary>Ends the record and begins the next one. An empty record has a pointer all the same: a client takes none for null.</summary>
    public Bytes Take()
    {
        Reserve(1);
        var record = new Bytes(_start, (int)(_next - _start));
        _start = _next;
        return record;
    }

    /// <summary>Makes room for so many bytes more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Reserve(long bytes)
    {
        if (_end - _next < bytes) Move(bytes);
    }

    private void Move(long bytes)
    {
        var written = _next - _start;
        var size = Math.Max(Chunk, 2 * (written + bytes));
        if (size > int.MaxValue / 2) size = Math.Max(written + bytes, int.MaxValue / 2);
        if (size > int.MaxValue - 1024) throw new InvalidOperationException($"a record of more than {written} bytes cannot be written");
        var chunk = arena.AllocateBytes((int)size);
        Buffer.MemoryCopy(_start, chunk, size, written);
        _start = chunk;
        _next = chunk + written;
        _end = chunk + size;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Advance(int bytes) => _next += bytes;

    /// <summary>A byte, for which there is room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(byte value) => *_next++ = value;

    /// <summary>Bytes as they are.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(new Span<byte>(_next, bytes.Length));
        _next += bytes.Length;
    }

    /// <summary>The room that was reserved, as a span for formatters.</summary>
    public readonly Span<byte> Room => new(_next, (int)(_end - _next));

    /// <summary>Text in quotes with the escapes that RFC 8259 demands; UTF-8 passes through.</summary>
    public void WriteQuoted(byte* from, int length)
    {
        Reserve((long)length + 2 + Vector256<byte>.Count);
        *_next++ = (byte)'"';
        var end = from + length;
        while (from < end)
        {
            var v = Vector256.Load(from);
            v.Store(_next);
            var mask = JsonText.SpecialOf(v);
            var clean = mask == 0 ? Vector256<byte>.Count : BitOperations.TrailingZeroCount(mask);
            if (clean >= end - from)
            {
                _next += end - from;
                break;
            }
            from += clean;
            _next += clean;
            if (mask == 0) continue;
            Escape(*from++);
            // What is left may have to be written with room for a vector behind it.
            Reserve(end - from + 1 + Vector256<byte>.Count);
        }
        Reserve(1);
        *_next++ = (byte)'"';
    }

    private void Escape(byte value)
    {
        Reserve(6);
        *_next++ = (byte)'\\';
        var letter = value switch
        {
            (byte)'"' or (byte)'\\' => (char)value,
            (byte)'\b' => 'b',
            (byte)'\f' => 'f',
            (byte)'\n' => 'n',
            (byte)'\r' => 'r',
            (byte)'\t' => 't',
            _ => 'u',
        };
        *_next++ = (byte)letter;
        if (letter != 'u') return;
        *_next++ = (byte)'0';
        *_next++ = (byte)'0';
        *_next++ = (byte)('0' + (value >> 4));
        *_next++ = "0123456789abcdef"u8[value & 15];
    }
}
