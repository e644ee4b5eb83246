using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Text.Unicode;
using StreamEngine.Core;
using StreamEngine.Formats.Columns;

namespace StreamEngine.Formats.Json;

/// <summary>
/// Reads records by a predicted shape. Whatever it does not expect it hands to the general parser, one value (a null, an escape, 1e2) or the rest of the record (a
/// key elsewhere), so that both accept and refuse the same.
/// </summary>
internal sealed unsafe class JsonFastReader(ColumnBuilder root, JsonRecordReader reader)
{
    internal enum Outcome : byte
    {
        /// <summary>Read as predicted; refusals may have been noted.</summary>
        Hit,

        /// <summary>Read, but not as predicted.</summary>
        Missed,

        /// <summary>It is no JSON object.</summary>
        Failed,
    }

    /// <summary>Predicted fields that may be left out before the rest of the record goes to the general parser.</summary>
    private const int MaxLeftOut = 3;

    private readonly JsonTimes _times = new();
    private int[] _leftOut = new int[16];
    private int _left;

    public Outcome Read(JsonShape shape, byte* start, byte* end, int row)
    {
        ref var steps = ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(shape.Steps);
        var count = shape.Count;
        var p = start;
        _left = 0;
        for (var i = 0; i < count; i++)
        {
            ref var step = ref Unsafe.Add(ref steps, i);
            // Nothing beyond the record is taken for a part of it: what a value ran into is found here, or at the tail.
            if (end - p <= step.Length || !step.IsAt(p))
            {
                var left = i == 0 ? 0 : LeftOut(shape, i, p, end);
                if (left == 0) return General(shape, i, p, row);
                for (; left > 0; left--) LeaveOut(i++);
                step = ref Unsafe.Add(ref steps, i);
            }
            p += step.Length;
            var value = p;
            if (step.Kind == StepKind.Utf8)
            {
                if (*value == '"' && (p = Text(value + 1, end, (Utf8View*)step.Values + (row & step.SlotMask))) is not null) continue;
            }
            else if (step.Kind == StepKind.Integer)
            {
                p = JsonNumbers.Integer(value, out var integer);
                if (p is not null && *p is (byte)',' or (byte)'}' && (ulong)(integer - step.Least) <= step.Range)
                {
                    if (step.IsInt32) ((int*)step.Values)[row & step.SlotMask] = (int)integer;
                    else ((long*)step.Values)[row & step.SlotMask] = integer * step.Factor;
                    continue;
                }
            }
            else if (step.Kind == StepKind.Fixed)
            {
                if (*value == '"' && (p = _times.Read(ref step, value + 1, end, row)) is not null) continue;
            }
            p = Other(ref step, value, end, row);
            if (p is null) return Outcome.Failed;
        }
        if (end - p != shape.Tail.Length || !shape.Tail.IsAt(p)) return General(shape, count, p, row);
        foreach (var column in shape.Absent) reader.Missing(root.Children[column], row);
        for (var i = 0; i < _left; i++)
            if (shape.Steps[_leftOut[i]].Column is >= 0 and var column) reader.Missing(root.Children[column], row);
        return Outcome.Hit;
    }

    /// <summary>A value that is not among the usual ones; null when it is no JSON.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* Other(ref JsonStep step, byte* value, byte* end, int row)
    {
        value = JsonText.SkipSpace(value, end);
        return step.Column < 0 ? reader.SkipMember(value) : reader.Value(root.Children[step.Column], row, value, 1);
    }

    /// <summary>A string without escapes, in ASCII or valid UTF-8, from behind its opening quote; null for any other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Text(byte* from, byte* end, Utf8View* to)
    {
        var p = from;
        uint high = 0;
        while (true)
        {
            var v = Vector256.Load(p);
            var mask = JsonText.SpecialOf(v);
            if (mask == 0)
            {
                high |= v.ExtractMostSignificantBits();
                p += Vector256<byte>.Count;
                if (p >= end) return null;
                continue;
            }
            // The bits below the lowest one that is set: bytes of the string.
            high |= v.ExtractMostSignificantBits() & (mask ^ (mask - 1)) >> 1;
            p += BitOperations.TrailingZeroCount(mask);
            break;
        }
        if (*p != '"' || p >= end) return null;
        if (high != 0 && !Utf8.IsValid(new ReadOnlySpan<byte>(from, (int)(p - from)))) return null;
        Utf8View.Store(to, from, (int)(p - from));
        return p + 1;
    }

    /// <summary>How many predicted fields the record leaves out before its next key; 0 when that is none of the next ones, and it has not ended.</summary>
    private static int LeftOut(JsonShape shape, int at, byte* p, byte* end)
    {
        for (var n = 1; n <= MaxLeftOut && at + n < shape.Count; n++)
        {
            ref var step = ref shape.Steps[at + n];
            if (end - p > step.Length && step.IsAt(p)) return n;
        }
        return 0;
    }

    private void LeaveOut(int step)
    {
        if (_left == _leftOut.Length) Array.Resize(ref _leftOut, _left * 2);
        _leftOut[_left++] = step;
    }

    /// <summary>Lets the general parser read on behind the fields before this one. Those that were left out are missing unless they come yet.</summary>
    private Outcome General(JsonShape shape, int done, byte* p, int row)
    {
        if (done == 0 || reader.IsStrict)
        {
            reader.Refusals.Clear();
            return reader.Record(row) ? Outcome.Missed : Outcome.Failed;
        }
        for (int i = 0, skip = 0; i < done; i++)
        {
            if (skip < _left && _leftOut[skip] == i) skip++;
            else if (shape.Steps[i].Column is >= 0 and var column) root.Children[column].Seen = reader.RecordNumber;
        }
        return reader.Continue(row, p) ? Outcome.Missed : Outcome.Failed;
    }
}
