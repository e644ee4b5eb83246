using System.Globalization;
using System.Text;
using StreamEngine.Pipelines.Files;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Campaigns;

/// <summary>
/// A small random pipeline over events of which everything is known: filters are SQL text beside a function that says the same, so that an oracle can tell what the
/// engine has to do. Sums and averages are of integers: those of floating-point numbers depend on the order of the rows.
/// </summary>
internal sealed class GeneratedPipeline
{
    private const string Topic = "events";
    private const long Second = 1_000_000;

    private static readonly (string Sql, Func<Event, bool> Takes)[] Filters =
    [
        ("", _ => true),
        ("amount > 0", e => e.Amount > 0),
        ("kind <> 'b'", e => e.Kind != "b"),
        ("area IS NOT NULL", e => e.Area is not null),
        ("amount IS NULL OR amount < 50", e => e.Amount is null or < 50),
        ("kind IN ('a', 'c', 'd')", e => e.Kind is "a" or "c" or "d"),
        ("CASE WHEN area = 'north' THEN amount ELSE 1 END >= 0", e => e.Area == "north" ? e.Amount >= 0 : true),
        ("NOT (kind = 'a' AND amount BETWEEN 10 AND 60)", e => !(e.Kind == "a" && e.Amount is >= 10 and <= 60) && !(e.Kind == "a" && e.Amount is null)),
    ];

    private static readonly string[] Aggregates =
    [
        "sum(amount) AS total", "min(amount) AS least", "max(amount) AS most", "avg(amount) AS average", "count(amount) AS amounts", "count(DISTINCT area) AS areas",
            "min(area) AS first_area", "max(kind) AS last_kind",
        "sum(weight) AS weights", "sum(CASE WHEN amount > 20 THEN 1 ELSE 0 END) AS big",
    ];

    private static readonly string[] Columns =
    [
        "amount * 2 AS twice", "CASE WHEN amount > 50 THEN 'big' WHEN amount IS NULL THEN 'none' ELSE 'small' END AS size", "100 / amount AS part", "upper(kind) AS loud",
            "weight + amount AS both",
        "coalesce(area, 'nowhere') AS place", "at AS moment",
    ];

    private readonly Random _random;
    private readonly StringBuilder _sql = new();
    private readonly StringBuilder _sinks = new();
    private readonly List<WindowedInsert> _windows = [];
    private readonly long _outOfOrderness;
    private int _inserts;

    /// <summary>An event as it is written.</summary>
    private sealed record Event(string Kind, string? Area, int? Amount, long Weight);

    private GeneratedPipeline(Random random)
    {
        _random = random;
        _outOfOrderness = random.Next(4) == 0 ? 0 : random.Next(1, 120) * Second;
    }

    /// <param name="random">The seed's.</param>
    /// <param name="processes">How many variants of it, which differ in what may differ from process to process.</param>
    /// <param name="idle">Partitions fall idle: one tumbling window, and at most INSERTs that pass rows beside it.</param>
    /// <param name="options">Of the run.</param>
    /// <param name="shortEpochs">An epoch for every few rows.</param>
    public static Scenario Generate(Random random, int processes, bool idle, SimulationOptions options, bool shortEpochs)
    {
        var pipeline = new GeneratedPipeline(random);
        var windows = idle ? 1 : shortEpochs ? random.Next(1, 3) : random.Next(3);
        for (var i = 0; i < windows; i++) pipeline.AddWindow(idle);
        for (var i = windows == 0 ? 1 : random.Next(2); i > 0; i--) pipeline.AddProjection();
        var text = pipeline.Text();
        var interval = new[] { "30ms", "200ms", "1s" }[random.Next(3)];
        if (shortEpochs) interval = "30ms";
        List<string> settings = [$"commit-interval={interval}", $"kafka.transaction-timeout={random.Next(6, 60)}s",
            $"sources.events.event-time.idle-timeout={(idle ? $"{random.Next(1, 4)}s" : "infinite")}", $"sources.events.event-time.max-drift={random.Next(1, 30)}m"];
        var files = Enumerable.Range(0, processes).Select(_ => PipelineFile.Parse(text, "generated.conf", [.. settings, $"parallelism={random.Next(1, 4)}"])).ToList();
        var input = pipeline.Events(random.Next(40, 200) + (shortEpochs ? 150 : 0), options.Partitions, idle);
        return new Scenario
        {
            Name = text,
            Files = files,
            Input = input,
            Options = options,
            Windows = pipeline._windows,
            Idle = idle ? new IdlePartitions(PipelineFile.Parse(text, "generated.conf",
                [.. settings, "sources.events.event-time.idle-timeout=infinite", "sources.events.event-time.out-of-orderness=1000h"]), "out.0") : null,
        };
    }

    private string Text() => $$""""
        pipeline {
          name = generated
          sources.events {
            connector = kafka, topic = {{Topic}}, format = json
            schema = "at TIMESTAMP FORMAT 'epoch-millis' NOT NULL, kind STRING NOT NULL, area STRING, amount INT, weight BIGINT NOT NULL"
            event-time { column = at, out-of-orderness = {{_outOfOrderness / Second}}s }
            rules { light = "weight < 1000" }
          }
          sql = """
        {{_sql}}
          """
        {{_sinks}}
        }
        """";

    private string NextSink(string key)
    {
        var name = $"s{_inserts}";
        _sinks.AppendLine(CultureInfo.InvariantCulture,
            $"  sinks.{name} {{ connector = kafka, topic = out.{_inserts}, format = json, key = {key}, create {{ partitions = {_random.Next(1, 4)} }} }}");
        if (_inserts++ > 0) _sql.AppendLine(";");
        return name;
    }

    private void AddProjection()
    {
        var sink = NextSink("kind");
        var columns = _random.GetItems(Columns, _random.Next(1, 4)).Distinct();
        var filter = Filters[_random.Next(Filters.Length)].Sql;
        _sql.Append(CultureInfo.InvariantCulture,
            $"    INSERT INTO {sink} SELECT kind, {string.Join(", ", columns)} FROM events{(filter.Length == 0 ? "" : $" WHERE {filter}")}");
    }

    private void AddWindow(bool tumbling)
    {
        var slide = _random.Next(1, 8) * 10;
        var size = tumbling || _random.Next(2) == 0 ? slide : slide * _random.Next(2, 5) - (_random.Next(3) == 0 ? 5 : 0);
        var keys = _random.Next(3) == 0 ? "kind, area" : "kind";
        var sink = NextSink(keys == "kind" ? "kind" : "[kind, area]");
        var filter = Filters[_random.Next(Filters.Length)];
        var aggregates = _random.GetItems(Aggregates, _random.Next(1, 5)).Distinct();
        var window = size == slide ? $"TUMBLE(events, at, INTERVAL '{size}' SECOND)" : $"HOP(events, at, INTERVAL '{slide}' SECOND, INTERVAL '{size}' SECOND)";
        var having = !tumbling && _random.Next(3) == 0 ? " HAVING count(*) >= 2" : "";
        _sql.Append(CultureInfo.InvariantCulture,
            $"    INSERT INTO {sink} SELECT window_start, {keys}, count(*) AS n, {string.Join(", ", aggregates)} FROM {window}{(filter.Sql.Length == 0 ? "" : $" WHERE {filter.Sql}")} GROUP BY window_start, {keys}{having}");
        _windows.Add(new WindowedInsert(sink, size * Second, slide * Second, _outOfOrderness, r => filter.Takes((Event)r.Row!)));
    }

    private List<InputRecord> Events(int count, int partitions, bool idle)
    {
        var records = new List<InputRecord>();
        var start = new DateTimeOffset(2020, 5, 1, 12, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
        var step = _random.Next(1, 20) * 500;
        for (var i = 0; i < count; i++)
        {
            var partition = _random.Next(partitions);
            // Partitions rest in turns for longer than the timeout.
            if (idle && partitions > 1 && i / 25 % partitions == partition) partition = (partition + 1) % partitions;
            var jitter = _random.NextInt64(_outOfOrderness / 1000 + step) + (_random.Next(15) == 0 ? _random.Next(200_000) : 0);
            var time = start + (long)i * step - jitter;
            var row = new Event($"{(char)('a' + _random.Next(5))}", _random.Next(4) switch { 0 => null, 1 => "north", 2 => "south", _ => "a longer name of an area" },
                _random.Next(8) == 0 ? null : _random.Next(-20, 100), _random.Next(15) == 0 ? 5000 : _random.Next(100));
            var (text, good) = Write(row, time);
            records.Add(new InputRecord(Topic, partition, text is null ? null : Encoding.UTF8.GetBytes(text), time + _random.Next(1000)) { Row = row, EventTime = good
                && row.Weight < 1000 ? time * 1000 : null });
        }
        return records;
    }

    /// <summary>The event as JSON; now and then not quite.</summary>
    private (string? Text, bool Good) Write(Event row, long time)
    {
        var area = row.Area is null ? _random.Next(2) == 0 ? "" : ",\"area\":null" : $",\"area\":\"{row.Area}\"";
        var amount = row.Amount is null ? "" : $",\"amount\":{row.Amount}";
        return _random.Next(60) switch
        {
            0 => (null, false),
            1 => ("{\"at\":", false),
            2 => ($$"""{"at":{{time}},"kind":null,"weight":1}""", false),
            3 => ($$"""{"at":"soon","kind":"a","weight":1}""", false),
            // Further ahead of its record than one day: refused, and the watermark stays.
            4 => ($$"""{"at":{{time + 200_000_000}},"kind":"a","weight":1}""", false),
            _ => ($$"""{"at":{{time}},"kind":"{{row.Kind}}"{{area}}{{amount}},"weight":{{row.Weight}}}""", true),
        };
    }
}
