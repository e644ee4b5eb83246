namespace StreamEngine.Pipelines.Running;

/// <summary>Workers that run together in one process.</summary>
internal static class WorkerGroup
{
    /// <summary>
    /// Runs all until the stop, which drains them. One that cannot go on stops the others in order and its reason is thrown: a process that runs half of what it was
    /// asked for would go unnoticed.
    /// </summary>
    public static async Task RunAsync(IEnumerable<PipelineWorker> workers, CancellationToken stop)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAll(workers.Select(w => RunOneAsync(w, failed)).ToList());
    }

    private static async Task RunOneAsync(PipelineWorker worker, CancellationTokenSource failed)
    {
        try
        {
            await worker.RunAsync(failed.Token);
        }
        catch
        {
            await failed.CancelAsync();
            throw;
        }
    }
}
