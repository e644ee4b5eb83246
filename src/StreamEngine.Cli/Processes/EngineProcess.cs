using System.Diagnostics;
using System.Runtime.InteropServices;
using StreamEngine.Core;

namespace StreamEngine.Cli.Processes;

/// <summary>
/// This program in a process of its own: a worker that can be killed, a broker whose cost is not ours. What it says is kept for the case that it fails.
/// </summary>
internal sealed partial class EngineProcess : IDisposable
{
    private const int SigTerm = 15;
    private static readonly (int Stop, int Continue) Job = OperatingSystem.IsMacOS() ? (17, 19) : (19, 18);

    private const int KeptLines = 60;

    private readonly Process _process;
    private readonly Queue<string> _lines = new();
    private readonly Lock _lock = new();

    private EngineProcess(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, e) => Keep(e.Data);
        _process.ErrorDataReceived += (_, e) => Keep(e.Data);
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>The memory it has in use now; null where it is gone.</summary>
    public double? ResidentMb
    {
        get
        {
            try
            {
                _process.Refresh();
                return _process.HasExited ? null : _process.WorkingSet64 / 1048576.0;
            }
            catch (InvalidOperationException)
            {
                // It ended between the two looks.
                return null;
            }
        }
    }

    /// <summary>The most memory it has had in use so far.</summary>
    public double PeakMb => Math.Round(PeakMemory.Of(_process) / 1048576.0, 1);

    /// <summary>The processor time it has used so far.</summary>
    public TimeSpan Cpu => _process.TotalProcessorTime;

    /// <summary>The last lines it wrote.</summary>
    public string Lines
    {
        get { lock (_lock) return string.Join('\n', _lines); }
    }

    /// <summary>Starts this program with arguments.</summary>
    /// <param name="folder">Its working directory, where it leaves logs.</param>
    /// <param name="arguments">The command and its arguments.</param>
    public static EngineProcess Start(string folder, params IEnumerable<string> arguments)
    {
        var host = Environment.ProcessPath ?? throw new StartupException("the path of this program is not known, so that no worker can be started");
        var start = new ProcessStartInfo(host) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
            UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(host).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "StreamEngine.Cli.dll"));
        start.Environment[ParentWatch.Variable] = "1";
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        var process = new EngineProcess(new Process { StartInfo = start });
        process._process.Start();
        process._process.BeginOutputReadLine();
        process._process.BeginErrorReadLine();
        return process;
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_lock)
        {
            _lines.Enqueue(line);
            if (_lines.Count > KeptLines) _lines.Dequeue();
        }
    }

    /// <summary>Waits until the process has made its ready file, and gives what is in it.</summary>
    /// <exception cref="IOException">It ended before.</exception>
    public async Task<string> WaitForFileAsync(string file, CancellationToken cancellation)
    {
        while (true)
        {
            if (File.Exists(file) && await File.ReadAllTextAsync(file, cancellation) is { Length: > 0 } text) return text.Trim();
            if (_process.HasExited) throw new IOException($"process {Id} ended with exit code {_process.ExitCode} before it was ready\n{Lines}");
            await Task.Delay(TimeSpan.FromMilliseconds(15), TimeProvider.System, cancellation);
        }
    }

    /// <summary>Waits until it ends by itself.</summary>
    /// <exception cref="IOException">It failed.</exception>
    public async Task WaitForEndAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        if (_process.ExitCode != 0) throw new IOException($"process {Id} ended with exit code {_process.ExitCode}\n{Lines}");
    }

    /// <summary>Waits for its end, whatever its exit code.</summary>
    public async Task<int> WaitForExitCodeAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        return _process.ExitCode;
    }

    /// <summary>SIGTERM: it drains.</summary>
    public void Terminate() => Signal(SigTerm);

    /// <summary>SIGSTOP: it stands still until <see cref="Continue"/>.</summary>
    public void Pause() => Signal(Job.Stop);

    /// <summary>SIGCONT.</summary>
    public void Continue() => Signal(Job.Continue);

    private void Signal(int number)
    {
        if (SendSignal(Id, number) != 0) throw new IOException($"signal {number} cannot be sent to process {Id}: {Marshal.GetLastPInvokeErrorMessage()}\n{Lines}");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);

    /// <summary>SIGKILL: it has no chance to do anything. Returns when it is gone.</summary>
    public void Kill()
    {
        _process.Kill(entireProcessTree: false);
        _process.WaitForExit(TimeSpan.FromSeconds(10));
    }

    /// <summary>Ends it if it still runs.</summary>
    public void Dispose()
    {
        try
        {
            if (!_process.HasExited) Kill();
        }
        catch (InvalidOperationException)
        {
            // It was never started, or is gone already.
        }
        _process.Dispose();
    }
}
