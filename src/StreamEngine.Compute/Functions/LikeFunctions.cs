using System.Buffers;
using System.Text;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>LIKE and ILIKE. % is any text, _ any one character; the escape character is a backslash unless ESCAPE says otherwise.</summary>
internal static class LikeFunctions
{
    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("LIKE", "Whether a text has the form of a pattern: % is any text, _ one character.", "'stream' LIKE 's%m'", "true", () => Of(ignoreCase: false)),
        new("ILIKE", "LIKE without regard to case.", "'Stream' ILIKE 's%M'", "true", () => Of(ignoreCase: true)),
        new("||", "Both texts as one; a value of another type beside a text becomes text.", "'a' || 1", "a1", () => [Define.Binary<Utf8View, Utf8View, Utf8View,
            JoinOp>(TypeKind.Utf8, TypeKind.Utf8, DataType.Utf8)]),
    ];

    private static Overload[] Of(bool ignoreCase) =>
    [
        Define.Binary<Utf8View, Utf8View, byte, LikeOp>(TypeKind.Utf8, TypeKind.Utf8, Checked, _ => new LikeMatcher(ignoreCase)),
        new([TypeKind.Utf8, TypeKind.Utf8, TypeKind.Utf8], Checked,
            site => new TernaryNode<Utf8View, Utf8View, Utf8View, byte,
                LikeEscapeOp>(site.Nodes[0], site.Nodes[1], site.Nodes[2], site.Type, site.State(new LikeMatcher(ignoreCase)))),
    ];

    /// <summary>Refuses a known pattern that is none when the call is bound.</summary>
    private static DataType Checked(ResultSite site)
    {
        var escape = site.Arguments.Count < 3 ? "\\"u8 : site.Arguments[2] is BoundConstant { Value.IsNull: false } known ? known.Value.Bytes : default;
        if (site.Arguments[1] is BoundConstant { Value.IsNull: false } pattern
            && LikePattern.Compile(pattern.Value.Bytes, escape, false, out var problem) is null) throw new SqlException(pattern.Span, problem!);
        return DataType.Boolean;
    }
}

/// <summary>The compiled pattern of a node: compiled again only when it changes.</summary>
internal sealed unsafe class LikeMatcher(bool ignoreCase)
{
    private byte[]? _pattern;
    private byte[] _escape = [];
    private LikePattern? _compiled;
    private string? _problem;

    public Outcome Match(Utf8View* text, Utf8View* pattern, ReadOnlySpan<byte> escape, byte* result, OpState state)
    {
        if (_pattern is null || !Utf8View.SpanOf(pattern).SequenceEqual(_pattern) || !escape.SequenceEqual(_escape))
        {
            _pattern = Utf8View.SpanOf(pattern).ToArray();
            _escape = escape.ToArray();
            _compiled = LikePattern.Compile(_pattern, _escape, ignoreCase, out _problem);
        }
        if (_compiled is null) return state.Fail(_problem!);
        var bytes = Utf8View.SpanOf(text);
        if (ignoreCase)
        {
            var buffer = state.Buffer(bytes.Length * 2);
            bytes = buffer[..(Ascii.ToLower(bytes, buffer, out var length) == OperationStatus.Done ? length : Utf8Text.Map<ToLower>(bytes, buffer))];
        }
        *result = _compiled.Matches(bytes) ? (byte)1 : (byte)0;
        return Outcome.Value;
    }
}

internal readonly unsafe struct LikeOp : IBinary<Utf8View, Utf8View, byte>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, byte* result, OpState state) => ((LikeMatcher)state.Extra!).Match(a, b, "\\"u8, result, state);
}

internal readonly unsafe struct LikeEscapeOp : ITernary<Utf8View, Utf8View, Utf8View, byte>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, Utf8View* c, byte* result, OpState state)
        => ((LikeMatcher)state.Extra!).Match(a, b, Utf8View.SpanOf(c), result, state);
}
