using Microsoft.Extensions.Logging;

namespace StreamEngine.Pipelines.Running;

/// <summary>
/// Ends several things that use one piece of memory: each of them, also where an earlier one fails, since what is left running would write into memory that is freed
/// next.
/// </summary>
internal static class Disposal
{
    /// <summary>In their order. A failure is told and not thrown: it would take the place of the one for which they are ended, of being fenced say.</summary>
    public static async ValueTask OfAllAsync(IEnumerable<IAsyncDisposable> things, ILogger logger)
    {
        foreach (var thing in things)
        {
            try
            {
                await thing.DisposeAsync();
            }
            catch (Exception e)
            {
                logger.LogError(e, "a {Thing} did not end in order: a defect of the engine", thing.GetType().Name);
            }
        }
    }
}
