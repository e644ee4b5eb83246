using System.Runtime.ExceptionServices;
using StreamEngine.Core;

namespace StreamEngine.Pipelines.Running;

/// <summary>Workers that run together in one process.</summary>
internal static class WorkerGroup
{
    /// <summary>
    /// Runs all until the stop, which drains them. One that cannot go on stops the others in order and its reason is thrown: a process that runs half of what it was
    /// asked for would go unnoticed. Where several cannot, one that was fenced is thrown: a process that is started again would fence its successor.
    /// </summary>
    public static async Task RunAsync(IEnumerable<PipelineWorker> workers, CancellationToken stop)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await RunAsync([.. workers.Select(w => (Func<CancellationToken, Task>)(t => w.RunAsync(t)))], failed);
    }

    internal static async Task RunAsync(IReadOnlyList<Func<CancellationToken, Task>> workers, CancellationTokenSource failed)
    {
        var all = Task.WhenAll(workers.Select(w => RunOneAsync(w, failed)).ToList());
        try
        {
            await all;
        }
        catch when (all.Exception?.InnerExceptions.OfType<FencedException>().FirstOrDefault() is { } fenced)
        {
            ExceptionDispatchInfo.Throw(fenced);
        }
    }

    private static async Task RunOneAsync(Func<CancellationToken, Task> worker, CancellationTokenSource failed)
    {
        try
        {
            await worker(failed.Token);
        }
        catch
        {
            await failed.CancelAsync();
            throw;
        }
    }
}
