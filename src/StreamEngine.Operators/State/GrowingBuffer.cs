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
        var used = Capacity * sizeof(T);
        if (_block is null || (long)count * sizeof(T) > _block.Capacity) Move((int)wanted, used);
        // A block may be larger than asked for. What is not needed yet is left alone: it may not even be in memory.
        Capacity = (int)Math.Min(wanted, _block!.Capacity) / sizeof(T);
        Unsafe.InitBlockUnaligned(_block.Pointer + used, 0, (uint)(Capacity * sizeof(T) - used));
    }

    private void Move(int bytes, int used)
    {
        var block = scope.Rent(bytes);
        if (_block is not null)
        {
            Unsafe.CopyBlockUnaligned(block.Pointer, Pointer, (uint)used);
            _block.Release();
        }
        _block = block;
        Pointer = (T*)block.Pointer;
    }

    public void Dispose()
    {
        _block?.Release();
        _block = null;
        Pointer = null;
        Capacity = 0;
    }
}
