using System.Buffers;
using System.Runtime.InteropServices;

namespace StreamEngine.Core;

/// <summary>
/// A pooled piece of native memory, 64-byte aligned, with 64 readable bytes behind its end so that a vector load at the last value is safe.
/// It has no finalizer: a lost block is a leak that the scope counts, never a use after free.
/// </summary>
internal sealed unsafe class NativeBlock : MemoryManager<byte>
{
    internal const int Alignment = 64;
    internal const int Tail = 64;

    private readonly MemoryScope _scope;
    private byte* _pointer;
    private int _references;

    internal NativeBlock(MemoryScope scope, int capacity)
    {
        _scope = scope;
        Capacity = capacity;
        _pointer = (byte*)NativeMemory.AlignedAlloc((nuint)capacity + Tail, Alignment);
    }

    internal byte* Pointer => _pointer;

    internal int Capacity { get; }

    internal void Rented() => Volatile.Write(ref _references, 1);

    internal void Retain() => Interlocked.Increment(ref _references);

    internal void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        if (left == 0) _scope.Return(this);
        else if (left < 0) throw new InvalidOperationException("a block was released more often than it was retained");
    }

    /// <summary>Gives the memory back to the system. Only the scope calls it.</summary>
    internal void Free()
    {
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
    }

    public override Span<byte> GetSpan() => new(_pointer, Capacity);

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        Retain();
        return new MemoryHandle(_pointer + elementIndex, pinnable: this);
    }

    public override void Unpin() => Release();

    protected override void Dispose(bool disposing)
    {
        if (disposing) Release();
    }
}
