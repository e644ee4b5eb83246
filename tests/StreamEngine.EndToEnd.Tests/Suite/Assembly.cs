using Xunit.Abstractions;

// Each test has a broker, processes and folders of its own, and waits for them for most of its time: a few classes at once, since they want the cores as well.
[assembly: CollectionBehavior(MaxParallelThreads = 3)]
[assembly: TestCollectionOrderer("StreamEngine.EndToEnd.Tests.Suite.LongestFirst", "StreamEngine.EndToEnd.Tests")]

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>Classes that take minutes begin first: the end of the run does not wait for one of them alone.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Long = [nameof(BounceTests), nameof(PipelineCasesTests), nameof(KilledPipelineCasesTests),
        nameof(RedriveTests), nameof(ReplayTests)];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(c =>
        Array.FindIndex(Long, name => c.DisplayName.EndsWith($".{name}", StringComparison.Ordinal)) is >= 0 and var place ? place : Long.Length);
}
