using System.Text;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Files;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>Dead letters chosen and fixed by SQL.</summary>
public sealed class LetterSelectionTests : IDisposable
{
    private static readonly PipelineFile File = PipelineFile.Parse(""""
        pipeline {
          name = p
          sources.t {
            topic = t, schema = "at TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT, origin STRING NOT NULL", event-time { column = at }
            rules { small = "delay < 100" }
          }
          sources.lines { topic = lines, format = csv, schema = "n INT, m INT" }
          sources.more { topic = lines, format = csv, schema = "n INT, m INT", rules { only-mine = "n > 0" } }
          sql = """
            INSERT INTO out SELECT window_end, count(*) AS n FROM HOP(t, at, INTERVAL '1' HOUR, INTERVAL '2' HOUR) GROUP BY window_end;
            INSERT INTO rows SELECT origin FROM t;
            INSERT INTO plain SELECT n FROM lines;
            INSERT INTO other SELECT n FROM more
          """
          sinks { out { topic = out }, rows { topic = rows }, plain { topic = plain }, other { topic = other } }
        }
        """", "p.conf");

    private readonly MemoryScope _scope = new("test");

    public void Dispose()
    {
        Assert.Equal(0, _scope.BlocksOut);
        _scope.Dispose();
    }

    private static DeadLetter Letter(long offset, string? value, string stage = "rule", string? rule = "small", string insert = "*", string topic = "t",
        params string[] headers)
    {
        var all = headers.Select(h => KeyValuePair.Create(h.Split('=')[0], (byte[]?)Encoding.UTF8.GetBytes(h.Split('=')[1]))).ToList();
        var at = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        return new DeadLetter(new TopicRecord("p.dlq", 0, offset, at, [65], value is null ? null : Encoding.UTF8.GetBytes(value), all), stage, rule, "because", insert,
            new SourcePlace(topic, 1, offset + 1000));
    }

    private static Candidate Candidate(DeadLetter letter) =>
        new(letter, new RedriveMark("t", null, "t", 1, letter.Source!.Value.Offset, 5, new LetterIdentity("p.dlq", "id", 0, letter.Record.Offset)));

    private List<Chosen> Choose(string? filter, string? fix, params DeadLetter[] letters)
    {
        using var selection = new LetterSelection(File.Definition.Sources[0], filter, fix, _scope, out _);
        return [.. selection.Choose([.. letters.Select(Candidate)])];
    }

    private static string Text(Chosen chosen) => Encoding.UTF8.GetString(chosen.Payload!);

    private static readonly DeadLetter[] Letters =
    [
        Letter(0, """{"at":"2001/01/01 06:10","delay":500,"origin":"ATL","extra":1.50}"""),
        Letter(1, """{"at":"2001/01/01 07:10","delay":"x","origin":"DFW"}""", "contract", null),
        Letter(2, "no json", "decode", null, headers: ["trace-id=7", "plain=a", "Plain=b"]),
        Letter(3, """{"at":"2001/01/02 06:10","delay":200,"origin":"dfw"}""", insert: "out"),
        Letter(4, null, "decode", null),
    ];

    [Theory]
    [InlineData(null, "0 1 2 3 4")]
    [InlineData("stage = 'rule' AND rule = 'small'", "0 3")]
    [InlineData("delay > 300", "0")]
    [InlineData("upper(origin) = 'DFW'", "3")]
    [InlineData("t.origin IS NULL", "1 2 4")]
    [InlineData("letter.insert = 'out' OR payload LIKE '%no%'", "2 3")]
    [InlineData("payload IS NULL", "4")]
    [InlineData("\"offset\" BETWEEN 1001 AND 1002 AND topic = 't' AND partition = 1", "1 2")]
    [InlineData("headers.\"trace-id\" = '7'", "2")]
    [InlineData("headers.plain = 'b' AND headers.none IS NULL", "2")]
    [InlineData("timestamp = TIMESTAMP '2026-01-01 00:00:00' AND key = 'A' AND reason = 'because' AND at < TIMESTAMP '2001-01-02 00:00:00'", "0")]
    [InlineData("1000 / (delay - 500) < 0", "3")]
    public void A_condition_sees_headers_and_row(string? filter, string expected) =>
        Assert.Equal(expected, string.Join(' ', Choose(filter, null, Letters).Select(c => c.Letter.Record.Offset)));

    [Fact]
    public void Fields_are_set_and_the_others_stay_as_they_stand()
    {
        var chosen = Choose("stage <> 'decode'", "delay = coalesce(delay, 7) - 1, origin = lower(origin) || '!'", Letters[0], Letters[3]);
        Assert.Equal(["""{"at":"2001/01/01 06:10","delay":499,"origin":"atl!","extra":1.50}""", """{"at":"2001/01/02 06:10","delay":199,"origin":"dfw!"}"""], chosen.Select(Text));
        // What does not decode has no columns, and takes constants all the same.
        var mended = Assert.Single(Choose(null, "delay = 0", Letters[1]));
        Assert.Equal("""{"at":"2001/01/01 07:10","delay":0,"origin":"DFW"}""", Text(mended));
        Assert.Equal((null, 978_333_000_000_000L), (mended.Error, mended.EventTime));
    }

    [Fact]
    public void The_text_is_rewritten_before_the_fields_are_set()
    {
        var fixedOne = Assert.Single(Choose(null, "origin = upper(origin), payload = '{\"at\":\"2001/01/01 00:00\",\"origin\":\"x\"}', at = '2001/01/01 05:00'", Letters[2]));
        Assert.Equal("""{"at":"2001/01/01 05:00","origin":"X"}""", Text(fixedOne));
        Assert.Equal(978_325_200_000_000L, fixedOne.EventTime);
    }

    [Fact]
    public void Without_a_fix_the_bytes_stay_and_what_will_fail_again_is_said()
    {
        var chosen = Choose("stage = 'decode'", null, Letters);
        Assert.Equal("no json", Text(chosen[0]));
        Assert.Null(chosen[1].Payload);
        Assert.All(chosen, c => Assert.NotNull(c.Error));
    }

    [Theory]
    [InlineData("delay = 1 / (delay - 500)", 0)]
    [InlineData("delay = 1", 2)]
    [InlineData("delay = 1", 4)]
    public void A_fix_that_fails_on_a_letter_refuses_all_and_names_it(string fix, int letter) =>
        Assert.Contains($"p.dlq-0@{letter} (of t-1@{1000 + letter})", Assert.Throws<StartupException>(() => Choose(null, fix, Letters[letter])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("", "a column to be set")]
    [InlineData("nothing = 1", "does not exist in t")]
    [InlineData("delay = 1, delay = 2", "set twice")]
    [InlineData("payload = 'a', payload = 'b'", "set twice")]
    [InlineData("delay = 'x'", "x")]
    [InlineData("delay = origin", "expected INT")]
    [InlineData("at = TIMESTAMP '2001-01-01 00:00:00'", "is written as yyyy/MM/dd HH:mm")]
    [InlineData("delay = 1 origin", "the end of the text")]
    public void A_fix_that_cannot_be_is_refused(string fix, string reason) =>
        Assert.Contains(reason, Assert.Throws<SqlException>(() => Choose(null, fix)).Message, StringComparison.Ordinal);

    [Fact]
    public void Csv_is_fixed_as_text()
    {
        using var selection = new LetterSelection(File.Definition.Sources[1], "m IS NULL", "payload = replace(payload, 'x', '3')", _scope, out _);
        Assert.Equal("1,3", Text(Assert.Single(selection.Choose([Candidate(Letter(0, "1,x")), Candidate(Letter(1, "1,2"))]))));
        var refused = Assert.Throws<SqlException>(() => new LetterSelection(File.Definition.Sources[1], null, "n = 1", _scope, out _));
        Assert.Contains("is CSV", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("t", "*", null, null, "t", "")]
    [InlineData("gone", "*", null, null, null, "does not read")]
    [InlineData("t", "removed", null, null, null, "INSERT INTO removed")]
    [InlineData("lines", "*", null, null, null, "name one with --source")]
    [InlineData("lines", "*", null, "more", "more", "")]
    [InlineData("lines", "*", "only-mine", null, "more", "")]
    [InlineData("lines", "plain", null, null, "lines", "")]
    public void A_letter_finds_its_source(string topic, string insert, string? rule, string? among, string? source, string reason)
    {
        var found = new LetterSources(File.Definition, File.Plan, among).Find(Letter(0, "x", rule: rule, insert: insert, topic: topic), out var why);
        Assert.Equal(source, found?.Name);
        Assert.Contains(reason, why, StringComparison.Ordinal);
    }

    [Fact]
    public void What_has_no_record_cannot_go_back()
    {
        var sources = new LetterSources(File.Definition, File.Plan, null);
        Assert.Null(sources.Find(Letter(0, "x") with { Source = null }, out var why));
        Assert.Contains("no single record", why, StringComparison.Ordinal);
        Assert.Null(sources.Find(Letter(0, null) with { Reason = "odd (the record itself, of 9 bytes, is too large for a dead letter: it is at t-0@1)" }, out why));
        Assert.Contains("too large", why, StringComparison.Ordinal);
    }

    [Fact]
    public void Closed_windows_are_found_and_the_replay_spans_them()
    {
        const long Hour = 3_600_000_000;
        var manifest = new EpochManifest
        {
            Pipeline = "h", Slot = 0, Incarnation = 1, Epoch = 1, At = DateTimeOffset.UnixEpoch, Inserts = new Dictionary<string, ConservationLine>(), State = new([], 0),
            Sources = new Dictionary<string, SourcePosition> { ["t"] = new("t", "id", 10 * Hour, new Dictionary<int, PartitionPosition>()) },
        };
        var closed = new ClosedWindows(File.Plan, manifest);
        closed.Add("t", null, 3 * Hour + 1);
        closed.Add("t", "rows", 2 * Hour);
        closed.Add("t", "out", 9 * Hour + 1);
        closed.Add("t", "out", 10 * Hour);
        closed.Add("t", "out", 3 * Hour + 2);
        Assert.Equal((2, 1), (closed.LateRows, closed.PartlyLateRows));
        Assert.Equal(3, closed.Windows["out"]);
        Assert.Equal(new EventTimeRange(2 * Hour, 10 * Hour), closed.Range);
        Assert.Null(new ClosedWindows(File.Plan, null).Range);
    }

    [Fact]
    public void Times_of_redriven_rows_are_looked_up_by_window()
    {
        var times = new RedrivenTimes();
        foreach (var time in new[] { 10, 20, 20, 30 }) times.Add("out", time);
        Assert.Equal([true, false, true, false, false, true],
            new[] { (5, 11), (11, 20), (11, 21), (31, 40), (0, 10), (30, 30) }.Select(w => times.Any("out", w.Item1, w.Item2)));
        Assert.False(times.Any("rows", 0, 100));
    }
}
