using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

internal readonly unsafe struct NotOp : IUnary<byte, byte>
{
    public static Outcome Apply(byte* a, byte* result, OpState state)
    {
        *result = (byte)(*a ^ 1);
        return Outcome.Value;
    }
}

/// <summary>NOT and the tests that are never null. (AND and OR evaluate lazily: the binder knows them.)</summary>
internal static class LogicFunctions
{
    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("NOT", "TRUE where it is FALSE, FALSE where it is TRUE, null where it is null.", "NOT 1 > 2", "true", () => [Define.Unary<byte, byte,
            NotOp>(TypeKind.Boolean, DataType.Boolean)]),
        Test("IS NULL", "'' IS NULL", "false", null, whenNull: true, whenOther: false),
        Test("IS NOT NULL", "1 IS NOT NULL", "true", null, whenNull: false, whenOther: true),
        Test("IS TRUE", "NULL IS TRUE", "false", true, whenNull: false),
        Test("IS NOT TRUE", "NULL IS NOT TRUE", "true", true, whenNull: true, negated: true),
        Test("IS FALSE", "FALSE IS FALSE", "true", false, whenNull: false),
        Test("IS NOT FALSE", "NULL IS NOT FALSE", "true", false, whenNull: true, negated: true),
        Test("IS UNKNOWN", "NULL IS UNKNOWN", "true", null, whenNull: true, whenOther: false),
        Test("IS NOT UNKNOWN", "TRUE IS NOT UNKNOWN", "true", null, whenNull: false, whenOther: true),
    ];

    private static FunctionDefinition Test(string name, string example, string result, bool? value, bool whenNull, bool whenOther = false, bool negated = false)
        => new(name, "Never null.", example, result,
            () => [new Overload([null], _ => DataType.Boolean, site => new IsNode(site.Nodes[0], value, whenNull, whenOther, negated)) { Strict = false }]);
}

/// <summary>IS [NOT] NULL, TRUE, FALSE, UNKNOWN. <paramref name="value"/>: what a boolean is compared with; null: only nullness counts.</summary>
internal sealed unsafe class IsNode(EvalNode operand, bool? value, bool whenNull, bool whenOther, bool negated) : EvalNode(DataType.Boolean)
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var a = operand.Evaluate(frame, rows, frame.Scratch);
        var result = target.Allocate<byte>(frame.Physical);
        var expected = value == true ? (byte)1 : (byte)0;
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            var holds = a.IsNull(row) ? whenNull : value is null ? whenOther : *a.At<byte>(row) == expected != negated;
            result[row] = holds ? (byte)1 : (byte)0;
        }
        return new Vec(Type, result, null);
    }
}
