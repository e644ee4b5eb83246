using System.Text;
using System.Text.RegularExpressions;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>
/// A regular expression of a call: compiled when the pattern is known or whenever it changes. Matching takes time linear in the text (RegexOptions.NonBacktracking): a
/// pattern in a query cannot
/// stop the stream. As in PostgreSQL a dot matches line ends and $ the very end, unless the flag n says otherwise.
/// </summary>
internal sealed unsafe class RegexPattern
{
    private const int MaxPattern = 4096;

    private byte[]? _pattern;
    private byte[] _flags = [];
    private Regex? _regex;
    private string? _problem;

    /// <summary>A state of its own for each node.</summary>
    public static object Of(CallSite site) => new RegexPattern();

    /// <summary>Refuses a known pattern that is none when the call is bound.</summary>
    public static Func<ResultSite, DataType> Checked(DataType type) => site =>
    {
        if (site.Arguments[1] is BoundConstant { Value.IsNull: false } pattern
            && Compile(pattern.Value.Bytes, default, out var problem) is null) throw new SqlException(pattern.Span, problem!);
        return type;
    };

    /// <summary>The compiled pattern, or null with the failure recorded.</summary>
    public Regex? Get(Utf8View* pattern, Utf8View* flags, OpState state)
    {
        var flagBytes = flags is null ? default : Utf8View.SpanOf(flags);
        if (_pattern is null || !Utf8View.SpanOf(pattern).SequenceEqual(_pattern) || !flagBytes.SequenceEqual(_flags))
        {
            _pattern = Utf8View.SpanOf(pattern).ToArray();
            _flags = flagBytes.ToArray();
            _regex = Compile(_pattern, _flags, out _problem);
        }
        if (_regex is null) state.Fail(_problem!);
        return _regex;
    }

    private static Regex? Compile(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> flags, out string? problem)
    {
        problem = null;
        var options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline;
        foreach (var flag in flags)
        {
            switch ((char)flag)
            {
                case 'i': options |= RegexOptions.IgnoreCase; break;
                case 'n': options = (options & ~RegexOptions.Singleline) | RegexOptions.Multiline; break;
                case 'x': options |= RegexOptions.IgnorePatternWhitespace; break;
                case 'c' or 'g' or 's': break;
                default:
                    problem = $"'{(char)flag}' is no flag of a regular expression";
                    return null;
            }
        }
        if (pattern.Length > MaxPattern)
        {
            problem = $"the regular expression is longer than {MaxPattern} bytes";
            return null;
        }
        try
        {
            return new Regex(RegexSyntax.ToDotNet(Encoding.UTF8.GetString(pattern), options), options);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            problem = $"'{Encoding.UTF8.GetString(pattern)}' is no regular expression: {e.Message}";
            return null;
        }
    }

    /// <summary>The text as UTF-16, in a buffer of the node's.</summary>
    public static ReadOnlySpan<char> Decode(Utf8View* text, OpState state)
    {
        var chars = state.Chars(text->Length);
        var count = Encoding.UTF8.GetChars(Utf8View.SpanOf(text), chars);
        return chars.AsSpan(0, count);
    }

    /// <summary>UTF-16 as the result.</summary>
    public static Outcome Encode(ReadOnlySpan<char> text, Utf8View* result, OpState state)
    {
        if (text.Length > OpState.MaxText / 3) return state.TooLong();
        var buffer = state.Buffer(text.Length * 3);
        return state.Text(buffer[..Encoding.UTF8.GetBytes(text, buffer)], result);
    }
}

internal readonly unsafe struct RegexLikeOp : IBinary<Utf8View, Utf8View, byte>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, byte* result, OpState state) => RegexLikeFlagsOp.Apply(a, b, null, result, state);
}

internal readonly unsafe struct RegexLikeFlagsOp : ITernary<Utf8View, Utf8View, Utf8View, byte>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, Utf8View* c, byte* result, OpState state)
    {
        if (((RegexPattern)state.Extra!).Get(b, c, state) is not { } regex) return Outcome.Fault;
        *result = regex.IsMatch(RegexPattern.Decode(a, state)) ? (byte)1 : (byte)0;
        return Outcome.Value;
    }
}

/// <summary>The whole first match: no string is made.</summary>
internal readonly unsafe struct RegexSubstrOp : IBinary<Utf8View, Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, Utf8View* result, OpState state)
    {
        if (((RegexPattern)state.Extra!).Get(b, null, state) is not { } regex) return Outcome.Fault;
        var text = RegexPattern.Decode(a, state);
        foreach (var match in regex.EnumerateMatches(text)) return RegexPattern.Encode(text.Slice(match.Index, match.Length), result, state);
        return Outcome.Null;
    }
}

/// <summary>A group of the first match. .NET gives groups of strings only: this makes one per row.</summary>
internal readonly unsafe struct RegexSubstrGroupOp : ITernary<Utf8View, Utf8View, int, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, int* c, Utf8View* result, OpState state)
    {
        if (((RegexPattern)state.Extra!).Get(b, null, state) is not { } regex) return Outcome.Fault;
        if (*c == 0) return RegexSubstrOp.Apply(a, b, result, state);
        var text = RegexPattern.Decode(a, state);
        if (!regex.IsMatch(text)) return Outcome.Null;
        var group = regex.Match(text.ToString()).Groups[*c];
        return group.Success ? RegexPattern.Encode(group.ValueSpan, result, state) : Outcome.Null;
    }
}

internal readonly unsafe struct RegexReplaceOp : ITernary<Utf8View, Utf8View, Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, Utf8View* c, Utf8View* result, OpState state) => Replace(a, b, c, null, result, state);

    /// <summary>Only a row that matches makes a string (groups need one).</summary>
    public static Outcome Replace(Utf8View* a, Utf8View* b, Utf8View* c, Utf8View* flags, Utf8View* result, OpState state)
    {
        if (((RegexPattern)state.Extra!).Get(b, flags, state) is not { } regex) return Outcome.Fault;
        var text = RegexPattern.Decode(a, state);
        if (!regex.IsMatch(text))
        {
            *result = *a;
            return Outcome.Value;
        }
        var all = flags is not null && Utf8View.SpanOf(flags).Contains((byte)'g');
        return RegexPattern.Encode(regex.Replace(text.ToString(), Replacement(Utf8View.TextOf(c)), all ? -1 : 1), result, state);
    }

    /// <summary>PostgreSQL's \1 and \&amp; in .NET's spelling.</summary>
    private static string Replacement(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal) && !text.Contains('$', StringComparison.Ordinal)) return text;
        var converted = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\\' && i + 1 < text.Length)
            {
                var next = text[++i];
                if (char.IsAsciiDigit(next)) converted.Append("${").Append(next).Append('}');
                else if (next == '&') converted.Append("$0");
                else converted.Append(next == '$' ? "$$" : next.ToString());
            }
            else converted.Append(c == '$' ? "$$" : c.ToString());
        }
        return converted.ToString();
    }
}

/// <summary>regexp_replace with flags: the only function of four arguments.</summary>
internal sealed unsafe class RegexReplaceNode(EvalNode[] arguments, OpState state) : EvalNode(DataType.Utf8)
{
    public static EvalNode Create(CallSite site) => new RegexReplaceNode(site.Nodes, site.State(new RegexPattern()));

    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var a = arguments[0].Evaluate(frame, rows, frame.Scratch);
        var b = arguments[1].Evaluate(frame, rows, frame.Scratch);
        var c = arguments[2].Evaluate(frame, rows, frame.Scratch);
        var d = arguments[3].Evaluate(frame, rows, frame.Scratch);
        state.Output = frame.Output;
        var result = target.Allocate<Utf8View>(frame.Physical);
        var validity = new ResultValidity(frame, null);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            var outcome = a.IsNull(row) || b.IsNull(row) || c.IsNull(row) || d.IsNull(row) ? Outcome.Null
                : RegexReplaceOp.Replace(a.At<Utf8View>(row), b.At<Utf8View>(row), c.At<Utf8View>(row), d.At<Utf8View>(row), result + row, state);
            if (outcome != Outcome.Value) validity.Set(row, outcome, state);
        }
        return new Vec(Type, (byte*)result, validity.Bits);
    }
}
