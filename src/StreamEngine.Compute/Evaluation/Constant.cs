using System.Runtime.CompilerServices;
using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

/// <summary>A value that is known when the expression is bound, in the layout of a column of one row. Its memory is pinned and lives as long as the object.</summary>
internal sealed unsafe class Constant
{
    private static readonly byte[] NullBit = GC.AllocateArray<byte>(64, pinned: true);
    private readonly byte[] _memory;

    private Constant(DataType type, int bytes)
    {
        Type = type;
        _memory = GC.AllocateArray<byte>(bytes + 64, pinned: true);
    }

    public DataType Type { get; }

    public bool IsNull { get; private init; }

    public byte* Values => (byte*)Unsafe.AsPointer(ref _memory[0]);

    public Vec Vec => new(Type, Values, IsNull ? (byte*)Unsafe.AsPointer(ref NullBit[0]) : null, constant: true);

    public static Constant Null(DataType type) => new(type, 16) { IsNull = true };

    public static Constant Of<T>(DataType type, T value) where T : unmanaged
    {
        var constant = new Constant(type, 16);
        *(T*)constant.Values = value;
        return constant;
    }

    public static Constant Of(bool value) => Of(DataType.Boolean, value ? (byte)1 : (byte)0);

    public static Constant OfText(DataType type, ReadOnlySpan<byte> text)
    {
        var constant = new Constant(type, 16 + text.Length);
        text.CopyTo(new Span<byte>(constant.Values + 16, text.Length));
        *(Utf8View*)constant.Values = Utf8View.Of(constant.Values + 16, text.Length);
        return constant;
    }

    public static Constant OfText(string text) => OfText(DataType.Utf8, Encoding.UTF8.GetBytes(text));

    /// <summary>The value of a row of a vector, copied.</summary>
    public static Constant Copy(Vec vec, int row)
    {
        if (vec.IsNull(row)) return Null(vec.Type);
        if (vec.Type.Kind is TypeKind.Utf8 or TypeKind.Binary) return OfText(vec.Type, Utf8View.SpanOf(vec.At<Utf8View>(row)));
        var constant = new Constant(vec.Type, 16);
        var width = vec.Type.Width;
        Unsafe.CopyBlockUnaligned(constant.Values, vec.Values + (row & vec.Mask) * width, (uint)width);
        return constant;
    }

    public T As<T>() where T : unmanaged => *(T*)Values;

    /// <summary>The bytes of a text or binary value.</summary>
    public ReadOnlySpan<byte> Bytes => Utf8View.SpanOf((Utf8View*)Values);

    public string Text => Encoding.UTF8.GetString(Bytes);
}
