using System.Numerics;
using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Operators.Groups;

/// <summary>A slot of a hash table: the key itself, so that one line of memory decides, and its number from 1 on; 0 is an empty slot.</summary>
internal struct Slot<TKey>
    where TKey : unmanaged
{
    public TKey Key;
    public int Number;
}

/// <summary>The memory of an open-addressing table with linear probing: a power of two of slots, of which at most 0.6 are taken; a hash's high bits are its
/// slot.</summary>
internal unsafe struct SlotTable<TKey>(MemoryScope scope)
    where TKey : unmanaged
{
    private const int FewestSlots = 32;
    private const long MostBytes = 1L << 30;

    private NativeBlock? _block;
    private int _limit;

    public Slot<TKey>* Slots { get; private set; }

    /// <summary>Shifts a hash to its slot.</summary>
    public int Shift { get; private set; } = 63;

    public ulong Mask { get; private set; }

    public readonly long Bytes => _block?.Capacity ?? 0;

    /// <summary>Whether more lookups miss the second-level cache than hit it: then slots are asked for ahead.</summary>
    public readonly bool IsLarge => Bytes > 1 << 19;

    public readonly bool HasRoomFor(int keys) => keys <= _limit;

    /// <summary>Takes empty slots for so many keys; the old block is the caller's to release after it has put the keys into the new ones.</summary>
    public NativeBlock? Renew(int keys)
    {
        var slots = Math.Max(FewestSlots, BitOperations.RoundUpToPowerOf2((uint)(keys / 6 * 10 + 10)));
        // Twice as many when there were some already: half full after growing.
        if (_block is not null) slots = Math.Max(slots, (uint)(Mask + 1) * 2);
        var bytes = slots * (long)sizeof(Slot<TKey>);
        if (bytes > MostBytes)
            throw new InvalidOperationException($"a window has more than {_limit} groups, which is as many as a table can hold: use more lanes, or shorter windows");
        var old = _block;
        _block = scope.Rent((int)bytes);
        // A block may be larger than asked for: all of it is used.
        var bits = BitOperations.Log2((uint)(_block.Capacity / sizeof(Slot<TKey>)));
        Unsafe.InitBlockUnaligned(_block.Pointer, 0, (uint)((1L << bits) * sizeof(Slot<TKey>)));
        Slots = (Slot<TKey>*)_block.Pointer;
        Shift = 64 - bits;
        Mask = (1UL << bits) - 1;
        _limit = (int)((1L << bits) * 6 / 10);
        return old;
    }

    public void Release()
    {
        _block?.Release();
        _block = null;
    }
}
