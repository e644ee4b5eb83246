using Microsoft.Win32.SafeHandles;

namespace StreamEngine.Broker.Storage;

/// <summary>The journal's file. A replacement is written beside it, forced to the disk, and then takes its name.</summary>
internal sealed class DiskJournal : IJournalFile, IDisposable
{
    private readonly string _file;
    private readonly Lock _gate = new();
    private SafeFileHandle _handle;
    private bool _isDirty;

    public DiskJournal(string file)
    {
        _file = file;
        File.Delete(file + ".new");
        _handle = Open(file);
        Size = RandomAccess.GetLength(_handle);
    }

    public long Size { get; private set; }

    private static SafeFileHandle Open(string file) => File.OpenHandle(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);

    public byte[] ReadAll()
    {
        var bytes = new byte[Size];
        new LogSlice(_handle, 0, bytes.Length).CopyTo(bytes);
        return bytes;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            RandomAccess.Write(_handle, bytes, Size);
            Size += bytes.Length;
            _isDirty = true;
        }
    }

    public void Replace(ReadOnlySpan<byte> bytes)
    {
        var temporary = _file + ".new";
        var replacement = Open(temporary);
        RandomAccess.SetLength(replacement, 0);
        RandomAccess.Write(replacement, bytes, 0);
        RandomAccess.FlushToDisk(replacement);
        lock (_gate)
        {
            File.Move(temporary, _file, overwrite: true);
            _handle.Dispose();
            _handle = replacement;
            Size = bytes.Length;
            _isDirty = false;
        }
    }

    public void Truncate(long size)
    {
        lock (_gate)
        {
            RandomAccess.SetLength(_handle, size);
            Size = size;
        }
    }

    public void Flush()
    {
        lock (_gate)
        {
            if (!_isDirty) return;
            _isDirty = false;
            RandomAccess.FlushToDisk(_handle);
        }
    }

    public void Dispose() => _handle.Dispose();
}
