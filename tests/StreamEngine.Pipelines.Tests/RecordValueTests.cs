using System.Globalization;
using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;
using StreamEngine.Streams;

namespace StreamEngine.Pipelines;

/// <summary>
/// A value of a user's record that its column cannot hold, and a value of a column that the record cannot hold, is a fault of that row: the stream goes on.
/// </summary>
public sealed class RecordValueTests : IAsyncLifetime
{
    private readonly MemoryLog _log = new();
    private ActorSystem _system = null!;

    public sealed record Text(int Id, string? Value);

    public sealed record Price(int Id, [property: Column(Precision = 5, Scale = 2)] decimal Value);

    public sealed record Name(int Id, string Value);

    public sealed record Times(int Id, DateTime Least, DateTimeOffset Most, DateOnly Day);

    public sealed record Big(int Id, [property: Column(Precision = 38, Scale = 0)] decimal Value);

    public sealed record Number(int Id, int Value);

    public sealed record Guarded
    {
        public Guarded(int id) => Id = id > 1 ? id : throw new ArgumentException("an id is more than 1");

        public int Id { get; }
    }

    public sealed record Lazy(int Id)
    {
        public int Twice { get => Id > 1 ? 2 * Id : throw new InvalidOperationException("not yet"); set => _ = value; }
    }

    public sealed record WithEnum(DayOfWeek Day);

    public sealed class Unheard : Exception
    {
        public override string Message => throw new NotSupportedException("nothing to say");
    }

    /// <summary>The full name of its types has its arguments' in it, each with its assembly: of this depth 1500 characters and more.</summary>
    public sealed class RefusedException<T>(string message) : Exception(message)
    {
        public static Exception Deep(int depth) => depth == 0 ? new RefusedException<T>("no such shelf")
            : RefusedException<KeyValuePair<T, KeyValuePair<T, Text>>>.Deep(depth - 1);
    }

    public Task InitializeAsync()
    {
        _system = EngineSystem.Start(PipelineFile.Defaults(), NullLoggerFactory.Instance);
        _log.Create("in", 1);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _system.Terminate();

    private async Task<(string[] Rows, string[] Dead)> RunAsync(string schema, RecordFlow flow, params string[] rows)
    {
        foreach (var row in rows) _log.Append("in", 0, new MemoryRecord(null, System.Text.Encoding.UTF8.GetBytes(row), [], 1_893_456_000_000));
        var definition = Pipeline.Create("p").Source("rows", s => s.Kafka("in").Json(schema)).Via("made", "rows", flow)
            .Sql("INSERT INTO out SELECT * FROM made").Sink("out", s => s.Kafka("out").Json()).Parallelism(1).Definition;
        var time = new ManualTime();
        var worker = new PipelineWorker(definition, PhysicalPlanner.Plan(definition, SqlPlanner.Plan), new MemoryConnectors(_log, Batch.DefaultRows, time), _system, time,
            NullLogger.Instance);
        _log.Finish();
        await worker.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        return ([.. _log.ReadAll("out").Select(r => System.Text.Encoding.UTF8.GetString(r.Value!))], [.. _log.ReadAll("p.dlq").Select(r =>
            $"{System.Text.Encoding.UTF8.GetString(r.Value!)} {(RecordHeaders.TryGetLast(r.Headers, "streamengine.reason"u8, out var reason)
                ? System.Text.Encoding.UTF8.GetString(reason) : "")}")]);
    }

    [Fact]
    public async Task A_decimal_that_does_not_fit_its_column_is_a_dead_letter()
    {
        var (rows, dead) = await RunAsync("id INT NOT NULL, value STRING",
            Records.Select<Text, Price>(t => new Price(t.Id, decimal.Parse(t.Value!, CultureInfo.InvariantCulture))),
            """{"id":1,"value":"999.994"}""", """{"id":2,"value":"999.995"}""", """{"id":3,"value":"79228162514264337593543950335"}""",
            """{"id":4,"value":"-0.005"}""", """{"id":5,"value":"0.0049999999999999999999999999"}""", """{"id":6,"value":"-79228162514264337593543950335"}""",
            """{"id":7,"value":"1"}""");
        Assert.Equal(["""{"id":1,"value":999.99}""", """{"id":4,"value":-0.01}""", """{"id":5,"value":0.00}""", """{"id":7,"value":1.00}"""], rows);
        Assert.Equal([
            """{"id":2,"value":"999.995"} InvalidDataException: Price.Value, column 'value': 999.995 does not fit DECIMAL(5,2)""",
            """{"id":3,"value":"79228162514264337593543950335"} InvalidDataException: Price.Value, column 'value': 79228162514264337593543950335 does not fit DECIMAL(5,2)""",
            """{"id":6,"value":"-79228162514264337593543950335"} InvalidDataException: Price.Value, column 'value': -79228162514264337593543950335 does not fit DECIMAL(5,2)""",
        ], dead);
    }

    [Fact]
    public async Task Nulls_where_none_may_be_half_characters_and_getters_that_throw_are_dead_letters()
    {
        var (rows, dead) = await RunAsync("id INT NOT NULL, value STRING",
            Records.SelectMany<Text, Name>(t => [new Name(t.Id, "first"), new Name(t.Id, t.Id == 3 ? "\ud800" : t.Value!)]),
            """{"id":1,"value":"a"}""", """{"id":2,"value":null}""", """{"id":3,"value":"b"}""", """{"id":4,"value":"c"}""");
        // What a row is mapped to is written whole or not at all.
        Assert.Equal(["""{"id":1,"value":"first"}""", """{"id":1,"value":"a"}""", """{"id":4,"value":"first"}""", """{"id":4,"value":"c"}"""], rows);
        Assert.Equal(["""{"id":2,"value":null} InvalidDataException: Name.Value, column 'value': NOT NULL, but the value is null""",
            """{"id":3,"value":"b"} InvalidDataException: Name.Value, column 'value': half a surrogate pair in a text: it is no Unicode character"""], dead);
    }

    [Fact]
    public async Task A_getter_that_throws_is_a_dead_letter()
    {
        var (rows, dead) = await RunAsync("id INT NOT NULL", Records.Select<Guarded, Lazy>(g => new Lazy(g.Id - 1)), """{"id":2}""", """{"id":3}""");
        Assert.Equal(["""{"id":2,"twice":4}"""], rows);
        Assert.Equal(["""{"id":2} InvalidDataException: Lazy.Twice, column 'twice': InvalidOperationException: not yet"""], dead);
    }

    [Theory]
    [InlineData(0, 100)]
    [InlineData(4, 1000)]
    public async Task An_exception_whose_type_has_a_long_name_makes_a_dead_letter_that_names_it(int depth, int least)
    {
        var failure = RefusedException<Text>.Deep(depth);
        var name = failure.GetType().FullName!;
        Assert.True(name.Length > least, name);
        var (rows, dead) = await RunAsync("id INT NOT NULL, value STRING", Records.Where<Text>(t => t.Id != 1 ? true : throw failure),
            """{"id":1,"value":"a"}""", """{"id":2,"value":"b"}""");
        Assert.Equal(["""{"id":2,"value":"b"}"""], rows);
        Assert.Equal(["""{"id":1,"value":"a"} RefusedException`1: no such shelf"""], dead);
        Assert.True(RecordHeaders.TryGetLast(Assert.Single(_log.ReadAll("p.dlq")).Headers, "__streams.errors.exception"u8, out var written));
        Assert.Equal(name[..Math.Min(name.Length, 1000)], System.Text.Encoding.UTF8.GetString(written));
    }

    [Fact]
    public async Task An_exception_without_a_message_and_a_row_that_cannot_be_written_again_are_dead_letters()
    {
        var (rows, dead) = await RunAsync("id INT NOT NULL, twice INT NOT NULL", Records.Where<Lazy>(l => l.Id != 1 ? true : throw new Unheard()),
            """{"id":1,"twice":7}""", """{"id":2,"twice":4}""");
        Assert.Equal(["""{"id":2,"twice":4}"""], rows);
        Assert.Equal(["""{"id":1,"twice":7} Unheard: its message cannot be told, for asking for it threw NotSupportedException"""], dead);
    }

    [Fact]
    public async Task The_first_and_the_last_time_pass()
    {
        var (rows, dead) = await RunAsync("id INT NOT NULL", Records.Select<Guarded, Times>(g => g.Id == 2
            ? new Times(2, DateTime.MinValue, DateTimeOffset.MinValue, DateOnly.MinValue) : new Times(3, DateTime.MaxValue, DateTimeOffset.MaxValue, DateOnly.MaxValue)),
            """{"id":2}""", """{"id":3}""");
        Assert.Equal(["""{"id":2,"least":"0001-01-01T00:00:00Z","most":"0001-01-01T00:00:00Z","day":"0001-01-01"}""",
            """{"id":3,"least":"9999-12-31T23:59:59.999999Z","most":"9999-12-31T23:59:59.999999Z","day":"9999-12-31"}"""], rows);
        Assert.Empty(dead);
    }

    [Fact]
    public async Task A_row_that_the_record_cannot_hold_is_a_dead_letter_as_it_came()
    {
        var (rows, dead) = await RunAsync("id INT NOT NULL, value DECIMAL(38,10)", Records.Select<Big, Big>(b => b),
            """{"id":1,"value":7922816251426433759354395033}""", """{"id":2,"value":7922816251426433759354395033.5}""", """{"id":3,"value":0.0000000001}""",
            """{"id":4,"value":9999999999999999999999999999}""", """{"id":5, "value":9999999999999999999999999999.0000000001}""", """{"id":6,"value":null}""");
        Assert.Equal(["""{"id":1,"value":7922816251426433759354395033}""", """{"id":2,"value":7922816251426433759354395034}""", """{"id":3,"value":0}""",
            """{"id":4,"value":9999999999999999999999999999}"""], rows);
        Assert.Equal(["""{"id":5, "value":9999999999999999999999999999.0000000001} InvalidDataException: Big.Value, column 'value': 9999999999999999999999999999.0000000001 is more than a decimal of .NET holds""",
            """{"id":6,"value":null} InvalidDataException: Big.Value, column 'value': the value is null, and the property takes none"""], dead);
    }

    [Fact]
    public async Task A_constructor_that_throws_and_a_null_for_a_number_are_dead_letters()
    {
        var (rows, dead) = await RunAsync("id INT NOT NULL, value INT", Records.Select<Number, Guarded>(n => new Guarded(n.Id)),
            """{"id":2,"value":1}""", """{"id":3,"value":null}""", """{"id":1,"value":1}""");
        Assert.Equal(["""{"id":2}"""], rows);
        Assert.Equal(["""{"id":3,"value":null} InvalidDataException: Number.Value, column 'value': the value is null, and the property takes none""",
            """{"id":1,"value":1} ArgumentException: an id is more than 1"""], dead);
    }

    [Fact]
    public async Task A_record_that_guards_itself_refuses_its_row_alone()
    {
        var (rows, dead) = await RunAsync("id INT NOT NULL", Records.Where<Guarded>(g => true), """{"id":1}""", """{"id":2}""");
        Assert.Equal(["""{"id":2}"""], rows);
        Assert.Equal(["""{"id":1} InvalidDataException: Guarded: ArgumentException: an id is more than 1"""], dead);
    }

    [Fact]
    public async Task In_a_flow_of_records_they_go_to_the_users_function()
    {
        var refused = new List<string>();
        var rows = new[] { new Price(1, 1), new Price(2, 1000), new Price(3, 3) };
        Source<Price, Akka.NotUsed> Input() => Source.From(rows);
        var flow = SqlFlow.Of<Price, Number>("SELECT id, CASE WHEN id = 3 THEN NULL ELSE 7 END AS value FROM rows", (row, reason) => refused.Add($"{row.Id}: {reason}"));
        Assert.Equal([new Number(1, 7)], await Input().Via(flow).RunWith(Sink.Seq<Number>(), _system.Materializer()));
        Assert.Equal(["2: Price.Value, column 'value': 1000 does not fit DECIMAL(5,2)", "3: Number.Value, column 'value': the value is null, and the property takes none"],
            refused.Order(StringComparer.Ordinal));
        await Assert.ThrowsAnyAsync<Exception>(() => Input().Via(SqlFlow.Of<Price, Number>("SELECT id, 7 AS value FROM rows"))
            .RunWith(Sink.Seq<Number>(), _system.Materializer()));
    }

    [Fact]
    public void A_property_of_another_type_is_refused_by_its_name() =>
        Assert.StartsWith("WithEnum.Day is DayOfWeek; columns are",
            Assert.Throws<ArgumentException>(() => Records.Where<WithEnum>(w => true)).Message, StringComparison.Ordinal);
}
