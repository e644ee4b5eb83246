using System.Diagnostics;

namespace StreamEngine.Cli.Processes;

/// <summary>
/// A process that was started by a demo or a benchmark does not outlive it, even where that is killed: its standard input is a pipe that ends then.
/// </summary>
internal static class ParentWatch
{
    /// <summary>The variable that says so in the child's environment.</summary>
    public const string Variable = "ENGINE_ENDS_WITH_PARENT";

    public static void Start()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null) return;
        var watch = new Thread(() =>
        {
            using var input = Console.OpenStandardInput();
            while (input.ReadByte() >= 0)
            {
            }
            // As the parent went, without a word: what is not committed is found by the next worker.
            using var own = Process.GetCurrentProcess();
            own.Kill();
        }) { IsBackground = true, Name = "parent watch" };
        watch.Start();
    }
}
