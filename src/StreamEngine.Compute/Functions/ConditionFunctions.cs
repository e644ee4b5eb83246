using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Functions that choose between their arguments.</summary>
internal static class ConditionFunctions
{
    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("coalesce", "The first argument that is not null; the ones behind it are not evaluated.", "coalesce(NULL, 2, 1 / 0)", "2") { Form = "coalesce(any, ..)",
            Bind = ExpressionBinder.BindCoalesce },
        new("nullif", "Null where both are equal, else the first.", "nullif('', '')", "NULL") { Form = "nullif(any, any)", Bind = ExpressionBinder.BindNullIf },
        new("greatest", "The greatest argument; nulls do not count.", "greatest(1, NULL, 2.5)", "2.5", () => Extreme(greatest: true)) { Form = "greatest(any, ..)",
            Bind = ExpressionBinder.BindExtreme },
        new("least", "The least argument; nulls do not count.", "least('b', 'a')", "a", () => Extreme(greatest: false)) { Form = "least(any, ..)",
            Bind = ExpressionBinder.BindExtreme },
    ];

    private static Overload[] Extreme(bool greatest) =>
    [
        new([null], site => site.Types[0], site
            => ByOrder.Create(site.Type.Kind, new ExtremeMaker(site, greatest))) { IsVariadic = true, Strict = false, MayGiveNull = true },
    ];

    private readonly struct ExtremeMaker(CallSite site, bool greatest) : IOrderedMaker<EvalNode>
    {
        public EvalNode Make<T, TOrder>()
            where T : unmanaged
            where TOrder : struct, IOrder<T>
            => new ExtremeNode<T, TOrder>(site.Nodes, greatest, site.Type);
    }
}
