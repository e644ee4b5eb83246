using System.Text;
using System.Text.Json;
using StreamEngine.Cli.Commands;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>What replay diff says of rows that differ: the same to a person and to a program.</summary>
public class ReplayDiffOutputTests
{
    private static readonly RowWindow Hour = new(978_307_200_000_000, 978_310_800_000_000);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static SinkDiff Diff(int more = 0) => new("hourly", 17,
    [
        new RowDifference(Bytes("ATL"), Bytes("""{"n":1.50}"""), Bytes("""{"n":2}""")) { Window = Hour, Cause = DifferenceCause.Redriven },
        new RowDifference(null, Bytes("""{"n":"ü"}"""), null) { Window = new RowWindow(Hour.From, Hour.From) },
        new RowDifference(Bytes("DFW"), null, Bytes("""{"n":4}""")),
        .. Enumerable.Range(0, more).Select(i => new RowDifference(null, Bytes($$"""{"more":{{i}}}"""), null)),
    ]);

    [Fact]
    public void A_person_reads_window_key_cause_and_both_rows() => Assert.Equal(
    [
        "hourly: 17 rows equal, 1 only live, 1 only replayed, 1 changed",
        "  1 of these rows are of windows with redriven rows, which the replay counts and the live run may have had to leave out:",
        "    2001-01-01T00:00:00Z to 2001-01-01T01:00:00Z: 1",
        "  2001-01-01T00:00:00Z to 2001-01-01T01:00:00Z, key ATL, with redriven rows:",
        """  - {"n":1.50}""",
        """  + {"n":2}""",
        "  2001-01-01T00:00:00Z:",
        """  - {"n":"ü"}""",
        """  + {"n":4}""",
    ], ReplayDiffOutput.Text(Diff()));

    [Fact]
    public void A_program_reads_the_same()
    {
        var line = JsonDocument.Parse(ReplayDiffOutput.Json(Diff())).RootElement;
        Assert.Equal((17, 1, 1, 1), (line.GetProperty("equal").GetInt32(), line.GetProperty("only_live").GetInt32(), line.GetProperty("only_replayed").GetInt32(),
            line.GetProperty("changed").GetInt32()));
        string[] expected =
        [
            """{"key":"ATL","from":"2001-01-01T00:00:00Z","to":"2001-01-01T01:00:00Z","cause":"redriven","live":{"n":1.50},"replayed":{"n":2}}""",
            """{"key":null,"from":"2001-01-01T00:00:00Z","to":"2001-01-01T00:00:00Z","cause":null,"live":{"n":"ü"},"replayed":null}""",
            """{"key":"DFW","from":null,"to":null,"cause":null,"live":null,"replayed":{"n":4}}""",
        ];
        Assert.Equal(expected.Select(e => JsonDocument.Parse(e).RootElement), line.GetProperty("examples").EnumerateArray(), JsonElement.DeepEquals);
    }

    [Theory]
    [InlineData(7, 10, false)]
    [InlineData(8, 10, true)]
    public void Both_show_the_first_ten(int more, int shown, bool cut)
    {
        Assert.Equal(shown, JsonDocument.Parse(ReplayDiffOutput.Json(Diff(more))).RootElement.GetProperty("examples").GetArrayLength());
        var text = ReplayDiffOutput.Text(Diff(more)).ToList();
        Assert.Equal(cut, text.Contains("  .. and 1 more"));
        Assert.Equal(shown + 1, text.Count(l => l.StartsWith("  - ", StringComparison.Ordinal) || l.StartsWith("  + ", StringComparison.Ordinal)));
    }
}
