using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

/// <summary>What an operation on one row came to.</summary>
internal enum Outcome : byte
{
    /// <summary>The result was written.</summary>
    Value,

    /// <summary>The result is null.</summary>
    Null,

    /// <summary>It failed; the reason is <see cref="OpState.Error"/>.</summary>
    Fault,
}

/// <summary>What the operations of one node share from row to row: settings of the types, room for text, the reason of a failure.</summary>
internal sealed unsafe class OpState(string text)
{
    /// <summary>The longest text that a function makes: a batch has to stay a small unit of work, and repeat(s, 1000000000) must not end the process.</summary>
    public const int MaxText = 16 << 20;

    private const int MaxMessage = 300;
    private byte[] _buffer = new byte[256];
    private char[] _chars = [];

    public int ScaleA;
    public int ScaleB;
    public int Scale;
    public int Precision;

    /// <summary>Digits after the point to round to, where that differs by row.</summary>
    public int Digits;
    public DataType Type = DataType.Null;

    /// <summary>The function's own: a compiled pattern for example.</summary>
    public object? Extra;

    public string Error = "";

    /// <summary>Where the bytes of strings go.</summary>
    public Arena Output = null!;

    public Outcome Fail(string error)
    {
        Error = error;
        return Outcome.Fault;
    }

    public Outcome OutOfRange() => Fail($"{Type} out of range");

    /// <summary>The message of the last failure, which names the expression.</summary>
    public string Message()
    {
        var message = $"{Error} in {text}";
        return message.Length <= MaxMessage ? message : message[..MaxMessage] + "..";
    }

    /// <summary>Room for so many bytes, reused by the next call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Buffer(int bytes)
    {
        if (_buffer.Length < bytes) Array.Resize(ref _buffer, Math.Max(bytes, _buffer.Length * 2));
        return _buffer;
    }

    /// <summary>Room for so many UTF-16 units, reused by the next call.</summary>
    public char[] Chars(int count)
    {
        if (_chars.Length < count) _chars = new char[Math.Max(count, _chars.Length * 2)];
        return _chars;
    }

    /// <summary>Writes a copy of the bytes as the result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Outcome Text(ReadOnlySpan<byte> bytes, Utf8View* result)
    {
        *result = Utf8View.Copy(bytes, Output);
        return Outcome.Value;
    }

    /// <summary>Writes a part of an argument as the result: no bytes are copied unless they fit into the view.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Part(byte* bytes, int length, Utf8View* result)
    {
        *result = Utf8View.Of(bytes, length);
        return Outcome.Value;
    }

    public Outcome TooLong() => Fail($"the text is longer than {MaxText} bytes");
}
