using System.Diagnostics;

namespace StreamEngine.Broker.Suite;

/// <summary>A broker that a class of tests shares; <see cref="Bootstrap"/> is null where it cannot be had.</summary>
public abstract class BrokerFixture : IAsyncLifetime
{
    public string? Bootstrap { get; protected set; }

    public string WhyNot { get; protected set; } = "";

    /// <summary>What the broker logged; an error there is an error of the broker, whatever the client made of it.</summary>
    internal LogLines Log { get; } = new();

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();
}

public sealed class MemoryBrokerFixture : BrokerFixture
{
    private BrokerHost? _host;

    public override async Task InitializeAsync()
    {
        _host = await BrokerHost.StartAsync(new BrokerOptions(), Log, TimeProvider.System);
        Bootstrap = _host.Bootstrap;
    }

    public override async Task DisposeAsync()
    {
        await _host!.DisposeAsync();
        Log.AssertNoTrouble();
    }
}

public sealed class DiskBrokerFixture : BrokerFixture
{
    private readonly string _folder = Directory.CreateTempSubdirectory("broker-suite-").FullName;
    private BrokerHost? _host;

    public override async Task InitializeAsync()
    {
        var options = new BrokerOptions { DataDirectory = _folder, Fsync = FsyncPolicy.Interval, FsyncInterval = TimeSpan.FromMilliseconds(50) };
        _host = await BrokerHost.StartAsync(options, Log, TimeProvider.System);
        Bootstrap = _host.Bootstrap;
    }

    public override async Task DisposeAsync()
    {
        await _host!.DisposeAsync();
        Log.AssertNoTrouble();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Real Apache Kafka, started once for the class in a temporary folder.</summary>
public sealed class KafkaFixture : BrokerFixture
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"kafka-suite-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
    private static int _count;
    private string? _script;

    public override async Task InitializeAsync()
    {
        var script = SharedFolder.Find() is { } shared ? Path.Combine(shared, "kafka", "kafka") : null;
        if (script is null || !File.Exists(script))
        {
            WhyNot = "shared/kafka is absent: no real Kafka to compare with";
            return;
        }
        _script = script;
        var (exit, output) = await RunAsync("start", "--dir", _folder);
        if (exit == 3) WhyNot = "Java is missing: no real Kafka to compare with";
        else if (exit != 0) throw new InvalidOperationException($"Kafka did not start ({exit}): {output}");
        else Bootstrap = output.Split('\n').First(l => l.StartsWith("bootstrap=", StringComparison.Ordinal))["bootstrap=".Length..].Trim();
    }

    public override async Task DisposeAsync()
    {
        if (_script is not null) await RunAsync("clean", "--dir", _folder);
    }

    // The servers that the script leaves running inherit its output: it goes to a file, so that nobody waits for their end, and is whole when the script has ended.
    private async Task<(int Exit, string Output)> RunAsync(params string[] arguments)
    {
        var file = $"{_folder}.{Guid.NewGuid():n}";
        var start = new ProcessStartInfo("/bin/sh", ["-c", "out=$1; shift; exec \"$@\" > \"$out\" 2>&1", "sh", file, _script!, .. arguments]);
        using var process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        await process.WaitForExitAsync(patience.Token);
        var output = await File.ReadAllTextAsync(file, patience.Token);
        File.Delete(file);
        return (process.ExitCode, output);
    }
}
