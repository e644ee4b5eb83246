using System.Net;
using StreamEngine.Cli.Processes;

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>A broker for one test, in processes of its own.</summary>
internal abstract class TestBroker : IAsyncDisposable
{
    public string Bootstrap { get; protected set; } = "";

    /// <summary>What all clients go through, the test's own too, since it is what the broker advertises; null where it was not asked for.</summary>
    public TcpProxy? Proxy { get; protected init; }

    /// <summary>Its last log lines.</summary>
    public abstract string Tail { get; }

    /// <summary>Kills it as a crash would.</summary>
    public abstract Task KillAsync();

    /// <summary>Starts it again on the same address, with what it has on disk.</summary>
    public abstract Task RestartAsync();

    public abstract ValueTask DisposeAsync();
}

/// <summary>The embedded broker as its own process, on disk.</summary>
internal sealed class EmbeddedBroker : TestBroker
{
    private readonly TemporaryFolder _folder = new();
    private readonly int _port = Ports.Free();
    private ChildProcess? _process;

    public static async Task<EmbeddedBroker> StartAsync(bool proxied = false)
    {
        var broker = new EmbeddedBroker { Proxy = proxied ? TcpProxy.Start(TimeProvider.System) : null };
        await broker.RestartAsync();
        return broker;
    }

    public override string Tail => _process?.Tail ?? "";

    public override async Task RestartAsync()
    {
        var ready = _folder.File("ready");
        File.Delete(ready);
        // Clients know a proxy's port alone, so that the broker's own one may be another one after each start.
        var port = Proxy is null ? _port : 0;
        _process = ChildProcess.Engine("broker", _folder.Path, ["broker", "--port", $"{port}", "--data", _folder.File("data"), "--ready-file", ready,
            .. Proxy is null ? Array.Empty<string>() : ["--advertise", Proxy.Address]]);
        await Patience.UntilAsync(() => _process.HasExited || (File.Exists(ready) && File.ReadAllText(ready).Contains(':')), "the broker to start", () => _process.Tail);
        if (_process.HasExited) throw new InvalidOperationException($"the broker did not start\n{_process.Tail}");
        var listening = IPEndPoint.Parse(File.ReadAllText(ready).Trim());
        Bootstrap = Proxy?.Address ?? $"{listening}";
        if (Proxy is not null) Proxy.Target = listening;
    }

    public override async Task KillAsync()
    {
        await _process!.KillAsync();
        // Its port may be somebody else's from now on.
        if (Proxy is not null) Proxy.Target = null;
    }

    public override async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        if (_process is not null) await _process.DisposeAsync();
        _folder.Dispose();
    }
}

/// <summary>Real Apache Kafka, from the shared folder.</summary>
internal sealed class RealKafka : TestBroker
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _endpoints = [];
    private string _script = "";
    private bool _secured;

    /// <summary>Starts one node, or skips the test with the reason.</summary>
    /// <param name="proxied">All clients go through a proxy.</param>
    /// <param name="secured">It has listeners with TLS and SASL too.</param>
    public static async Task<RealKafka> StartAsync(bool proxied = false, bool secured = false)
    {
        var script = Locations.Shared is { } shared ? Path.Combine(shared, "kafka", "kafka") : null;
        Skip.IfNot(File.Exists(script), "shared/kafka is absent: no real Kafka to test with");
        Skip.IfNot(Locations.Has("java", "-version"), "Java is missing: no real Kafka to test with");
        var kafka = new RealKafka { _script = script!, _secured = secured, Proxy = proxied ? TcpProxy.Start(TimeProvider.System) : null };
        try
        {
            await kafka.RestartAsync();
            return kafka;
        }
        catch
        {
            await kafka.DisposeAsync();
            throw;
        }
    }

    /// <summary>What its start has printed: where it listens how, who may come in, and by which authority it is signed.</summary>
    public string Endpoint(string name) => _endpoints[name];

    private string Data => _folder.File("kafka");

    public override string Tail => $"--- Kafka on {Bootstrap}";

    // The servers that the script leaves running inherit its output: it goes to a file, so that nobody waits for their end.
    private async Task<string> RunAsync(params string[] arguments)
    {
        var output = _folder.File("output");
        string[] command = ["-c", "out=$1; shift; \"$@\" > \"$out\" 2>&1", "sh", output, _script, .. arguments];
        await using var process = new ChildProcess("kafka", "/bin/sh", command, _folder.Path);
        var code = await process.WaitForExitAsync(TimeSpan.FromSeconds(150));
        var text = await File.ReadAllTextAsync(output);
        return code == 0 ? text : throw new InvalidOperationException($"kafka {string.Join(' ', arguments)} ended with {code}:\n{text}");
    }

    public override async Task KillAsync() => await RunAsync("kill", "--dir", Data);

    public override async Task RestartAsync()
    {
        // What it was started with first is kept with its data.
        string[] settings = Directory.Exists(Data) ? [] : [.. _secured ? new[] { "--sasl", "--tls" } : [],
            .. Proxy is null ? Array.Empty<string>() : ["--set", $"advertised.listeners=PLAINTEXT://{Proxy.Address}"]];
        var output = await RunAsync(["start", "--dir", Data, .. settings]);
        foreach (var line in output.Split('\n', StringSplitOptions.TrimEntries))
            if (line.IndexOf('=', StringComparison.Ordinal) is var equals and > 0) _endpoints[line[..equals]] = line[(equals + 1)..];
        var listening = Endpoint("bootstrap");
        Bootstrap = Proxy?.Address ?? listening;
        if (Proxy is not null) Proxy.Target = IPEndPoint.Parse(listening);
    }

    public override async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        if (Directory.Exists(Data)) await RunAsync("clean", "--dir", Data);
        _folder.Dispose();
    }
}
