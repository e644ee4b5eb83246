using StreamEngine.EndToEnd.Tests.Suite;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>
/// The launcher builds what is not built, once, and goes on where the compiler ahead of time is not to be had. A script stands for the SDK: it writes down how it was
/// called, and "publishes" by leaving a program that says with what it was started.
/// </summary>
public sealed class LauncherTests
{
    private const string Sdk = """
        #!/bin/sh
        here=$(dirname "$0")
        case "$1" in
          --list-sdks) cat "$here/sdks" ;;
          publish)
            echo "$*" >>"$here/calls"
            if [ -f "$here/broken" ]; then echo "Program.cs(1,1): error CS1002: ; expected"; exit 1; fi
            case "$*" in *ReadyToRun=true*) if [ -f "$here/no-crossgen" ]; then
              echo "error NU1101: Unable to find package Microsoft.NETCore.App.Crossgen2.linux-x64. No packages exist with this id in source(s): mirror"; exit 1
            fi ;; esac
            while [ "$1" != -o ]; do shift; done
            mkdir -p "$2"
            touch "$2/StreamEngine.Cli.dll"
            ;;
          *) echo "program: $*" ;;
        esac
        """;

    [Fact]
    public async Task The_first_command_builds_and_the_next_ones_only_where_a_source_is_newer()
    {
        using var folder = new TemporaryFolder();
        Prepare(folder);
        var (code, output) = await RunAsync(folder, "topic list");
        Assert.True(code == 0 && output.Contains("built in", StringComparison.Ordinal)
            && output.EndsWith("StreamEngine.Cli.dll topic list", StringComparison.Ordinal), output);
        (code, output) = await RunAsync(folder, "topic list");
        Assert.True(code == 0 && !output.Contains("built in", StringComparison.Ordinal), output);
        Assert.Single(Calls(folder));
        File.SetLastWriteTimeUtc(Path.Combine(folder.Path, "src", "Program.cs"), DateTime.UtcNow.AddSeconds(2));
        await RunAsync(folder, "topic list");
        Assert.Equal(2, Calls(folder).Length);
        Assert.All(Calls(folder), call => Assert.Contains("ReadyToRun=true", call, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_there_is_no_compiler_ahead_of_time_it_says_so_and_builds_without()
    {
        using var folder = new TemporaryFolder();
        Prepare(folder);
        folder.Write("sdk/no-crossgen", "");
        var (code, output) = await RunAsync(folder, "demo");
        Assert.True(code == 0 && output.Contains("there is no compiler ahead of time", StringComparison.Ordinal)
            && output.EndsWith("StreamEngine.Cli.dll demo", StringComparison.Ordinal), output);
        Assert.Contains("ReadyToRun=false", Calls(folder)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_build_that_fails_is_told_with_its_errors_and_nothing_is_run()
    {
        using var folder = new TemporaryFolder();
        Prepare(folder);
        folder.Write("sdk/broken", "");
        var (code, output) = await RunAsync(folder, "demo");
        Assert.True(code == 1 && output.Contains("error CS1002", StringComparison.Ordinal)
            && output.EndsWith("the build failed; the whole log is artifacts/build.log", StringComparison.Ordinal), output);
        Assert.Single(Calls(folder));
        // What failed is not taken for built.
        File.Delete(Path.Combine(folder.Path, "sdk", "broken"));
        (code, output) = await RunAsync(folder, "demo");
        Assert.True(code == 0 && output.Contains("built in", StringComparison.Ordinal), output);
    }

    [Fact]
    public async Task An_older_sdk_is_named_and_where_to_get_the_right_one()
    {
        using var folder = new TemporaryFolder();
        Prepare(folder);
        folder.Write("sdk/sdks", "8.0.100 [/usr/share/dotnet/sdk]\n");
        var (code, output) = await RunAsync(folder, "demo");
        Assert.True(code == 1 && output.Contains("the .NET 10 SDK is not installed; there is: 8.0.100", StringComparison.Ordinal), output);
    }

    private static void Prepare(TemporaryFolder folder)
    {
        File.Copy(Path.Combine(Locations.Root, "engine"), Path.Combine(folder.Path, "engine"));
        foreach (var name in new[] { "src", "hocon", "sdk" }) Directory.CreateDirectory(Path.Combine(folder.Path, name));
        foreach (var file in new[] { "src/Program.cs", "hocon/reference.conf", "Directory.Build.props", "global.json" })
            File.SetLastWriteTimeUtc(folder.Write(file, ""), DateTime.UtcNow.AddMinutes(-1));
        folder.Write("sdk/sdks", "10.0.100 [/usr/share/dotnet/sdk]\n");
        folder.Write("sdk/dotnet", Sdk);
    }

    private static string[] Calls(TemporaryFolder folder) => File.ReadAllLines(Path.Combine(folder.Path, "sdk", "calls"));

    private static async Task<(int Code, string Output)> RunAsync(TemporaryFolder folder, string command)
    {
        await using var launcher = new ChildProcess("launcher", "/bin/sh",
            ["-c", $"unset ENGINE_ARTIFACTS; chmod +x sdk/dotnet; PATH='{folder.Path}/sdk':\"$PATH\" exec ./engine {command}"], folder.Path);
        var code = await launcher.WaitForExitAsync();
        return (code, launcher.Output.TrimEnd());
    }
}
