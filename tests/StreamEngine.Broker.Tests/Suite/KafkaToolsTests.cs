using System.Diagnostics;

namespace StreamEngine.Broker.Suite;

/// <summary>Kafka's own command-line tools, which are the Java client, on the embedded broker: topics, settings, transactions, groups.</summary>
public sealed class KafkaToolsTests(DiskBrokerFixture fixture) : IClassFixture<DiskBrokerFixture>
{
    [SkippableFact]
    public async Task Kafkas_own_tools_work_on_it()
    {
        Skip.If(Script is null, "shared/kafka is absent: its tools cannot be tried");
        await RunAsync("topics", "--create", "--topic", "tools", "--partitions", "2", "--config", "retention.ms=86400000");
        await RunAsync("configs", "--alter", "--entity-type", "topics", "--entity-name", "tools", "--add-config", "max.message.bytes=20000");
        var configs = await RunAsync("configs", "--describe", "--entity-type", "topics", "--entity-name", "tools");
        Assert.Contains("max.message.bytes=20000", configs, StringComparison.Ordinal);
        Assert.Contains("DYNAMIC_TOPIC_CONFIG:retention.ms=86400000", configs, StringComparison.Ordinal);

        var sent = await RunAsync("producer-perf", "--topic", "tools", "--num-records", "2000", "--record-size", "100", "--throughput", "-1",
            "--transactional-id", "tools-tx", "--transaction-duration-ms", "50");
        Assert.Contains("2000 records sent", sent, StringComparison.Ordinal);
        Assert.Matches("tools-tx.*CompleteCommit", await RunAsync("transactions", "list"));
        var read = await RunAsync("console-consumer", "--topic", "tools", "--from-beginning", "--max-messages", "2000", "--group", "tools-group",
            "--isolation-level", "read_committed", "--timeout-ms", "20000");
        Assert.Contains("Processed a total of 2000 messages", read, StringComparison.Ordinal);
        // Markers take offsets too, so the ends are beyond the records; the group has read up to them or to the last record.
        Assert.Matches("tools-group +tools +0 +\\d+ +\\d+ ", await RunAsync("consumer-groups", "--describe", "--group", "tools-group"));
    }

    private static string? Script => SharedFolder.Find() is { } shared && Path.Combine(shared, "kafka", "kafka") is var script && File.Exists(script) ? script : null;

    private async Task<string> RunAsync(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(Script!, [tool, "--bootstrap-server", fixture.Bootstrap!, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(patience.Token), process.StandardError.ReadToEndAsync(patience.Token));
            await process.WaitForExitAsync(patience.Token);
            var text = await output + await errors;
            Skip.If(process.ExitCode == 3, "Java is missing: Kafka's tools cannot be tried");
            Assert.True(process.ExitCode == 0, $"{tool} ended with {process.ExitCode}: {text}");
            return text;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
