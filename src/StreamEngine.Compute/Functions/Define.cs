using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Short forms for the entries of the function table: the operation's type says what is done, the kinds say on what.</summary>
internal static class Define
{
    public static Overload Unary<TA, TR, TOp>(TypeKind a, DataType result, Func<CallSite, object?>? extra = null, bool mayGiveNull = false)
        where TA : unmanaged
        where TR : unmanaged
        where TOp : struct, IUnary<TA, TR>
        => Unary<TA, TR, TOp>(a, _ => result, extra, mayGiveNull);

    public static Overload Unary<TA, TR, TOp>(TypeKind a, Func<ResultSite, DataType> result, Func<CallSite, object?>? extra = null, bool mayGiveNull = false)
        where TA : unmanaged
        where TR : unmanaged
        where TOp : struct, IUnary<TA, TR>
        => new([a], result, site => new UnaryNode<TA, TR, TOp>(site.Nodes[0], site.Type, site.State(extra?.Invoke(site)))) { MayGiveNull = mayGiveNull };

    public static Overload Binary<TA, TB, TR, TOp>(TypeKind a, TypeKind b, DataType result, Func<CallSite, object?>? extra = null, bool mayGiveNull = false)
        where TA : unmanaged
        where TB : unmanaged
        where TR : unmanaged
        where TOp : struct, IBinary<TA, TB, TR>
        => Binary<TA, TB, TR, TOp>(a, b, _ => result, extra, mayGiveNull);

    public static Overload Binary<TA, TB, TR,
        TOp>(TypeKind a, TypeKind b, Func<ResultSite, DataType> result, Func<CallSite, object?>? extra = null, bool mayGiveNull = false)
        where TA : unmanaged
        where TB : unmanaged
        where TR : unmanaged
        where TOp : struct, IBinary<TA, TB, TR>
        => new([a, b], result, site => new BinaryNode<TA, TB, TR,
            TOp>(site.Nodes[0], site.Nodes[1], site.Type, site.State(extra?.Invoke(site))))
        { MayGiveNull = mayGiveNull };

    public static Overload Ternary<TA, TB, TC, TR,
        TOp>(TypeKind a, TypeKind b, TypeKind c, DataType result, Func<CallSite, object?>? extra = null, bool mayGiveNull = false)
        where TA : unmanaged
        where TB : unmanaged
        where TC : unmanaged
        where TR : unmanaged
        where TOp : struct, ITernary<TA, TB, TC, TR>
        => new([a, b, c], _ => result, site
            => new TernaryNode<TA, TB, TC, TR,
            TOp>(site.Nodes[0], site.Nodes[1], site.Nodes[2], site.Type, site.State(extra?.Invoke(site))))
        { MayGiveNull = mayGiveNull };

    public static Overload Same<T, TOp>(TypeKind kind, DataType type)
        where T : unmanaged
        where TOp : struct, IBinary<T, T, T>
        => Binary<T, T, T, TOp>(kind, kind, type);
}
