using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

internal sealed class ColumnNode(int index, DataType type) : EvalNode(type)
{
    public int Index => index;

    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target) => Vec.Of(frame.Columns[index]);
}

internal sealed unsafe class ConstantNode(Constant constant) : EvalNode(constant.Type)
{
    public Constant Constant => constant;

    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        if (constant.IsNull || Type.Kind is not (TypeKind.Utf8 or TypeKind.Binary) || constant.Bytes.Length <= Utf8View.InlineLength) return constant.Vec;
        // The batch may outlive this object: a long text is copied into the batch's own memory, once per batch.
        var view = frame.Output.Allocate<Utf8View>(1);
        *view = Utf8View.Copy(constant.Bytes, frame.Output);
        return new Vec(Type, (byte*)view, null, constant: true);
    }
}

/// <summary>A field of a struct: null where the struct is.</summary>
internal sealed unsafe class FieldNode(EvalNode operand, int field, DataType type) : EvalNode(type)
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var parent = operand.Evaluate(frame, rows, frame.Scratch);
        if (parent.IsNullConstant) return Constants.Null(Type);
        var child = parent.Children![field];
        return new Vec(Type, child.Values, ResultValidity.Combine(frame, parent.Validity, child.Validity), children: child.Children);
    }
}
