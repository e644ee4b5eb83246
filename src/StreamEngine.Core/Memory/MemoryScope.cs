using System.Numerics;

namespace StreamEngine.Core;

/// <summary>
/// The memory of one worker. Blocks are rented from it and come back to it from any thread; what is still out when the scope is disposed is freed all
/// the same (after a failure elements are lost at island boundaries and nobody owns them), and counted (after a normal end it is a leak).
/// </summary>
internal sealed class MemoryScope : IDisposable
{
    // Small ones for the state of windows with few rows: a sparse stream has thousands of them open.
    private const int SmallestShift = 10;
    private const int LargestShift = 23;
    private const int KeptPerClass = 256;

    // Of the large classes: as many as that, so that state that is built anew all the time need not be given to the system and asked of it again page by page.
    private const int KeptBytesPerLargeClass = 8 << 20;

    private readonly Lock _lock = new();
    private readonly Stack<NativeBlock>[] _free = new Stack<NativeBlock>[LargestShift - SmallestShift + 1];
    private readonly HashSet<NativeBlock> _out = [];
    private readonly Stack<Arena> _arenas = new();
    private long _rented;
    private long _peak;
    private bool _disposed;

    public MemoryScope(string name = "scope")
    {
        Name = name;
        for (var i = 0; i < _free.Length; i++) _free[i] = new Stack<NativeBlock>();
    }

    public string Name { get; }

    /// <summary>Blocks that are rented and not yet returned.</summary>
    public int BlocksOut
    {
        get { lock (_lock) return _out.Count; }
    }

    /// <summary>Bytes of the blocks that are out.</summary>
    public long BytesOut => Interlocked.Read(ref _rented);

    /// <summary>The most bytes that were ever out at once.</summary>
    public long PeakBytes => Interlocked.Read(ref _peak);

    /// <summary>A block of at least this many bytes; its content is undefined.</summary>
    public NativeBlock Rent(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var shift = Math.Max(SmallestShift, 32 - BitOperations.LeadingZeroCount((uint)Math.Max(bytes, 1) - 1));
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // Larger than the largest class: of its own size, and freed on return rather than kept.
            var block = shift > LargestShift ? new NativeBlock(this, checked((bytes + 63) & ~63))
                : _free[shift - SmallestShift].TryPop(out var pooled) ? pooled : new NativeBlock(this, 1 << shift);
            block.Rented();
            _out.Add(block);
            _rented += block.Capacity;
            if (_rented > _peak) _peak = _rented;
            return block;
        }
    }

    internal void Return(NativeBlock block)
    {
        lock (_lock)
        {
            // After a failure the scope frees what is out; a late release of such a block finds nothing to do.
            if (!_out.Remove(block)) return;
            _rented -= block.Capacity;
            Poison(block);
            var shift = BitOperations.Log2((uint)block.Capacity);
            if (!_disposed && BitOperations.IsPow2(block.Capacity) && shift <= LargestShift
                && _free[shift - SmallestShift].Count < KeptOf(shift)) _free[shift - SmallestShift].Push(block);
            else block.Free();
        }
    }

    private static int KeptOf(int shift) => shift <= 20 ? KeptPerClass : KeptBytesPerLargeClass >> shift;

    [System.Diagnostics.Conditional("DEBUG")]
    private static void Poison(NativeBlock block) => block.GetSpan().Fill(0xDD);

    /// <summary>An empty arena with one reference, owned by the caller.</summary>
    /// <param name="firstBlock">Bytes of its first block; each further one is twice as large.</param>
    public Arena RentArena(int firstBlock = 1 << 16)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var arena = _arenas.TryPop(out var pooled) ? pooled : new Arena(this);
            arena.Rented(firstBlock);
            return arena;
        }
    }

    internal void Return(Arena arena)
    {
        lock (_lock)
        {
            if (!_disposed && _arenas.Count < KeptPerClass) _arenas.Push(arena);
        }
    }

    /// <summary>Frees everything, also what is out. Nothing may touch memory of the scope afterwards: the graph has stopped and the client threads have ended.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            foreach (var stack in _free)
                while (stack.TryPop(out var block)) block.Free();
            foreach (var block in _out) block.Free();
            _out.Clear();
            _arenas.Clear();
            _rented = 0;
        }
    }
}
