using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Runs;
using Xunit.Abstractions;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>Random seeds: flights and generated pipelines, with a bad network, crashes, zombies, broker restarts and damaged state.</summary>
public class CampaignTests(ITestOutputHelper output)
{
    [Fact]
    public void A_hundred_seeds_change_nothing_that_is_committed()
    {
        var first = Environment.GetEnvironmentVariable("ENGINE_SEED") is { } given ? ulong.Parse(given, System.Globalization.CultureInfo.InvariantCulture)
            : (ulong)Random.Shared.NextInt64(1, 1L << 40);
        var count = Environment.GetEnvironmentVariable("ENGINE_SEEDS") is { } many ? int.Parse(many, System.Globalization.CultureInfo.InvariantCulture) : 100;
        output.WriteLine($"seeds {first} to {first + (ulong)count - 1}");
        Console.WriteLine($"seeds {first} to {first + (ulong)count - 1}");
        var passed = new List<SimulationResult>();
        var failed = Campaign.Run(first, count, new CampaignSubject(), o => passed.Add(o.Result!));
        if (failed is not null) Assert.Fail(Campaign.Describe(Shrinking.Shrink(failed)));
        output.WriteLine($"{passed.Sum(r => r.Network.SnapshotRestores)} restores from a whole snapshot, {passed.Sum(r => r.Network.Damaged)} of a damaged one, "
            + $"{passed.Sum(r => r.Network.OlderRestores)} from before it, {passed.Sum(r => r.Network.Trims)} times older state was deleted, "
            + $"{passed.Count(r => r.Manifests.Any(m => m.State.Full.Count == 2))} runs with two snapshots");
        if (count < 100) return;
        // What the campaign is said to have in it does happen.
        Assert.True(passed.Sum(r => r.Network.SnapshotRestores) > 0, "no restore began at a whole snapshot");
        Assert.True(passed.Sum(r => r.Network.Damaged) > 0, "no restore read a damaged snapshot");
        Assert.True(passed.Sum(r => r.Network.OlderRestores) > 0, "no restore went back behind a damaged snapshot");
        Assert.True(passed.Sum(r => r.Network.Trims) > 0, "no state was deleted behind two snapshots");
        Assert.Contains(passed, r => r.Manifests.Any(m => m.State.Full.Count == 2));
    }
}
