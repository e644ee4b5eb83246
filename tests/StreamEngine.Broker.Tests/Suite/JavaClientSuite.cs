using System.Diagnostics;
using System.Text.RegularExpressions;

namespace StreamEngine.Broker.Suite;

/// <summary>What the suite asks with librdkafka, asked by Kafka's own Java client (Java/BrokerSuite.java), on every broker. One process of Java runs all cases.</summary>
public abstract class JavaClientSuite(BrokerFixture fixture)
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <summary>A runtime that compiles, and Kafka's jars; null where one is absent.</summary>
    private static string? Jars => SharedFolder.Find() is { } shared && Path.Combine(shared, "kafka", "libs") is var libs && Directory.Exists(libs) ? libs : null;

    private static string Source
    {
        get
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln")))
                    return Path.Combine(folder.FullName, "tests", "StreamEngine.Broker.Tests", "Java", "BrokerSuite.java");
            throw new InvalidOperationException("the repository is not around the tests");
        }
    }

    [SkippableFact]
    public async Task Everything_is_answered_as_the_Java_client_expects()
    {
        Skip.If(Jars is null, "shared/kafka is absent: there is no Java client");
        Skip.If(fixture.Bootstrap is null, fixture.WhyNot);
        var (code, output) = await JavaAsync(fixture.Bootstrap!);
        var failed = Regex.Matches(output, "^failed .*$", RegexOptions.Multiline).Select(m => m.Value).ToList();
        Assert.True(failed.Count == 0, string.Join('\n', failed));
        Assert.True(code == 0, output);
        // All of them were run: their names stand in the source.
        Assert.Equal(Regex.Count(await File.ReadAllTextAsync(Source), @"cases\.put\("), Regex.Count(output, "^ok ", RegexOptions.Multiline));
    }

    private static async Task<(int Code, string Output)> JavaAsync(params string[] arguments)
    {
        // It lives for seconds: a quick start is worth more than fast code.
        string[] quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];
        var start = new ProcessStartInfo("java", [.. quick, "-cp", Path.Combine(Jars!, "*"), Source, .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Skip.If(true, "Java is missing: its client cannot be tried");
            throw;
        }
        using var ended = process;
        using var patience = new CancellationTokenSource(Longest);
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(patience.Token), process.StandardError.ReadToEndAsync(patience.Token));
            await process.WaitForExitAsync(patience.Token);
            var text = await output + await errors;
            Skip.If(text.Contains("no module named jdk.compiler", StringComparison.OrdinalIgnoreCase)
                || text.Contains("Module jdk.compiler not found", StringComparison.Ordinal),
                "there is a Java runtime without its compiler: the client cannot be tried");
            return (process.ExitCode, text);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}

public sealed class MemoryBrokerJavaSuite(MemoryBrokerFixture fixture) : JavaClientSuite(fixture), IClassFixture<MemoryBrokerFixture>;

public sealed class DiskBrokerJavaSuite(DiskBrokerFixture fixture) : JavaClientSuite(fixture), IClassFixture<DiskBrokerFixture>;

public sealed class KafkaJavaSuite(KafkaFixture fixture) : JavaClientSuite(fixture), IClassFixture<KafkaFixture>;
