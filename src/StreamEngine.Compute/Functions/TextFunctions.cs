using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Functions that make and measure texts. A character is a code point; positions count from 1.</summary>
internal static class TextFunctions
{
    private const TypeKind Text = TypeKind.Utf8;
    private const TypeKind Int = TypeKind.Int32;

    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("concat", "All arguments as one text; nulls count as empty.", "concat('a', NULL, 1)", "a1") { Form = "concat(any, ..)", Bind = ConcatNode.Bind },
        new("concat_ws", "The arguments behind the first as one text, with the first between them; nulls are left out.", "concat_ws('-', 'a', NULL, 'b')",
            "a-b") { Form = "concat_ws(STRING, any, ..)", Bind = ConcatNode.BindWithSeparator },
        new("lower", "In lower case, character by character.", "lower('ÄB')", "äb", () => [Define.Unary<Utf8View, Utf8View, LowerOp>(Text, DataType.Utf8)]),
        new("upper", "In upper case, character by character.", "upper('äb')", "ÄB", () => [Define.Unary<Utf8View, Utf8View, UpperOp>(Text, DataType.Utf8)]),
        new("initcap", "Each word with a capital at its start.", "initcap('new YORK')", "New York",
            () => [Define.Unary<Utf8View, Utf8View, InitcapOp>(Text, DataType.Utf8)]),
        new("btrim", "Without the blanks, or the given characters, at both ends; TRIM(BOTH 'x' FROM s) is the same.", "btrim('xxaxx', 'x')", "a",
            () => Trim<BothEnds>()) { Aliases = ["trim"] },
        new("ltrim", "Without the blanks, or the given characters, at the start.", "ltrim('  a ')", "a ", () => Trim<LeftEnd>()),
        new("rtrim", "Without the blanks, or the given characters, at the end.", "rtrim(' a  ')", " a", () => Trim<RightEnd>()),
        new("substring", "The characters from a position on, or so many of them; SUBSTRING(s FROM 2 FOR 3) is the same.", "substring('stream', 2, 3)", "tre",
            () => [Define.Binary<Utf8View, int, Utf8View, SubstringFrom>(Text, Int, DataType.Utf8),
            Define.Ternary<Utf8View, int, int, Utf8View, SubstringFor>(Text, Int, Int, DataType.Utf8)]) { Aliases = ["substr"] },
        new("left", "The first characters; without the last ones for a negative number.", "left('stream', -2)", "stre", () => [Define.Binary<Utf8View, int, Utf8View,
            LeftOp>(Text, Int, DataType.Utf8)]),
        new("right", "The last characters; without the first ones for a negative number.", "right('stream', 2)", "am", () => [Define.Binary<Utf8View, int, Utf8View,
            RightOp>(Text, Int, DataType.Utf8)]),
        new("lpad", "Filled up at the start to a length with blanks or a text; a longer one is cut.", "lpad('7', 3, '0')", "007",
            () => [Define.Binary<Utf8View, int, Utf8View, PadBlanks<LeftEnd>>(Text, Int, DataType.Utf8), Define.Ternary<Utf8View, int, Utf8View, Utf8View,
                PadOp<LeftEnd>>(Text, Int, Text, DataType.Utf8)]),
        new("rpad", "Filled up at the end to a length with blanks or a text; a longer one is cut.", "rpad('7', 3, '.')", "7..",
            () => [Define.Binary<Utf8View, int, Utf8View, PadBlanks<RightEnd>>(Text, Int, DataType.Utf8), Define.Ternary<Utf8View, int, Utf8View, Utf8View,
                PadOp<RightEnd>>(Text, Int, Text, DataType.Utf8)]),
        new("repeat", "The text so many times.", "repeat('ab', 2)", "abab", () => [Define.Binary<Utf8View, int, Utf8View, RepeatOp>(Text, Int, DataType.Utf8)]),
        new("reverse", "The characters in reverse order.", "reverse('abc')", "cba", () => [Define.Unary<Utf8View, Utf8View, ReverseOp>(Text, DataType.Utf8)]),
        new("length", "The number of characters; of a BINARY, of bytes.", "length('日本')", "2",
            () => [Define.Unary<Utf8View, int, LengthOp>(Text, DataType.Int32), Define.Unary<Utf8View, int,
                OctetsOp>(TypeKind.Binary, DataType.Int32)]) { Aliases = ["char_length", "character_length"] },
        new("octet_length", "The number of bytes.", "octet_length('日本')", "6",
            () => [Define.Unary<Utf8View, int, OctetsOp>(Text, DataType.Int32), Define.Unary<Utf8View, int, OctetsOp>(TypeKind.Binary, DataType.Int32)]),
        new("ascii", "The code of the first character; 0 for an empty text.", "ascii('A')", "65", () => [Define.Unary<Utf8View, int, AsciiOp>(Text, DataType.Int32)]),
        new("chr", "The character of a code.", "chr(65)", "A", () => [Define.Unary<int, Utf8View, ChrOp>(Int, DataType.Utf8)]),
        new("md5", "The MD5 digest, in hexadecimal.", "md5('')", "d41d8cd98f00b204e9800998ecf8427e",
            () => [Define.Unary<Utf8View, Utf8View, Md5Op>(Text, DataType.Utf8), Define.Unary<Utf8View, Utf8View, Md5Op>(TypeKind.Binary, DataType.Utf8)]),
        new("to_hex", "The number in hexadecimal.", "to_hex(255)", "ff", () => [Define.Unary<int, Utf8View, HexInt32>(Int, DataType.Utf8), Define.Unary<long, Utf8View,
            HexInt64>(TypeKind.Int64, DataType.Utf8)]),
    ];

    private static Overload[] Trim<TEnd>() where TEnd : struct, IEnd =>
    [
        Define.Unary<Utf8View, Utf8View, TrimBlanks<TEnd>>(Text, DataType.Utf8),
        Define.Binary<Utf8View, Utf8View, Utf8View, TrimOp<TEnd>>(Text, Text, DataType.Utf8),
    ];
}
