using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Redrive;

namespace StreamEngine;

/// <summary>State that was read back is in memory once, in the operators, as soon as they have taken it; the next incarnation reads it back again.</summary>
public sealed class RestoredMemoryTests
{
    private static PipelineFile File(int lanes) => PipelineFile.Parse($$"""
        pipeline {
          name = p
          parallelism = {{lanes}}
          sources.t { topic = t, schema = "at TIMESTAMP FORMAT 'epoch-millis', k STRING", event-time.column = at }
          sql = "INSERT INTO out SELECT window_start, k, count(*) AS n FROM TUMBLE(t, at, INTERVAL '1' HOUR) GROUP BY window_start, k"
          sinks.out { topic = out, key = k }
        }
        """, "p.conf");

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task It_is_let_go_by_the_first_epoch_and_a_restart_reads_it_again(int lanes)
    {
        await using var lab = new RedriveLab(File(lanes));
        lab.Start();
        for (var incarnation = 0; incarnation < 3; incarnation++)
        {
            // The first one may run already.
            var before = incarnation > 0 ? lab.Progress : null;
            if (incarnation > 0) lab.Crash();
            for (var i = 0; i < 20; i++) lab.Feed("t", i % 2, $$"""{"at":{{500 + incarnation}},"k":"{{i}}"}""");
            do await lab.SettleAsync();
            while (lab.Progress is not { Ended: > 0 } now || now == before);
            var restored = lab.Progress!.Restored;
            Assert.Equal((incarnation > 0, incarnation > 0), (restored.IsReleased, restored.Pieces > 0));
        }
        await lab.FinishAsync();
        Assert.Equal(20, lab.Rows("out").Count);
        Assert.All(lab.Rows("out"), r => Assert.EndsWith("\"n\":3}", r, StringComparison.Ordinal));
    }
}
