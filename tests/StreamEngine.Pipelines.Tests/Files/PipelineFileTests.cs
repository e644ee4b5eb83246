using StreamEngine.Config;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;
using PlanText = StreamEngine.Pipelines.Commands.PlanText;

namespace StreamEngine.Pipelines.Files;

/// <summary>A pipeline file: the plan that the C# builder makes too, as EXPLAIN shows it, and errors at their places in the file.</summary>
public class PipelineFileTests
{
    private const string Conf = "hocon/pipelines/flights.conf";

    internal static string Root { get; } = FindRoot();

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln"))) return folder.FullName;
        return Environment.GetEnvironmentVariable("ENGINE_ROOT")
            ?? throw new InvalidOperationException("StreamEngine.sln was not found above the test's folder; set ENGINE_ROOT");
    }

    private static string Text => File.ReadAllText(Path.Combine(Root, Conf));

    private static string Errors(string text) => Assert.Throws<ConfigException>(() => PipelineFile.Parse(text, Conf)).Message;

    private static Pipeline Built { get; } = Pipeline.Create("flights")
        .Source("flights", s =>
            s.Kafka("flights").Json("date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL")
            .EventTime("date", outOfOrderness: TimeSpan.FromHours(1), idleTimeout: TimeSpan.FromSeconds(30)).CreateTopic(4))
        .Rule("flights", "plausible-delay", "delay BETWEEN -120 AND 2000")
        .Rule("flights", "positive-distance", "distance > 0")
        .Sql("""
            INSERT INTO hourly
            SELECT window_start, origin, count(*) AS flights, avg(delay) AS average_delay, max(delay) AS worst_delay
            FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, origin
            """)
        .Sql("""
            INSERT INTO routes
            SELECT window_end, origin, destination, count(*) AS flights, avg(delay) AS average_delay
            FROM HOP(flights, date, INTERVAL '1' HOUR, INTERVAL '24' HOUR) GROUP BY window_end, origin, destination HAVING count(*) >= 3
            """)
        .Sink("hourly", s => s.Kafka("flights.hourly", partitions: 4).Json().Key("origin"))
        .Sink("routes", s => s.Kafka("flights.routes", partitions: 4).Json().Key("origin", "destination"))
        .DeadLetters("flights.dlq")
        .Late("flights.late")
        .CommitInterval(TimeSpan.FromSeconds(1));

    [Fact]
    public void The_builder_makes_the_plan_of_the_file()
    {
        var file = PipelineFile.Parse(Text, Conf);
        var plan = PhysicalPlanner.Plan(Built.Definition, SqlPlanner.Plan);
        Assert.Equal(file.Plan.Hash, plan.Hash);
        Assert.Equal(PlanText.Of(file), PlanText.Of(file with { Definition = Built.Parallelism(file.Definition.Parallelism).Definition, Plan = plan }));
        Assert.Equal(file.Definition.Sources[0] with { Rules = [] }, Built.Definition.Sources[0] with { Rules = [] });
        Assert.Equal(file.Definition.Sources[0].Rules, Built.Definition.Sources[0].Rules);
        Assert.Equal(file.Definition.Sinks.Select(s => s with { Key = [] }), Built.Definition.Sinks.Select(s => s with { Key = [] }));
        Assert.Equal(file.Definition.Sinks.SelectMany(s => s.Key), Built.Definition.Sinks.SelectMany(s => s.Key));
        Assert.Equal((file.Definition.DeadLetterTopic, file.Definition.LateTopic, file.Definition.CommitInterval),
            (Built.Definition.DeadLetterTopic, Built.Definition.LateTopic, Built.Definition.CommitInterval));
    }

    [Fact]
    public void The_defaults_of_the_builder_are_those_of_the_file()
    {
        var file = PipelineFile.Parse("pipeline { name = p, sources.s { topic = t, schema = \"a INT\" }, sinks.o { topic = o }, sql = \"INSERT INTO o SELECT a FROM s\" }", "p.conf").Definition;
        var built = Pipeline.Create("p").Source("s", s => s.Kafka("t").Json("a INT")).Sink("o", s => s.Kafka("o")).Sql("INSERT INTO o SELECT a FROM s").Definition;
        PipelineDefinition Plain(PipelineDefinition definition) =>
            definition with { Sources = [], Sinks = [], Vias = [], KafkaSettings = built.KafkaSettings };
        Assert.Equal(Plain(built), Plain(file));
        Assert.Equal(built.Sources[0] with { Rules = [] }, file.Sources[0] with { Rules = [] });
        // A sink's topic that does not exist is created either way, with one partition.
        Assert.Equal(built.Sinks[0] with { Key = [], CreatePartitions = null }, file.Sinks[0] with { Key = [] });
    }

    [Fact]
    public void Explain_shows_what_runs()
    {
        var path = Path.Combine(Root, "tests", "Golden", "explain", "flights.txt");
        var shown = string.Join('\n', PlanText.Of(PipelineFile.Parse(Text, Conf))) + "\n";
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") == "1") File.WriteAllText(path, shown);
        Assert.Equal(File.ReadAllText(path), shown);
    }

    /// <summary>Where a part of a text stands, as errors name it.</summary>
    private static string At(string text, string part)
    {
        var offset = text.IndexOf(part, StringComparison.Ordinal);
        return $"{text[..offset].Count(c => c == '\n') + 1}:{offset - text.LastIndexOf('\n', offset)}";
    }

    [Fact]
    public void An_error_of_SQL_is_shown_in_its_line_of_the_file()
    {
        var wrong = Text.Replace("SELECT window_start, origin,", "SELECT window_start, orign,");
        Assert.Equal($"""
            hocon/pipelines/flights.conf:{At(wrong, "orign")}: column 'orign' does not exist in flights
                    SELECT window_start, orign, count(*) AS flights, avg(delay) AS average_delay, max(delay) AS worst_delay
                                         ^^^^^
              did you mean 'origin'? flights has date, delay, distance, origin, destination
            """, Errors(wrong));
    }

    [Fact]
    public void Errors_of_rules_keys_and_times_are_shown_in_theirs()
    {
        var wrong = Text.Replace("distance > 0", "distanc > 0").Replace("column = date", "column = datum").Replace("key = origin", "key = orgin")
            .Replace("delay BETWEEN", "dilay BETWEEN");
        var errors = Errors(wrong);
        Assert.Contains($"flights.conf:{At(wrong, "datum")}: column 'datum' does not exist in flights", errors, StringComparison.Ordinal);
        Assert.Contains($"flights.conf:{At(wrong, "distanc >")}: rule 'positive-distance' of flights: column 'distanc' does not exist", errors, StringComparison.Ordinal);
        Assert.Contains($"flights.conf:{At(wrong, "dilay")}: rule 'plausible-delay' of flights: column 'dilay' does not exist", errors, StringComparison.Ordinal);
        var key = Text.Replace("key = origin", "key = orgin");
        Assert.Contains($"flights.conf:{At(key, "orgin")}: key of sink 'hourly': column 'orgin' does not exist in hourly", Errors(key), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_key_is_shown_with_the_nearest()
    {
        var wrong = Text.Replace("out-of-orderness", "out-of-ordernes");
        Assert.Equal($$"""
            hocon/pipelines/flights.conf:{{At(wrong, "out-of-ordernes")}}: unknown key 'out-of-ordernes' in pipeline.sources.flights.event-time
                    event-time { column = date, out-of-ordernes = 1h, idle-timeout = 30s }
                                                ^^^^^^^^^^^^^^^
              did you mean 'out-of-orderness'?
            """, Errors(wrong));
    }

    [Fact]
    public void An_epoch_has_to_fit_twice_into_the_transaction_timeout()
    {
        var wrong = Text.Replace("commit-interval = 1s", "commit-interval = 40s") + "\nkafka.transaction-timeout = 60s\n";
        Assert.StartsWith($"{Conf}:{At(wrong, "40s")}: the commit interval of 40s does not fit into the transaction timeout", Errors(wrong), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_no_topic_can_have_is_refused() =>
        Assert.Contains("flights.conf:3:10: 'my flights' is no name of a pipeline", Errors(Text.Replace("name = flights\n", "name = my flights\n")),
        StringComparison.Ordinal);
}
