using System.Diagnostics;
using StreamEngine.Cli.Terminal;
using StreamEngine.Cli.Tests.Suite;

namespace StreamEngine.Cli.Tests.Terminal;

[Collection(ConsoleCollection.Name)]
public sealed class StopSignalTests
{
    [SkippableFact]
    public async Task A_signal_before_the_command_is_ready_for_it_is_kept()
    {
        Skip.If(OperatingSystem.IsWindows(), "signals are sent by kill");
        StopSignal.CatchEarly();
        using (var kill = Process.Start("kill", ["-TERM", $"{Environment.ProcessId}"])) await kill.WaitForExitAsync();
        // It is handled on a thread of the runtime's, some time after it was sent.
        for (var tries = 0; tries < 500; tries++)
        {
            using var signal = new StopSignal();
            if (signal.Token.IsCancellationRequested) return;
            await Task.Delay(10);
            StopSignal.CatchEarly();
        }
        Assert.Fail("the signal is lost");
    }
}
