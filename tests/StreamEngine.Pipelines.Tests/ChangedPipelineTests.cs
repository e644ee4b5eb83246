using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Redrive;

namespace StreamEngine;

/// <summary>A pipeline that was changed meets the state that it wrote before; and a record that comes twice.</summary>
public sealed class ChangedPipelineTests
{
    private static PipelineFile File(string hours) => PipelineFile.Parse($$"""
        pipeline {
          name = p
          sources.t { topic = t, schema = "at TIMESTAMP FORMAT 'epoch-millis', k STRING", event-time.column = at }
          sql = "INSERT INTO out SELECT window_start, k, count(*) AS n FROM TUMBLE(t, at, INTERVAL '{{hours}}' HOUR) GROUP BY window_start, k"
          sinks.out { topic = out, key = k }
        }
        """, "p.conf");

    [Fact]
    public async Task State_of_a_window_that_the_file_no_longer_has_is_refused_by_its_operator()
    {
        await using var lab = new RedriveLab(File("1"));
        lab.Feed("t", 0, """{"at":500,"k":"a"}""");
        lab.Start();
        await lab.SettleAsync();
        Assert.Equal(1, lab.Last!.Inserts["out"].HeldAfter);
        await using var changed = new RedriveLab(File("2"), before: lab);
        var refused = await Assert.ThrowsAsync<StartupException>(changed.RunAsync);
        Assert.Contains("which its file does not have any more", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_that_comes_twice_counts_twice()
    {
        await using var lab = new RedriveLab(File("1"));
        for (var i = 0; i < 2; i++) lab.Feed("t", 0, """{"at":500,"k":"a"}""");
        lab.Start();
        await lab.FinishAsync();
        Assert.Equal(["""{"window_start":"1970-01-01T00:00:00Z","k":"a","n":2}"""], lab.Rows("out"));
    }
}
