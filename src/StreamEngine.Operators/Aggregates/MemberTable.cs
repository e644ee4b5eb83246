using System.Runtime.CompilerServices;
using StreamEngine.Compute;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>One set for all groups: of (group, encoded value), numbered in the order of their coming.</summary>
internal sealed unsafe class MemberTable(MemoryScope scope) : IDisposable
{
    private readonly KeyTable _members = new(scope);
    private byte[] _key = GC.AllocateUninitializedArray<byte>(256, pinned: true);

    public int Count => _members.Count;

    public long Bytes => _members.Bytes;

    /// <summary>Room for the encoding of a value of so many bytes, for <see cref="FindOrAdd(int, int, out bool)"/>.</summary>
    public byte* RoomFor(int length)
    {
        if (4 + length > _key.Length) _key = GC.AllocateUninitializedArray<byte>((4 + length) * 2, pinned: true);
        return (byte*)Unsafe.AsPointer(ref _key[4]);
    }

    /// <summary>The number of the member whose value was written to <see cref="RoomFor"/>.</summary>
    public int FindOrAdd(int group, int length, out bool added)
    {
        var key = (byte*)Unsafe.AsPointer(ref _key[0]);
        Unsafe.WriteUnaligned(key, group);
        return _members.FindOrAdd(KeyHash.Of(new ReadOnlySpan<byte>(key, 4 + length)), key, 4 + length, out added);
    }

    public int FindOrAdd(int group, ReadOnlySpan<byte> value, out bool added)
    {
        value.CopyTo(new Span<byte>(RoomFor(value.Length), value.Length));
        return FindOrAdd(group, value.Length, out added);
    }

    /// <summary>The group of a member, and its encoded value.</summary>
    public ReadOnlySpan<byte> MemberOf(int number, out int group)
    {
        var member = _members.KeyOf(number);
        group = Unsafe.ReadUnaligned<int>(member.Pointer);
        return member.Span[4..];
    }

    public void Dispose() => _members.Dispose();
}
