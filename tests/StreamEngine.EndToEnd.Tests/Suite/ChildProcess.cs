using System.Diagnostics;
using System.Runtime.InteropServices;

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>A process of a test: its output is kept, every wait for it ends, and it does not outlive the test.</summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private static readonly bool IsMac = OperatingSystem.IsMacOS();

    private readonly Process _process;
    private readonly Queue<string> _lines = new();
    private readonly string _name;
    private int? _ended;

    public ChildProcess(string name, string program, IEnumerable<string> arguments, string folder, IReadOnlyDictionary<string, string>? environment = null)
    {
        _name = name;
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                RedirectStandardInput = true,
                WorkingDirectory = folder,
            },
        };
        _process.StartInfo.Environment["DOTNET_NOLOGO"] = "1";
        foreach (var (variable, value) in environment ?? new Dictionary<string, string>()) _process.StartInfo.Environment[variable] = value;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Id = _process.Id;
    }

    /// <summary>The engine's program in a process of its own.</summary>
    public static ChildProcess Engine(string name, string folder, params string[] arguments) => new(name, "dotnet", [Locations.Program, .. arguments], folder);

    /// <summary>The same, with variables of its environment.</summary>
    public static ChildProcess Engine(string name, string folder, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        new(name, "dotnet", [Locations.Program, .. arguments], folder, environment);

    public int Id { get; }

    public bool HasExited => _ended is not null || _process.HasExited;

    public int ExitCode => _ended ?? _process.ExitCode;

    /// <summary>Everything that it wrote, standard output and error as they came, at most the last 20,000 lines.</summary>
    public string Output
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }

    /// <summary>Its last lines, for messages.</summary>
    public string Tail
    {
        get
        {
            var state = HasExited ? $"ended with {ExitCode}" : "alive";
            lock (_lines) return $"--- {_name} ({Id}, {state}), its last lines:\n{string.Join('\n', _lines.TakeLast(40))}\n---";
        }
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_lines)
        {
            _lines.Enqueue(line);
            if (_lines.Count > 20_000) _lines.Dequeue();
        }
    }

    public void Kill() => _process.Kill();

    public void Terminate() => Signal(15);

    public void Pause() => Signal(Stop);

    /// <summary>The same where it may end by itself at any moment; false where it has.</summary>
    public bool TryPause() => !HasExited && SendSignal(Id, Stop) == 0;

    public void Continue() => Signal(IsMac ? 19 : 18);

    private static int Stop => IsMac ? 17 : 19;

    private void Signal(int number)
    {
        if (SendSignal(Id, number) != 0) throw new InvalidOperationException($"signal {number} cannot be sent: {Marshal.GetLastPInvokeErrorMessage()}\n{Tail}");
    }

    /// <summary>Its exit code, once it has ended and its output is read.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan? limit = null)
    {
        using var patience = new CancellationTokenSource(limit ?? Patience.Usual);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{_name} has not ended in {(limit ?? Patience.Usual).TotalSeconds:0} s\n{Tail}");
        }
    }

    /// <summary>Kills it and waits for its end.</summary>
    public async Task KillAsync()
    {
        Kill();
        await WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_ended is not null) return;
        if (!_process.HasExited)
        {
            // With what it started itself: a runner's engines must not outlive it.
            _process.Kill(entireProcessTree: true);
            await WaitForExitAsync();
        }
        _ended = _process.ExitCode;
        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}
