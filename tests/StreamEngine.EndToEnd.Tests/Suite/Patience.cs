using System.Diagnostics;

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>Waiting that always ends: with what was waited for, or with a message that says what it was and how things stand.</summary>
internal static class Patience
{
    public static readonly TimeSpan Usual = TimeSpan.FromSeconds(90);

    public static async Task UntilAsync(Func<bool> condition, string what, Func<string> state, TimeSpan? limit = null)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > (limit ?? Usual)) throw new TimeoutException($"waited {waited.Elapsed.TotalSeconds:0} s for {what}\n{state()}");
            await Task.Delay(20);
        }
    }
}
