using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Functions;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Binding;

/// <content>Functions whose arguments take a common type or are evaluated lazily.</content>
internal sealed partial class ExpressionBinder
{
    internal static BoundExpression BindCoalesce(BindSite site)
    {
        var arguments = CommonArguments(site, 1, out var type);
        return arguments.Length == 1 ? arguments[0] : new BoundCoalesce(site.Call, arguments, type);
    }

    /// <summary>CASE WHEN a = b THEN NULL ELSE a END, of a's type.</summary>
    internal static BoundExpression BindNullIf(BindSite site)
    {
        if (site.Arguments.Count != 2) throw WrongCount(site);
        var (a, b) = (site.Arguments[0], site.Arguments[1]);
        NoNested(site.Call, a.Type, "nullif");
        var type = a is BoundConstant { IsUntyped: true } ? DataType.Utf8 : a.Type;
        return new BoundCase(site.Call, [Comparison(site.Call, "=", a, b)], [new BoundConstant(site.Call, Constant.Null(type))], a, type);
    }

    internal static BoundExpression BindExtreme(BindSite site)
    {
        var arguments = CommonArguments(site, 1, out var type);
        if (type.Kind == TypeKind.Null) return arguments[0];
        return new BoundCall(site.Call, site.Function, site.Function.Overloads[0], arguments, type);
    }

    private static BoundExpression[] CommonArguments(BindSite site, int least, out DataType type)
    {
        if (site.Arguments.Count < least) throw WrongCount(site);
        var name = site.Function.Name;
        var common = CommonType(site.Arguments, $"the arguments of {name}");
        NoNested(site.Call, common, name);
        type = common;
        return [.. site.Arguments.Select(a => Convert(a, common)!)];
    }

    private static SqlException WrongCount(BindSite site)
        => new(site.Call.Span, $"{site.Function.Name} cannot have {site.Arguments.Count} argument{(site.Arguments.Count == 1 ? "" : "s")}",
            $"it is {string.Join(", ", site.Function.Signatures)}");
}
