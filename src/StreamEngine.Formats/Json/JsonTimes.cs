using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using StreamEngine.Core;

namespace StreamEngine.Formats.Json;

/// <summary>
/// Timestamps of fixed positions, and those of ISO 8601 in UTC with or without a fraction. Times of a stream follow close upon each other: the last minute that was
/// read is known by its sixteen bytes, which saves the
/// calendar. Whatever it does not read is left to the general parser.
/// </summary>
internal sealed unsafe class JsonTimes
{
    private const int MinuteLength = 16;
    private const int SecondLength = 19;

    private static readonly FixedTimestamp IsoMinute = TimestampPattern.TryCompile("yyyy-MM-dd'T'HH:mm", out _)!.Fixed!;

    private Vector128<byte> _minute;
    private long _minuteMicros;
    private FixedTimestamp? _minuteOf;

    /// <summary>Reads a text from behind its opening quote into the step's column; returns what is behind its closing quote, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Read(ref JsonStep step, byte* text, byte* end, int row)
    {
        long micros;
        byte* rest;
        if (step.IsIso)
        {
            if (!TryMinute(IsoMinute, text)) return null;
            rest = Seconds(text, out micros);
            if (rest is null) return null;
            micros += _minuteMicros;
        }
        else
        {
            var length = step.Time!.Length;
            if (length == MinuteLength)
            {
                if (!TryMinute(step.Time, text)) return null;
                micros = _minuteMicros;
            }
            else if (!step.Time.TryParse(text, length, out micros)) return null;
            rest = text + length;
        }
        // What ran into the next record is no text of this one.
        if (*rest != '"' || rest >= end) return null;
        ((long*)step.Values)[row & step.SlotMask] = micros;
        return rest + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryMinute(FixedTimestamp form, byte* text)
    {
        var minute = Vector128.Load(text);
        if (minute == _minute && form == _minuteOf) return true;
        return TryNewMinute(form, text, minute);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryNewMinute(FixedTimestamp form, byte* text, Vector128<byte> minute)
    {
        if (!form.TryParse(text, MinuteLength, out var micros)) return false;
        (_minute, _minuteMicros, _minuteOf) = (minute, micros, form);
        return true;
    }

    /// <summary>:ss, perhaps a point and one to six digits, and Z.</summary>
    private static byte* Seconds(byte* text, out long micros)
    {
        micros = 0;
        var tens = (uint)(text[17] - '0');
        var ones = (uint)(text[18] - '0');
        if (text[MinuteLength] != ':' || tens > 5 || ones > 9) return null;
        micros = (tens * 10 + ones) * Calendar.MicrosPerSecond;
        var p = text + SecondLength;
        if (*p == '.')
        {
            var digits = JsonNumbers.Fraction(p + 1, out var fraction);
            if (digits == 0) return null;
            micros += fraction;
            p += 1 + digits;
        }
        return *p == 'Z' ? p + 1 : null;
    }
}
