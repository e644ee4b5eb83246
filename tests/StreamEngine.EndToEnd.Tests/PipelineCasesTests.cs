using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>The shared folder's whole pipelines with their expected results, and its wrong files, by its own runner.</summary>
public sealed class PipelineCasesTests(ITestOutputHelper output) : PipelineCases(output)
{
    [SkippableFact]
    public async Task All_cases_are_right_on_real_Kafka()
    {
        var runner = Runner();
        await using var broker = await RealKafka.StartAsync();
        await RunCasesAsync(runner, broker);
    }

    [SkippableFact]
    public async Task All_wrong_files_are_refused()
    {
        var runner = Runner();
        await using var broker = await EmbeddedBroker.StartAsync();
        await RunAsync(runner, broker, "--only", "errors");
    }
}

/// <summary>The cases with workers that are killed: a class of its own, beside the others.</summary>
public sealed class KilledPipelineCasesTests(ITestOutputHelper output) : PipelineCases(output)
{
    [SkippableFact]
    public async Task All_cases_are_right_on_the_embedded_broker_with_three_kills()
    {
        var runner = Runner();
        await using var broker = await EmbeddedBroker.StartAsync();
        await RunCasesAsync(runner, broker, "--kill", "3");
    }
}

/// <summary>The runner, and how it is called.</summary>
public abstract class PipelineCases(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(12);

    protected static string Runner()
    {
        var runner = Locations.Shared is { } shared ? Path.Combine(shared, "pipelines", "run.py") : null;
        Skip.IfNot(File.Exists(runner), "shared/pipelines is absent: no cases to run");
        Skip.IfNot(Locations.Has("python3", "--version"), "Python 3 is missing: the runner of shared/pipelines cannot be started");
        Skip.IfNot(Locations.Has("java", "-version"), "Java is missing: the runner of shared/pipelines needs it");
        return runner!;
    }

    /// <summary>All cases, in two halves side by side: each spends most of its time waiting.</summary>
    private protected async Task RunCasesAsync(string runner, TestBroker broker, params string[] more)
    {
        var cases = Directory.GetDirectories(Path.GetDirectoryName(runner)!).Where(d => File.Exists(Path.Combine(d, "case.json"))).Select(d => Path.GetFileName(d)!)
            .Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(cases);
        await Task.WhenAll(Enumerable.Range(0, 2).Select(half => RunAsync(runner, broker, ["--only", "cases", .. more, .. cases.Where((_, i) => i % 2 == half)])));
    }

    private protected async Task RunAsync(string runner, TestBroker broker, params string[] more)
    {
        using var folder = new TemporaryFolder();
        var engine = folder.Write("engine", $"#!/bin/sh\nexec dotnet '{Locations.Program}' \"$@\"\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(engine, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string[] arguments = [runner, "--engine", engine, "--bootstrap", broker.Bootstrap, "--report", folder.File("report"), .. more];
        await using var process = new ChildProcess("run.py", "python3", arguments, folder.Path);
        var code = await process.WaitForExitAsync(Limit);
        output.WriteLine(process.Output);
        var wrong = process.Output.Split('\n').Where(l => l.StartsWith("wrong", StringComparison.Ordinal) || l.StartsWith("not runnable", StringComparison.Ordinal));
        Assert.True(code == 0, $"run.py ended with {code}:\n{string.Join('\n', wrong)}\n{process.Tail}\n{broker.Tail}");
    }
}
