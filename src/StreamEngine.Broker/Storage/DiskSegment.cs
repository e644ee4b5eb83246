using Microsoft.Win32.SafeHandles;

namespace StreamEngine.Broker.Storage;

/// <summary>A segment file. Written through the page cache at once, so that a kill of the process loses nothing of it.</summary>
internal sealed class DiskSegment : ISegment
{
    private const int MaxBytes = 1 << 30;
    private readonly DiskStorage _storage;
    private readonly SafeFileHandle _handle;
    private bool _isDirty;

    public DiskSegment(DiskStorage storage, Guid topicId, string file, long baseOffset)
    {
        (_storage, TopicId, File, BaseOffset) = (storage, topicId, file, baseOffset);
        _handle = System.IO.File.OpenHandle(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        Size = RandomAccess.GetLength(_handle);
    }

    public Guid TopicId { get; }

    public string File { get; }

    public long BaseOffset { get; }

    public long Size { get; private set; }

    private string CheckpointFile => Path.ChangeExtension(File, ".checkpoint");

    public bool HasRoom(int bytes) => Size == 0 || Size + bytes <= MaxBytes;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_handle, bytes, Size);
        Size += bytes.Length;
        if (Volatile.Read(ref _isDirty)) return;
        Volatile.Write(ref _isDirty, true);
        _storage.Touch(this);
    }

    public void Read(long position, Span<byte> target) => Slice(position, target.Length).CopyTo(target);

    public LogSlice Slice(long position, int length) => new(_handle, position, length);

    public void Truncate(long size)
    {
        RandomAccess.SetLength(_handle, size);
        Size = size;
    }

    public void WriteCheckpoint(ReadOnlySpan<byte> checkpoint)
    {
        // Not forced to the disk: its checksum tells a torn one, which costs a replay of the segment.
        var temporary = CheckpointFile + ".new";
        System.IO.File.WriteAllBytes(temporary, checkpoint);
        System.IO.File.Move(temporary, CheckpointFile, overwrite: true);
    }

    public byte[]? ReadCheckpoint() => System.IO.File.Exists(CheckpointFile) ? System.IO.File.ReadAllBytes(CheckpointFile) : null;

    public void Delete()
    {
        // The handle is left to its finalizer: answers that are being sent may still read through it.
        _storage.Remove(this);
        System.IO.File.Delete(File);
        System.IO.File.Delete(CheckpointFile);
    }

    public void Flush()
    {
        // Before the flush: an append beside it makes the segment dirty again.
        Volatile.Write(ref _isDirty, false);
        RandomAccess.FlushToDisk(_handle);
    }

    public void Close() => _handle.Dispose();
}
