using System.Numerics;
using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Operators.State;

/// <summary>
/// Keys in their binary form to dense numbers: open addressing with linear probing over 32-bit slots, the hash's high bits, load at most 0.6. What belongs to a key is
/// kept by its number in arrays elsewhere. Keys are never removed: a table belongs to one pane and is dropped whole.
/// </summary>
internal sealed unsafe class KeyTable(MemoryScope scope) : IDisposable
{
    private readonly GrowingBuffer<Entry> _entries = new(scope);
    private readonly Arena _heap = scope.RentArena(firstBlock: 1 << 10);
    private NativeBlock? _slots;
    private int _shift = 64;
    private int _limit;

    private struct Entry
    {
        public ulong Hash;
        public byte* Key;
        public int Length;
    }

    public int Count { get; private set; }

    public long Bytes => _entries.Bytes + _heap.Bytes + (_slots?.Capacity ?? 0);

    public ulong HashOf(int index) => _entries.Pointer[index].Hash;

    public Bytes KeyOf(int index) => new(_entries.Pointer[index].Key, _entries.Pointer[index].Length);

    /// <summary>The number of the key, a new one where it is not there yet.</summary>
    public int FindOrAdd(ulong hash, byte* key, int length, out bool added)
    {
        if (Count >= _limit) Grow();
        var slots = (int*)_slots!.Pointer;
        var mask = (uint)((1L << (64 - _shift)) - 1);
        var slot = (uint)(hash >> _shift);
        while (true)
        {
            var index = slots[slot] - 1;
            if (index < 0)
            {
                slots[slot] = Count + 1;
                added = true;
                return Add(hash, key, length);
            }
            ref var entry = ref _entries.Pointer[index];
            if (entry.Hash == hash && entry.Length == length && Same(entry.Key, key, length))
            {
                added = false;
                return index;
            }
            slot = (slot + 1) & mask;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Same(byte* a, byte* b, int length) => new ReadOnlySpan<byte>(a, length).SequenceEqual(new ReadOnlySpan<byte>(b, length));

    private int Add(ulong hash, byte* key, int length)
    {
        _entries.Reserve(Count + 1);
        _entries.Pointer[Count] = new Entry { Hash = hash, Key = _heap.Copy(new ReadOnlySpan<byte>(key, length)), Length = length };
        return Count++;
    }

    private void Grow()
    {
        var slots = Math.Max(64, BitOperations.RoundUpToPowerOf2((uint)(Count * 2 + 1)) * 2);
        var block = scope.Rent(checked((int)(slots * sizeof(int))));
        Unsafe.InitBlockUnaligned(block.Pointer, 0, (uint)block.Capacity);
        _slots?.Release();
        _slots = block;
        // A block may be larger than asked for: all of it is used.
        var bits = BitOperations.Log2((uint)(block.Capacity / sizeof(int)));
        _shift = 64 - bits;
        _limit = (int)((1L << bits) * 6 / 10);
        var mask = (uint)((1L << bits) - 1);
        var to = (int*)block.Pointer;
        for (var i = 0; i < Count; i++)
        {
            var slot = (uint)(_entries.Pointer[i].Hash >> _shift);
            while (to[slot] != 0) slot = (slot + 1) & mask;
            to[slot] = i + 1;
        }
    }

    public void Dispose()
    {
        _slots?.Release();
        _slots = null;
        _entries.Dispose();
        _heap.Release();
    }
}
