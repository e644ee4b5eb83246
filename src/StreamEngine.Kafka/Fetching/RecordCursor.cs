using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// Walks the record batches of one partition in their order, as committed readers see them: checksum, compression, aborted transactions and control records are dealt
/// with here. What is visible it hands out as stretches of records (<see cref="RecordColumns"/>).
/// </summary>
internal sealed unsafe class RecordCursor(long position, MemoryScope scope) : IDisposable
{
    private const int AbortMarker = 0;

    private readonly AbortedTransactions _aborted = new();
    private RecordDecompressor? _decompressor;
    private RawRecords? _raw;
    private byte* _batch;
    private byte* _batchesEnd;
    private long _batchNext;
    private bool _isInside;
    private RecordStretch _stretch;

    /// <summary>The next offset to be handed out: everything before it was, or is invisible.</summary>
    public long Position { get; private set; } = position;

    /// <summary>Nothing of what was opened is left.</summary>
    public bool IsExhausted => _raw is null;

    /// <summary>At most so many records are left of what was opened, invisible ones included.</summary>
    public long RecordsLeft { get; private set; }

    /// <summary>Bytes of the records that are left, as far as they are not compressed.</summary>
    public long BytesLeft => (_isInside ? _stretch.BytesLeft : 0) + (_raw is null ? 0 : _batchesEnd - _batch);

    /// <summary>Where what is read now came from, for messages.</summary>
    public string Source => _raw?.Source ?? "";

    /// <summary>Begins what a fetch brought, once all before it was read. From here on the cursor owns its memory.</summary>
    public void Open(RawRecords raw)
    {
        _raw = raw;
        _batch = raw.Block is null ? null : raw.Block.Pointer;
        _batchesEnd = _batch + raw.Length;
        RecordsLeft = raw.Records;
        _aborted.Open(raw.Aborted);
        if (raw.Block is null) Close();
    }

    /// <summary>Goes on to the next visible record; false where nothing is left of what was opened.</summary>
    public bool MoveToRecord()
    {
        while (_raw is not null)
        {
            if (_isInside)
            {
                if (!_stretch.IsDone) return true;
                Leave();
            }
            else if (_batch < _batchesEnd) Enter();
            else Close();
        }
        return false;
    }

    /// <summary>The records of the batch that the cursor stands in; what is taken from it is reported by <see cref="Took"/>.</summary>
    public ref RecordStretch Stretch => ref _stretch;

    /// <summary>The records before this offset were handed out or stepped over.</summary>
    public void Took(long next, int records)
    {
        Position = Math.Max(Position, next);
        RecordsLeft -= records;
    }

    private void Leave()
    {
        _stretch.CheckEnd();
        _isInside = false;
        Position = Math.Max(Position, _batchNext);
    }

    private void Enter()
    {
        var head = new RecordBatchHead(_batch);
        var batch = _batch;
        var total = (int)head.TotalBytes;
        _batch += total;
        _batchNext = head.LastOffset + 1;
        var checksum = Crc32C.Compute(batch + RecordBatchHead.ChecksumFrom, total - RecordBatchHead.ChecksumFrom);
        if (checksum != head.Checksum)
            throw new MalformedException($"the checksum of the batch at offset {head.BaseOffset} is {checksum:x8} where it says {head.Checksum:x8}: the broker's disk, its memory or the network has changed it");
        var records = batch + RecordBatchHead.Size;
        // Compaction leaves the head of an empty batch.
        if (IsInvisible(head, records, total - RecordBatchHead.Size) || _batchNext <= Position || head.RecordCount == 0)
        {
            RecordsLeft -= head.RecordCount;
            Position = Math.Max(Position, _batchNext);
            return;
        }
        var length = total - RecordBatchHead.Size;
        if (head.Codec != 0)
        {
            _decompressor ??= new RecordDecompressor(scope, RecordDecompressor.Most);
            (var start, length) = _decompressor.Decompress(head.Codec, records, length);
            records = (byte*)start;
        }
        _stretch = new RecordStretch(head, records, records + length);
        _isInside = true;
    }

    private bool IsInvisible(in RecordBatchHead head, byte* records, int length)
    {
        if (!head.HasProducer) return head.IsControl;
        return _aborted.Contains(head, head.IsControl && head.RecordCount > 0 && TypeOfMarker(records, length) == AbortMarker) || head.IsControl;
    }

    /// <summary>The type of a control record stands in its key, behind a version: 0 aborts, 1 commits.</summary>
    private static int TypeOfMarker(byte* records, int length)
    {
        var p = records;
        var end = records + length;
        var size = RecordStretch.VarInt(ref p);
        // Length, attributes, two deltas, then the key.
        if (size < 0 || size > end - p) throw new MalformedException($"a control record of {size} bytes");
        p++;
        RecordStretch.VarLong(ref p);
        RecordStretch.VarInt(ref p);
        var key = RecordStretch.VarInt(ref p);
        if (key < 4 || key > end - p) throw new MalformedException($"a control record with a key of {key} bytes");
        return p[2] << 8 | p[3];
    }

    private void Close()
    {
        Position = Math.Max(Position, _raw!.Next);
        _raw.Block?.Release();
        _raw = null;
        RecordsLeft = 0;
        _isInside = false;
    }

    public void Dispose()
    {
        _raw?.Block?.Release();
        _raw = null;
        _decompressor?.Dispose();
    }
}
