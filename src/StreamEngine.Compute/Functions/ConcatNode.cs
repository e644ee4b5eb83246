using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>concat and concat_ws: nulls are left out; a null separator gives null.</summary>
internal sealed unsafe class ConcatNode(EvalNode? separator, EvalNode[] parts, OpState state) : EvalNode(DataType.Utf8)
{
    private static readonly Overload Concat = new([null], _ => DataType.Utf8, site
        => new ConcatNode(null, site.Nodes, site.State()))
    { IsVariadic = true, Strict = false, MayGiveNull = false };

    private static readonly Overload WithSeparator = new([TypeKind.Utf8, null], _ => DataType.Utf8, site => new ConcatNode(site.Nodes[0], site.Nodes[1..], site.State()))
    {
        IsVariadic = true,
        Strict = false,
        MayGiveNull = true,
    };

    public static BoundExpression Bind(BindSite site) => Bind(site, Concat, 1);

    public static BoundExpression BindWithSeparator(BindSite site)
    {
        if (site.Arguments.Count > 0 && site.Arguments[0].Type.Kind is not (TypeKind.Utf8 or TypeKind.Null)) throw new SqlException(site.Arguments[0].Span,
            $"the separator is {site.Arguments[0].Type}, not STRING");
        return Bind(site, WithSeparator, 2);
    }

    private static BoundCall Bind(BindSite site, Overload overload, int least)
    {
        if (site.Arguments.Count < least) throw new SqlException(site.Call.Span, $"{site.Function.Name} needs at least {least} argument{(least == 1 ? "" : "s")}",
            $"it is {site.Function.Form}");
        var arguments = new BoundExpression[site.Arguments.Count];
        for (var i = 0; i < arguments.Length; i++)
        {
            if (!Casts.Exists(site.Arguments[i].Type, DataType.Utf8)) throw new SqlException(site.Arguments[i].Span, $"{site.Arguments[i].Type} has no text");
            arguments[i] = ExpressionBinder.AsText(site.Arguments[i]);
        }
        return new BoundCall(site.Call, site.Function, overload, arguments, DataType.Utf8);
    }

    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var between = separator?.Evaluate(frame, rows, frame.Scratch) ?? default;
        if (separator is not null && between.IsNullConstant) return Constants.Null(Type);
        var vectors = new Vec[parts.Length];
        for (var k = 0; k < vectors.Length; k++) vectors[k] = parts[k].Evaluate(frame, rows, frame.Scratch);
        state.Output = frame.Output;
        var result = target.Allocate<Utf8View>(frame.Physical);
        var validity = new ResultValidity(frame, null);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (separator is not null && between.IsNull(row)) validity.SetNull(row);
            else
            {
                var outcome = Join(vectors, separator is null ? null : between.At<Utf8View>(row), row, result + row);
                if (outcome != Outcome.Value) validity.Set(row, outcome, state);
            }
        }
        return new Vec(Type, (byte*)result, validity.Bits);
    }

    private Outcome Join(Vec[] vectors, Utf8View* between, int row, Utf8View* result)
    {
        var length = 0;
        var any = false;
        foreach (ref readonly var vector in vectors.AsSpan())
        {
            if (vector.IsNull(row)) continue;
            var part = vector.At<Utf8View>(row);
            var gap = any && between is not null ? between->Length : 0;
            if ((long)length + gap + part->Length > OpState.MaxText) return state.TooLong();
            var buffer = state.Buffer(length + gap + part->Length);
            if (gap > 0) Utf8View.SpanOf(between).CopyTo(buffer[length..]);
            Utf8View.SpanOf(part).CopyTo(buffer[(length + gap)..]);
            length += gap + part->Length;
            any = true;
        }
        return state.Text(state.Buffer(length)[..length], result);
    }
}
