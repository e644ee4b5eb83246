using StreamEngine.Core;

namespace StreamEngine.Cli.Processes;

/// <summary>
/// A file by which a process says that it is ready: what an earlier one left is removed at the start, it appears whole, and it goes with the process where that ends in
/// order.
/// </summary>
internal sealed class ReadyFile : IDisposable
{
    private readonly string _path;

    public ReadyFile(string path)
    {
        _path = path;
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw new StartupException($"the ready file '{path}' cannot be made: there is no folder '{folder}'");
        File.Delete(path);
    }

    public void Write(string text)
    {
        var beside = $"{_path}.{Environment.ProcessId}";
        File.WriteAllText(beside, text);
        File.Move(beside, _path, overwrite: true);
    }

    public void Dispose() => File.Delete(_path);
}
