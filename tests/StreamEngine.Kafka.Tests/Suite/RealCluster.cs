using System.Diagnostics;

namespace StreamEngine.Kafka.Suite;

/// <summary>The tests on real Kafka, which share one since its start takes long.</summary>
[CollectionDefinition(nameof(RealKafka))]
public sealed class RealKafka : ICollectionFixture<RealCluster>;

/// <summary>Real Apache Kafka from the shared folder, with logins and encryption; its tests skip where it is absent.</summary>
public sealed class RealCluster : Cluster
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"kafka-sources-{Environment.ProcessId}");
    private readonly Dictionary<string, string> _endpoints = [];
    private string? _script;
    private string? _whyNot = "shared/kafka is absent: no real Kafka to test with";

    public override string Bootstrap => Endpoint("bootstrap");

    /// <summary>One of the lines that the start has printed.</summary>
    public string Endpoint(string name)
    {
        Skip.If(_whyNot is not null, _whyNot);
        return _endpoints[name];
    }

    /// <summary>By one of its secured listeners.</summary>
    internal KafkaConnection Secured(string endpoint, string protocol, string? mechanism)
    {
        var settings = new Dictionary<string, string> { ["security.protocol"] = protocol };
        if (protocol.EndsWith("ssl", StringComparison.Ordinal)) settings["ssl.ca.location"] = Endpoint("tls_ca");
        if (mechanism is not null)
        {
            var user = Endpoint("sasl_users").Split(',')[0].Split(':');
            (settings["sasl.mechanism"], settings["sasl.username"], settings["sasl.password"]) = (mechanism, user[0], user[1]);
        }
        return new KafkaConnection(Endpoint(endpoint), settings);
    }

    private static string? Shared()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_SHARED") is { Length: > 0 } given) return given;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln"))) return Path.Combine(folder.Parent?.FullName ?? folder.FullName, "shared");
        return null;
    }

    public override async Task InitializeAsync()
    {
        var script = Shared() is { } shared ? Path.Combine(shared, "kafka", "kafka") : null;
        if (!File.Exists(script)) return;
        _script = script;
        var (exit, output) = await RunAsync("", "start", "--dir", _folder, "--sasl", "--tls");
        if (exit == 3)
        {
            _whyNot = "Java is missing: no real Kafka to test with";
            return;
        }
        if (exit != 0) throw new InvalidOperationException($"Kafka did not start ({exit}): {output}");
        _whyNot = null;
        foreach (var line in output.Split('\n', StringSplitOptions.TrimEntries))
            if (line.IndexOf('=', StringComparison.Ordinal) is var equals and > 0) _endpoints[line[..equals]] = line[(equals + 1)..];
    }

    /// <summary>Writes lines by Kafka's own producer.</summary>
    public async Task ProduceByJavaAsync(string topic, string compression, IEnumerable<string> lines)
    {
        _ = Bootstrap;
        var (exit, output) = await RunAsync(string.Join('\n', lines) + "\n", "console-producer", "--dir", _folder, "--topic", topic, "--compression-codec", compression);
        if (exit != 0) throw new InvalidOperationException($"the producer ended with {exit}: {output}");
    }

    // The servers that the script leaves running inherit its output: it goes to a file, so that nobody waits for their end.
    private async Task<(int Exit, string Output)> RunAsync(string input, params string[] arguments)
    {
        var file = $"{_folder}.{Guid.NewGuid():n}";
        var start = new ProcessStartInfo("/bin/sh", ["-c", "out=$1; shift; exec \"$@\" > \"$out\" 2>&1", "sh", file, _script!, .. arguments]) { RedirectStandardInput = true };
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(150));
        await process.WaitForExitAsync(patience.Token);
        var output = await File.ReadAllTextAsync(file, patience.Token);
        File.Delete(file);
        return (process.ExitCode, output);
    }

    public override async Task DisposeAsync()
    {
        if (_script is not null) await RunAsync("", "clean", "--dir", _folder);
    }
}
