using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Operators.State;

/// <summary>A native array that grows by doubling; new values are zero.</summary>
internal sealed unsafe class GrowingBuffer<T>(MemoryScope scope) : IDisposable
    where T : unmanaged
{
    private NativeBlock? _block;

    public T* Pointer { get; private set; }

    public int Capacity { get; private set; }

    public long Bytes => _block?.Capacity ?? 0;

    /// <summary>Makes room for so many values; those that are there keep their content and may move.</summary>
    public void Reserve(int count)
    {
        if (count <= Capacity) return;
        var wanted = Math.Max((long)count, Math.Max(16, (long)Capacity * 2)) * sizeof(T);
        if (wanted > int.MaxValue - 256) throw new InvalidOperationException($"operator state needs an array of {wanted} bytes, more than one block can hold");
        var block = scope.Rent((int)wanted);
        var used = Capacity * sizeof(T);
        if (_block is not null)
        {
            Unsafe.CopyBlockUnaligned(block.Pointer, Pointer, (uint)used);
            _block.Release();
        }
        Unsafe.InitBlockUnaligned(block.Pointer + used, 0, (uint)(block.Capacity - used));
        _block = block;
        Pointer = (T*)block.Pointer;
        Capacity = block.Capacity / sizeof(T);
    }

    public void Dispose()
    {
        _block?.Release();
        _block = null;
        Pointer = null;
        Capacity = 0;
    }
}
