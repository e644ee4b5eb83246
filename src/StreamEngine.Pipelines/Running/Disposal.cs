using System.Runtime.ExceptionServices;

namespace StreamEngine.Pipelines.Running;

/// <summary>
/// Ends several things that use one piece of memory: each of them, also where an earlier one fails, since what is left running would write into memory that is freed
/// next.
/// </summary>
internal static class Disposal
{
    /// <summary>In their order; the first failure is thrown once all have ended.</summary>
    public static async ValueTask OfAllAsync(IEnumerable<IAsyncDisposable> things)
    {
        ExceptionDispatchInfo? first = null;
        foreach (var thing in things)
        {
            try
            {
                await thing.DisposeAsync();
            }
            catch (Exception e)
            {
                first ??= ExceptionDispatchInfo.Capture(e);
            }
        }
        first?.Throw();
    }
}
