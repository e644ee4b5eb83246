using System.Runtime.CompilerServices;

namespace StreamEngine.Core;

/// <summary>
/// A counted bump allocator over blocks of one scope: the columns and string bytes of a batch live in it, and it is freed as a whole. What is allocated never moves, so
/// pointers into it stay valid as long as a reference is held. Allocation is for one thread at a time; Retain and Release are for any.
/// </summary>
internal sealed unsafe class Arena
{
    private readonly MemoryScope _scope;
    private readonly List<NativeBlock> _blocks = [];
    private byte* _next;
    private byte* _end;
    private int _references;
    private int _nextSize;

    internal Arena(MemoryScope scope) => _scope = scope;

    /// <summary>The scope that the blocks come from.</summary>
    public MemoryScope Scope => _scope;

    /// <summary>Bytes of all its blocks.</summary>
    public long Bytes { get; private set; }

    internal void Rented(int firstBlock)
    {
        _references = 1;
        _nextSize = firstBlock;
        Bytes = 0;
    }

    /// <summary>Uninitialised room for values, aligned to 64 bytes, with 64 readable bytes behind it.</summary>
    public T* Allocate<T>(int count) where T : unmanaged => (T*)Take((long)count * sizeof(T), NativeBlock.Alignment);

    /// <summary>Zeroed room for values, aligned to 64 bytes.</summary>
    public T* AllocateZeroed<T>(int count) where T : unmanaged
    {
        var p = Allocate<T>(count);
        Unsafe.InitBlockUnaligned(p, 0, checked((uint)(count * sizeof(T))));
        return p;
    }

    /// <summary>A validity bitmap for so many rows, all of them valid.</summary>
    public byte* AllocateValidity(int rows)
    {
        var bytes = Math.Max(1, (rows + 7) / 8);
        var p = Allocate<byte>(bytes);
        Unsafe.InitBlockUnaligned(p, 0xFF, (uint)bytes);
        return p;
    }

    /// <summary>Room for bytes, without alignment: for the text of strings.</summary>
    public byte* AllocateBytes(int count) => Take(count, 1);

    /// <summary>A copy of the bytes.</summary>
    public byte* Copy(ReadOnlySpan<byte> bytes)
    {
        var p = AllocateBytes(bytes.Length);
        bytes.CopyTo(new Span<byte>(p, bytes.Length));
        return p;
    }

    private byte* Take(long bytes, int alignment)
    {
        var start = (byte*)(((nint)_next + alignment - 1) & -alignment);
        if (_next is null || start + bytes > _end) return TakeFromNewBlock(bytes);
        _next = start + bytes;
        return start;
    }

    private byte* TakeFromNewBlock(long bytes)
    {
        if (bytes > int.MaxValue - 256) throw new InvalidOperationException($"a batch asks for {bytes} bytes in one piece, more than a block can hold");
        var block = _scope.Rent((int)Math.Max(bytes, _nextSize));
        // Doubling keeps the number of blocks small for a large batch without giving a small one more than it needs.
        _nextSize = Math.Min(_nextSize * 2, 1 << 20);
        _blocks.Add(block);
        Bytes += block.Capacity;
        _next = block.Pointer + bytes;
        _end = block.Pointer + block.Capacity;
        return block.Pointer;
    }

    /// <summary>A piece of this arena as Memory, for edges that take nothing else; null when it lies elsewhere.</summary>
    internal ReadOnlyMemory<byte>? MemoryOf(byte* start, int length)
    {
        foreach (var block in _blocks)
            if (start >= block.Pointer && start + length <= block.Pointer + block.Capacity) return block.Memory.Slice((int)(start - block.Pointer), length);
        return null;
    }

    public Arena Retain()
    {
        Interlocked.Increment(ref _references);
        return this;
    }

    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        if (left > 0) return;
        if (left < 0) throw new InvalidOperationException("an arena was released more often than it was retained");
        foreach (var block in _blocks) block.Release();
        _blocks.Clear();
        _next = _end = null;
        _scope.Return(this);
    }
}
