using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// The records of one batch that were not read yet, decompressed. Fields are read without a look at the end for each byte: behind a block of memory 64 bytes can be read,
/// more than the fields between two checks may take; every length is checked before it is stepped over.
/// </summary>
internal unsafe struct RecordStretch
{
    private const int SmallestRecord = 7;

    private readonly byte* _end;
    private readonly long _baseOffset;
    private readonly long _timestamp;
    private readonly int _lastDelta;
    private readonly bool _appendTime;
    private byte* _next;
    private int _left;
    private int _delta;

    public RecordStretch(in RecordBatchHead head, byte* records, byte* end)
    {
        _next = records;
        _end = end;
        _left = head.RecordCount;
        (_baseOffset, _lastDelta, _delta) = (head.BaseOffset, head.LastOffsetDelta, -1);
        _appendTime = head.IsLogAppendTime;
        _timestamp = _appendTime ? head.MaxTimestamp : head.BaseTimestamp;
        if ((long)_left * SmallestRecord > end - records)
            throw new MalformedException($"the batch at offset {_baseOffset} says that it has {_left} records in {end - records} bytes");
    }

    /// <summary>All its records were read.</summary>
    public readonly bool IsDone => _left == 0;

    public readonly int RecordsLeft => _left;

    public readonly long BytesLeft => _end - _next;

    /// <summary>The records have to end where the batch does.</summary>
    public readonly void CheckEnd()
    {
        if (_next != _end) throw new MalformedException($"the batch at offset {_baseOffset} has {_end - _next} bytes behind its last record");
    }

    /// <summary>
    /// Reads records into columns until those are full, the batch ends, or an offset is reached; records before the position are stepped over. Returns how many were
    /// read, stepped over or not, and sets the offset where the next one would stand.
    /// </summary>
    // Compiled once and whole: it runs for long from its first call on.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int ReadInto(ref RecordColumns columns, long position, long before, out long next)
    {
        var p = _next;
        var (delta, left, count, bytes) = (_delta, _left, columns.Count, columns.Bytes);
        byte* first = null;
        next = position;
        while (left > 0 && count < columns.Capacity)
        {
            var start = p;
            var size = VarInt(ref p);
            if (size < SmallestRecord - 1 || size > _end - p) throw Broken(delta, $"is {size} bytes long where {_end - p} are left");
            var end = p + size;
            p++;
            var timestamp = VarLong(ref p);
            var to = VarInt(ref p);
            if (to <= delta || to > _lastDelta) throw Broken(delta, $"stands at {_baseOffset + to}, the last one of its batch at {_baseOffset + _lastDelta}");
            var offset = _baseOffset + to;
            var keyLength = VarInt(ref p);
            if (keyLength < -1 || keyLength > end - p) throw Broken(delta, $"has a key of {keyLength} bytes");
            var key = keyLength < 0 ? null : p;
            p += Math.Max(keyLength, 0);
            var valueLength = VarInt(ref p);
            if (valueLength < -1 || valueLength > end - p) throw Broken(delta, $"has a value of {valueLength} bytes");
            var value = valueLength < 0 ? null : p;
            p += Math.Max(valueLength, 0);
            var headers = p;
            var headerCount = VarInt(ref p);
            if (headerCount == 0 ? p != end : headerCount < 0 || headerCount > (end - p) / 2) throw Broken(delta, $"has {headerCount} headers in {end - p} bytes");
            if (offset < position)
            {
                p = end;
                (delta, left) = (to, left - 1);
                continue;
            }
            bytes += Math.Max(keyLength, 0) + Math.Max(valueLength, 0) + (end - p);
            if (offset >= before || (bytes > columns.MostBytes && count > 0))
            {
                p = start;
                columns.IsFull = true;
                break;
            }
            if (first is null) first = start;
            columns.Offsets[count] = offset;
            columns.Timestamps[count] = _appendTime ? _timestamp : _timestamp + timestamp;
            columns.Keys[count] = new Bytes(key, keyLength);
            columns.Values[count] = new Bytes(value, valueLength);
            if (headerCount > 0) columns.AddHeaders(count, headers, end, offset);
            count++;
            next = offset + 1;
            p = end;
            (delta, left) = (to, left - 1);
        }
        var read = _left - left;
        if (first is not null) columns.Keep(count, bytes, first, p);
        _next = p;
        (_delta, _left) = (delta, left);
        return read;
    }

    private readonly MalformedException Broken(int delta, string what) => new($"the record behind offset {_baseOffset + delta} {what}");

    /// <summary>A zigzag varint of up to five bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int VarInt(ref byte* p)
    {
        uint value = *p++;
        if (value >= 0x80)
        {
            // Two bytes are as usual as one: lengths from 64 on.
            uint second = *p;
            if (second < 0x80)
            {
                value = value & 0x7F | second << 7;
                p++;
            }
            else value = LongVarInt(ref p, value);
        }
        return (int)(value >> 1) ^ -(int)(value & 1);
    }

    private static uint LongVarInt(ref byte* p, uint value)
    {
        value &= 0x7F;
        for (var shift = 7; shift < 35; shift += 7)
        {
            uint b = *p++;
            if (shift == 28 && b > 0x0F) break;
            value |= (b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new MalformedException("a number in a record is longer than 32 bits");
    }

    /// <summary>A zigzag varint of up to ten bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long VarLong(ref byte* p)
    {
        ulong value = *p++;
        if (value >= 0x80)
        {
            ulong second = *p;
            if (second < 0x80)
            {
                value = value & 0x7F | second << 7;
                p++;
            }
            else value = LongVarLong(ref p, value);
        }
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    private static ulong LongVarLong(ref byte* p, ulong value)
    {
        value &= 0x7F;
        for (var shift = 7; shift < 70; shift += 7)
        {
            ulong b = *p++;
            if (shift == 63 && b > 1) break;
            value |= (b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new MalformedException("a number in a record is longer than 64 bits");
    }
}
