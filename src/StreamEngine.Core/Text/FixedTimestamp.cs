using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamEngine.Core;

/// <summary>
/// A timestamp pattern whose parts stand at fixed positions in at most 32 bytes: the whole text is checked by one vector compare for its literals and one for its
/// digits, and what is left is arithmetic.
/// </summary>
internal sealed unsafe class FixedTimestamp
{
    public const int MaxLength = 32;

    private readonly Vector256<byte> _literals;
    private readonly Vector256<byte> _isLiteral;
    private readonly Vector256<byte> _isDigit;
    private readonly int _year = -1;
    private readonly int _month = -1;
    private readonly int _day = -1;
    private readonly int _hour = -1;
    private readonly int _minute = -1;
    private readonly int _second = -1;
    private readonly int _fraction = -1;
    private readonly int _fractionDigits;

    private FixedTimestamp(int length, ReadOnlySpan<byte> literals, ReadOnlySpan<byte> isLiteral, ReadOnlySpan<byte> isDigit, ReadOnlySpan<int> at, int fractionDigits)
    {
        Length = length;
        _literals = Vector256.Create(literals);
        _isLiteral = Vector256.Create(isLiteral);
        _isDigit = Vector256.Create(isDigit);
        (_year, _month, _day, _hour, _minute, _second, _fraction) = (at[0], at[1], at[2], at[3], at[4], at[5], at[6]);
        _fractionDigits = fractionDigits;
    }

    public int Length { get; }

    /// <summary>
    /// Compiles parts in their order: 'y', 'M', 'd', 'H', 'm', 's' or 'S' with a number of digits, or a literal ('\0'). Null when they do not stand at fixed
    /// positions, or one comes twice.
    /// </summary>
    public static FixedTimestamp? TryCompile(IEnumerable<(char Part, int Length, byte[] Text)> parts)
    {
        Span<byte> literals = stackalloc byte[MaxLength];
        Span<byte> isLiteral = stackalloc byte[MaxLength];
        Span<byte> isDigit = stackalloc byte[MaxLength];
        literals.Clear();
        isLiteral.Clear();
        isDigit.Clear();
        Span<int> at = [-1, -1, -1, -1, -1, -1, -1];
        var length = 0;
        var fraction = 0;
        foreach (var (part, size, text) in parts)
        {
            var bytes = part == '\0' ? text.Length : size;
            if (length + bytes > MaxLength) return null;
            if (part == '\0')
            {
                text.CopyTo(literals[length..]);
                isLiteral.Slice(length, bytes).Fill(0xFF);
            }
            else
            {
                var index = "yMdHmsS".IndexOf(part, StringComparison.Ordinal);
                if (index < 0 || at[index] >= 0) return null;
                at[index] = length;
                isDigit.Slice(length, bytes).Fill(0xFF);
                if (part == 'S') fraction = size;
            }
            length += bytes;
        }
        return at[0] < 0 ? null : new FixedTimestamp(length, literals, isLiteral, isDigit, at, fraction);
    }

    /// <summary>Parses the whole of a text, behind whose start 32 bytes must be readable.</summary>
    public bool TryParse(byte* text, int length, out long micros)
    {
        micros = 0;
        if (length != Length) return false;
        var v = Vector256.Load(text);
        var digits = v - Vector256.Create((byte)'0');
        var wrong = ((v ^ _literals) & _isLiteral) | (Vector256.GreaterThan(digits, Vector256.Create((byte)9)) & _isDigit);
        if (wrong != Vector256<byte>.Zero) return false;
        var year = Two(text + _year) * 100 + Two(text + _year + 2);
        var month = _month < 0 ? 1 : Two(text + _month);
        var day = _day < 0 ? 1 : Two(text + _day);
        var hour = _hour < 0 ? 0 : Two(text + _hour);
        var minute = _minute < 0 ? 0 : Two(text + _minute);
        var second = _second < 0 ? 0 : Two(text + _second);
        // 28 days has every month: the calendar is asked for the others only.
        if ((uint)(month - 1) > 11 || day < 1 || (day > 28 && day > Calendar.DaysInMonth(year, month)) || year == 0) return false;
        if (hour > 23 || minute > 59 || second > 59) return false;
        micros = (Calendar.ToDays(year, month, day) * 86_400L + (hour * 3600 + minute * 60 + second)) * Calendar.MicrosPerSecond;
        if (_fraction >= 0) micros += TimeText.FractionMicros(new ReadOnlySpan<byte>(text + _fraction, _fractionDigits));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Two(byte* p) => p[0] * 10 + p[1] - ('0' * 11);
}
