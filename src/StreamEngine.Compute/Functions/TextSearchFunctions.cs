using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Functions that search in texts.</summary>
internal static class TextSearchFunctions
{
    private const TypeKind Text = TypeKind.Utf8;

    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("strpos", "Where a text first stands in another, 0 where it does not; POSITION(part IN s) is the same.", "strpos('stream', 're')", "3",
            () => [Define.Binary<Utf8View, Utf8View, int, PositionOp>(Text, Text, DataType.Int32)]),
        new("starts_with", "Whether a text starts with another.", "starts_with('stream', 'str')", "true", () => [Define.Binary<Utf8View, Utf8View, byte,
            StartsOp>(Text, Text, DataType.Boolean)]),
        new("ends_with", "Whether a text ends with another.", "ends_with('stream', 'am')", "true", () => [Define.Binary<Utf8View, Utf8View, byte,
            EndsOp>(Text, Text, DataType.Boolean)]),
        new("replace", "Every occurrence of a text replaced by another.", "replace('a.b.c', '.', '/')", "a/b/c", () => [Define.Ternary<Utf8View, Utf8View, Utf8View, Utf8View,
            ReplaceOp>(Text, Text, Text, DataType.Utf8)]),
        new("translate", "Each character of a set replaced by the one at the same place of another, or taken out.", "translate('abc', 'ab', 'x')", "xc",
            () => [Define.Ternary<Utf8View, Utf8View, Utf8View, Utf8View, TranslateOp>(Text, Text, Text, DataType.Utf8)]),
        new("split_part", "The part of this number between separators, from 1, or from the end for a negative number; empty where there is none.",
            "split_part('a,b,c', ',', 2)", "b",
            () => [Define.Ternary<Utf8View, Utf8View, int, Utf8View, SplitPartOp>(Text, Text, TypeKind.Int32, DataType.Utf8)]),
        new("regexp_like", "Whether a regular expression (without back-references and look-around) matches somewhere; flags: i, n, x.",
            "regexp_like('flight 12', '[0-9]+$')", "true",
            () => [Define.Binary<Utf8View, Utf8View, byte, RegexLikeOp>(Text, Text, RegexPattern.Checked(DataType.Boolean), RegexPattern.Of),
            Define.Ternary<Utf8View, Utf8View, Utf8View, byte, RegexLikeFlagsOp>(Text, Text, Text, DataType.Boolean, RegexPattern.Of)]),
        new("regexp_replace", "The first match (with the flag g: every match) replaced; \\1 to \\9 are its groups, \\& the match.",
            "regexp_replace('a1b2', '[0-9]', '#', 'g')", "a#b#",
            () => [Define.Ternary<Utf8View, Utf8View, Utf8View, Utf8View, RegexReplaceOp>(Text, Text, Text, DataType.Utf8, RegexPattern.Of),
            new([Text, Text, Text, Text], RegexPattern.Checked(DataType.Utf8), RegexReplaceNode.Create)]),
        new("regexp_substr", "The first match, or that of a group (0: the whole match) where a number says so; null without one.",
            "regexp_substr('id=42', '=([0-9]+)', 1)", "42",
            () => [Define.Binary<Utf8View, Utf8View, Utf8View, RegexSubstrOp>(Text, Text, RegexPattern.Checked(DataType.Utf8), RegexPattern.Of, mayGiveNull: true),
            Define.Ternary<Utf8View, Utf8View, int, Utf8View,
                RegexSubstrGroupOp>(Text, Text, TypeKind.Int32, DataType.Utf8, RegexPattern.Of, mayGiveNull: true)]) { Aliases = ["regexp_extract"] },
    ];
}
