using System.Diagnostics;
using System.Runtime.InteropServices;
using StreamEngine.Cli.Commands;
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
        using var signal = new StopSignal();
        // It is handled on a thread of the runtime's, some time after it was sent.
        await Task.WhenAny(signal.Task, Task.Delay(TimeSpan.FromSeconds(30)));
        Assert.True(signal.Token.IsCancellationRequested, "the signal is lost");
    }

    [Fact]
    public void A_signal_whose_taker_the_runtime_looked_up_before_the_command_took_over_is_handed_on()
    {
        StopSignal.CatchEarly();
        using var signal = new StopSignal();
        var context = new PosixSignalContext(PosixSignal.SIGTERM);
        StopSignal.Keep(context);
        Assert.True(context.Cancel);
        Assert.True(signal.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task At_no_moment_up_to_the_end_of_a_command_is_a_signal_without_a_taker()
    {
        for (var i = 0; i < 300; i++)
        {
            StopSignal.CatchEarly();
            var (ended, started, untaken) = (false, new TaskCompletionSource(), 0);
            var sender = Task.Factory.StartNew(() =>
            {
                while (!Volatile.Read(ref ended))
                {
                    var context = new PosixSignalContext(PosixSignal.SIGTERM);
                    StopSignal.Keep(context);
                    if (!context.Cancel && !Volatile.Read(ref ended)) untaken++;
                    started.TrySetResult();
                }
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            await started.Task;
            await Guarded.RunAsync(async (StopSignal signal) =>
            {
                await signal.Task;
                Volatile.Write(ref ended, true);
                await sender;
                return ExitCodes.Done;
            });
            Assert.Equal(0, untaken);
        }
    }

    [Fact]
    public void A_signal_that_comes_to_a_command_that_has_ended_harms_nobody()
    {
        StopSignal ended;
        using (ended = new StopSignal())
        {
        }
        ended.Stop(new PosixSignalContext(PosixSignal.SIGTERM));
        var context = new PosixSignalContext(PosixSignal.SIGTERM);
        StopSignal.Keep(context);
        Assert.False(context.Cancel);
    }
}
