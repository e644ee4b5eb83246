using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamEngine.Formats.Csv;

/// <summary>Why bytes are no CSV record.</summary>
internal enum CsvError : byte
{
    None,
    FieldCount,
    StrayQuote,
    TextAfterQuote,
    UnterminatedQuote,
    LineBreak,
    InvalidUtf8,
}

/// <summary>Steps through the fields of a record (RFC 4180, strictly). Reads up to 32 bytes past its end, which lie in the same arena block.</summary>
internal unsafe ref struct CsvFields(byte* start, byte* end, byte delimiter, int quote)
{
    private readonly Vector256<byte> _delimiter = Vector256.Create(delimiter);
    private readonly Vector256<byte> _quote = Vector256.Create(quote < 0 ? (byte)'\n' : (byte)quote);
    private byte* _next = start;

    /// <summary>The field's text, without its quotes but with doubled ones in it (<see cref="Doubled"/>).</summary>
    public byte* From { get; private set; }

    public int Length { get; private set; }

    public bool Doubled { get; private set; }

    public CsvError Error { get; private set; }

    /// <summary>Goes to the next field; false at the end of the record, or at an error.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MoveNext()
    {
        // Behind the last field the position is one past the end, where a delimiter would have been.
        if (_next > end) return false;
        if (_next < end && *_next == quote) return Quoted();
        Doubled = false;
        From = _next;
        var p = _next;
        while (p < end)
        {
            var v = Vector256.Load(p);
            var mask = (Vector256.Equals(v, _delimiter) | Vector256.Equals(v, _quote) | Vector256.Equals(v, Vector256.Create((byte)'\n'))).ExtractMostSignificantBits();
            if (mask == 0)
            {
                p += Vector256<byte>.Count;
                continue;
            }
            p += BitOperations.TrailingZeroCount(mask);
            break;
        }
        if (p >= end) p = end;
        else if (*p != delimiter) return Fail(*p == '\n' ? CsvError.LineBreak : CsvError.StrayQuote);
        Length = (int)(p - From);
        _next = p + 1;
        return true;
    }

    private bool Quoted()
    {
        Doubled = false;
        From = _next + 1;
        var p = From;
        while (true)
        {
            var length = new ReadOnlySpan<byte>(p, (int)(end - p)).IndexOf((byte)quote);
            if (length < 0) return Fail(CsvError.UnterminatedQuote);
            p += length;
            if (p + 1 >= end || p[1] != quote) break;
            Doubled = true;
            p += 2;
        }
        if (p + 1 < end && p[1] != delimiter) return Fail(p[1] == '\n' ? CsvError.LineBreak : CsvError.TextAfterQuote);
        Length = (int)(p - From);
        _next = p + 2;
        return true;
    }

    private bool Fail(CsvError error)
    {
        Error = error;
        return false;
    }

    /// <summary>Copies the field with every doubled quote as one; returns the length.</summary>
    public readonly int Unquote(byte* to)
    {
        var at = to;
        for (var p = From; p < From + Length; p++)
        {
            *at++ = *p;
            if (*p == quote) p++;
        }
        return (int)(at - to);
    }
}
