using StreamEngine.Simulation.Campaigns;
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
        var failed = Campaign.Run(first, count, new CampaignSubject());
        if (failed is not null) Assert.Fail(Campaign.Describe(Shrinking.Shrink(failed)));
    }
}
