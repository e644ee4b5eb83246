using StreamEngine.Pipelines.Files;
using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Planted;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>Pipelines of which only the text is known, and what becomes of a failure.</summary>
public class UserPipelineTests
{
    private const string Text = """"
        pipeline {
          name = shop
          sources.orders {
            connector = kafka, topic = orders, format = json
            schema = "id BIGINT NOT NULL, placed TIMESTAMP FORMAT 'yyyy-MM-dd HH:mm:ss.SSS' NOT NULL, customer STRUCT<name STRING, town STRING>, items ARRAY<INT>, price DECIMAL(10,2), paid BOOLEAN, day DATE"
            event-time { column = placed, out-of-orderness = 2m }
          }
          sources.visits {
            connector = kafka, topic = visits, format = csv
            schema = "at TIMESTAMP FORMAT 'epoch-seconds' NOT NULL, page STRING, seconds INT"
            event-time { column = at, out-of-orderness = 1m }
          }
          sql = """
            INSERT INTO revenue SELECT window_start, customer.town AS town, count(*) AS orders, sum(price) AS total
            FROM TUMBLE(orders, placed, INTERVAL '10' MINUTE) WHERE paid IS NOT FALSE GROUP BY window_start, customer.town;
            INSERT INTO pages SELECT window_start, page, count(*) AS visits, sum(seconds) AS seconds
            FROM HOP(visits, at, INTERVAL '5' MINUTE, INTERVAL '15' MINUTE) GROUP BY window_start, page;
            INSERT INTO unpaid SELECT id, items[1] AS first_item, day FROM orders WHERE NOT paid
          """
          sinks.revenue { connector = kafka, topic = revenue, format = json }
          sinks.pages { connector = kafka, topic = pages, format = csv, key = page }
          sinks.unpaid { connector = kafka, topic = unpaid, format = json, key = id }
        }
        """";

    private static CampaignSubject Shop => new(settings => PipelineFile.Parse(Text, "shop.conf", settings));

    [Fact]
    public void Input_is_made_from_the_schemas_and_reaches_every_sink()
    {
        var outcomes = new List<ScenarioOutcome>();
        var failed = Campaign.Run(1, 12, Shop, outcomes.Add);
        Assert.True(failed is null, failed is null ? "" : Campaign.Describe(failed));
        Assert.All(["revenue", "pages", "unpaid", "shop.dlq", "shop.late"], topic => Assert.Contains(outcomes, o => o.Result!.Rows(topic).Count > 0));
        // Most records are good.
        Assert.True(outcomes.Sum(o => o.Result!.Rows("shop.dlq").Count) * 3 < outcomes.Sum(o => o.Scenario.Input.Count));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    public void A_seed_gives_the_same_trace_again(int seed)
    {
        var (first, again) = (ScenarioRun.Run((ulong)seed, new CampaignSubject()), ScenarioRun.Run((ulong)seed, new CampaignSubject()));
        Assert.Empty(first.Wrong);
        Assert.Equal((first.Result!.Trace, first.Result.Steps, first.Result.Elapsed), (again.Result!.Trace, again.Result.Steps, again.Result.Elapsed));
        Assert.All(first.Scenario.Topics, t => Assert.Equal(first.Result.Rows(t), again.Result.Rows(t)));
    }

    [Fact]
    public void A_failure_is_shrunk_to_what_it_needs()
    {
        var subject = new CampaignSubject { Planted = PlantedDefect.OldSnapshot };
        var failed = Campaign.Run(1, 200, subject)!;
        var smallest = Shrinking.Shrink(failed, 25);
        Assert.False(smallest.Passed);
        Assert.True(smallest.Scenario.Input.Count < failed.Scenario.Input.Count);
        Assert.True(smallest.Scenario.Options.Blows.Count <= failed.Scenario.Options.Blows.Count);
        Assert.Contains($"seed {failed.Scenario.Options.Seed}", Campaign.Describe(smallest));
        // It is the same failure each time it is run.
        Assert.Equal(smallest.Wrong.Select(FirstLine), ScenarioRun.Run(smallest.Scenario).Wrong.Select(FirstLine));

        // Where a run hangs its graphs follow, whose stages have other hash codes each time.
        static string FirstLine(string wrong) => wrong.Split('\n')[0];
    }
}
