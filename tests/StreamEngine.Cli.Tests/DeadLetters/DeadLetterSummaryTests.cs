using System.Text;
using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Tests.DeadLetters;

public sealed class DeadLetterSummaryTests
{
    private static TopicRecord Record(params (string Name, string Value)[] headers) =>
        new("p.dlq", 0, 7, DateTime.UnixEpoch, null, "{}"u8.ToArray(), [.. headers.Select(h => KeyValuePair.Create(h.Name, (byte[]?)Encoding.UTF8.GetBytes(h.Value)))]);

    private static DeadLetter Letter(string reason, string stage = "contract", long offset = 1) =>
        DeadLetter.Of(Record(("__streams.errors.topic", "t"), ("__streams.errors.partition", "2"),
        ("__streams.errors.offset", $"{offset}"), ("streamengine.stage", stage), ("streamengine.reason", reason)));

    [Fact]
    public void The_engines_headers_win_over_the_originals_of_the_same_name()
    {
        var letter = DeadLetter.Of(Record(("streamengine.stage", "rule"), ("streamengine.reason", "old"), ("streamengine.stage", "decode"),
            ("streamengine.reason", "new")));
        Assert.Equal(("decode", "new", "*"), (letter.Stage, letter.Reason, letter.Insert));
        Assert.Null(letter.Source);
    }

    [Fact]
    public void Reasons_that_differ_in_a_value_are_one_group()
    {
        var summary = new DeadLetterSummary();
        summary.Add(Letter("column 'a': INT of 32 bits expected, found \"x y\"", offset: 5));
        summary.Add(Letter("column 'a': INT of 32 bits expected, found \"z\""));
        summary.Add(Letter("column 'b': NOT NULL"));
        summary.Add(Letter("not JSON at byte 17", "decode"));
        summary.Add(Letter("not JSON at byte 170", "decode"));
        Assert.Equal(5, summary.Count);
        Assert.Equal([("column 'a': INT of 32 bits expected, found ..", 2L), ("not JSON at byte ..", 2L), ("column 'b': NOT NULL", 1L)],
            summary.Groups().Select(g => (g.Reason, g.Count)));
        Assert.Equal("t-2@5", summary.Groups()[0].Example.Source.ToString());
    }

    [Fact]
    public void INSERTs_are_told_apart_and_records_that_are_no_dead_letters_are_not_counted()
    {
        var summary = new DeadLetterSummary();
        foreach (var insert in new[] { "a", "b", "a" })
            summary.Add(DeadLetter.Of(Record(("streamengine.stage", "expression"), ("streamengine.reason", "overflow"), ("streamengine.insert", insert))));
        summary.Add(DeadLetter.Of(Record(("trace", "x"))));
        Assert.Equal([("a", 2L), ("b", 1L)], summary.Groups().Select(g => (g.Insert, g.Count)));
        Assert.Equal((3, 1), (summary.Count, summary.Others));
    }

    [Fact]
    public void The_original_timestamp_is_its_own()
    {
        Assert.Equal(1234, DeadLetter.Of(Record(("streamengine.stage", "rule"), ("streamengine.timestamp", "1234"))).Timestamp);
        Assert.Equal(0, DeadLetter.Of(Record(("streamengine.stage", "rule"))).Timestamp);
    }

    [Fact]
    public void The_number_of_groups_is_bounded()
    {
        var summary = new DeadLetterSummary();
        for (var i = 0; i < 5000; i++) summary.Add(Letter(string.Concat(Enumerable.Repeat('a', i + 1))));
        Assert.Equal(5000, summary.Count);
        Assert.InRange(summary.Groups().Count, 1000, 1001);
        Assert.Equal(5000, summary.Groups().Sum(g => g.Count));
    }
}
