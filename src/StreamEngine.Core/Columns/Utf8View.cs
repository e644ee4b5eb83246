using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace StreamEngine.Core;

/// <summary>
/// A string or binary value in 16 bytes: its length, then either the bytes themselves (up to 12, zero-padded) or their first four and a pointer. It is Arrow's
/// BinaryView with a pointer in place of (buffer, offset): gathering a string is then a copy of 16 bytes, with no table of buffers to merge
/// (docs/decisions/strings-hold-pointers.md).
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal unsafe struct Utf8View
{
    /// <summary>The longest value that lies in the view itself.</summary>
    public const int InlineLength = 12;

    [FieldOffset(0)]
    public int Length;

    [FieldOffset(4)]
    public uint Prefix;

    [FieldOffset(8)]
    public byte* Pointer;

    [FieldOffset(0)]
    private ulong _low;

    [FieldOffset(8)]
    private ulong _high;

    /// <summary>A view of bytes that stay where they are as long as the view is used. Short ones are copied into the view.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Utf8View Of(byte* bytes, int length)
    {
        Utf8View view = default;
        view.Length = length;
        if (length <= InlineLength) Unsafe.CopyBlockUnaligned((byte*)&view + 4, bytes, (uint)length);
        else
        {
            view.Prefix = Unsafe.ReadUnaligned<uint>(bytes);
            view.Pointer = bytes;
        }
        return view;
    }

    /// <summary>
    /// As <see cref="Of"/>, for bytes behind whose start at least 16 are readable. Without branches: lengths around <see cref="InlineLength"/> are what no processor
    /// predicts.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Utf8View* to, byte* bytes, int length)
    {
        ref var masks = ref MemoryMarshal.GetArrayDataReference(FirstBytes);
        var prefix = Unsafe.ReadUnaligned<uint>(bytes) & (uint)Unsafe.Add(ref masks, Math.Min(length, 4));
        var rest = Unsafe.ReadUnaligned<ulong>(bytes + 4) & Unsafe.Add(ref masks, Math.Clamp(length - 4, 0, 8));
        // All ones for a value that is not inline.
        var far = (ulong)((long)(InlineLength - length) >> 63);
        to->_low = (uint)length | ((ulong)prefix << 32);
        to->_high = (rest & ~far) | ((ulong)bytes & far);
    }

    // Masks of the first 0 to 8 bytes of a word.
    private static readonly ulong[] FirstBytes =
        [0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF];

    /// <summary>A view of a copy of the bytes, in the arena where they do not fit into the view.</summary>
    public static Utf8View Copy(ReadOnlySpan<byte> bytes, Arena arena)
    {
        if (bytes.Length > InlineLength) return Of(arena.Copy(bytes), bytes.Length);
        fixed (byte* p = bytes) return Of(p, bytes.Length);
    }

    /// <summary>The first byte of the value behind <paramref name="view"/>, which must not move: inline bytes lie in the view itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* BytesOf(Utf8View* view) => view->Length <= InlineLength ? (byte*)view + 4 : view->Pointer;

    /// <summary>The value behind <paramref name="view"/>, which must not move while the span is used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> SpanOf(Utf8View* view) => new(BytesOf(view), view->Length);

    /// <summary>Byte-wise equality. Two loads decide nearly always: length and prefix stand in the first eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Equal(Utf8View* a, Utf8View* b)
    {
        if (a->_low != b->_low) return false;
        if (a->_high == b->_high) return true;
        return a->Length > InlineLength && new ReadOnlySpan<byte>(a->Pointer, a->Length).SequenceEqual(new ReadOnlySpan<byte>(b->Pointer, b->Length));
    }

    /// <summary>Order by bytes, which for UTF-8 is the order by code point (collation C).</summary>
    public static int Compare(Utf8View* a, Utf8View* b) => SpanOf(a).SequenceCompareTo(SpanOf(b));

    /// <summary>The value as text, for messages and tests.</summary>
    public static string TextOf(Utf8View* view) => Encoding.UTF8.GetString(SpanOf(view));
}
