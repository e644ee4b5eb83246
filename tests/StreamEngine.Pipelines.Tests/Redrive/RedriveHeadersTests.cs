using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>What makes a record of the redrive topic.</summary>
public class RedriveHeadersTests
{
    private static readonly RedriveMark Mark = new("flights", "hourly", "in", 3, 4711, 978_339_600_000, new LetterIdentity("flights.dlq", "id", 1, 17));

    private static KeyValuePair<string, byte[]?> Header(string name, string? value) => KeyValuePair.Create(name, value is null ? null : Encoding.UTF8.GetBytes(value));

    [Theory]
    [InlineData("hourly")]
    [InlineData(null)]
    public void What_is_written_is_read_back_behind_the_original_headers(string? insert)
    {
        // The original record may have come through another pipeline's redrive topic, and its headers with it.
        KeyValuePair<string, byte[]?>[] original = [Header("trace", "7"), Header("streamengine.redrive.version", "9"), Header("none", null)];
        var bytes = RedriveHeaders.Write(original, Mark with { Insert = insert });
        Assert.Equal(Mark with { Insert = insert }, RedriveHeaders.Read(bytes, out var length, out _));
        var names = new List<string>();
        foreach (var header in RecordHeaders.Read(bytes.AsSpan(0, length))) names.Add($"{Encoding.UTF8.GetString(header.Name)} {header.IsNull}");
        Assert.Equal(["trace False", "streamengine.redrive.version False", "none True"], names);
    }

    [Fact]
    public void A_client_reads_the_same()
    {
        var headers = new List<KeyValuePair<string, byte[]?>> { Header("streamengine.redrive.source", "other") };
        foreach (var header in RecordHeaders.Read(RedriveHeaders.Write([], Mark)))
            headers.Add(KeyValuePair.Create(Encoding.UTF8.GetString(header.Name), (byte[]?)header.Value.ToArray()));
        Assert.Equal(Mark, RedriveHeaders.Read(headers, out _));
    }

    [Theory]
    [InlineData("no header", "lacks the header streamengine.redrive.version")]
    [InlineData("version=2", "version '2'")]
    [InlineData("version=1 source=s insert=* topic=t partition=x offset=1 timestamp=1 letter.topic=d letter.topic-id=i letter.partition=0 letter.offset=0", "is missing or no number")]
    [InlineData("version=1 source=s insert=* topic=t partition=0 offset=-1 timestamp=1 letter.topic=d letter.topic-id=i letter.partition=0 letter.offset=0", "is missing or no number")]
    [InlineData("version=1 insert=* topic=t partition=0 offset=1 timestamp=1 letter.topic=d letter.topic-id=i letter.partition=0 letter.offset=0", "is missing or no number")]
    public void What_is_none_says_why(string given, string reason)
    {
        var headers = given.Split(' ').Where(h => h.Contains('=', StringComparison.Ordinal)).Select(h => Header($"streamengine.redrive.{h.Split('=')[0]}", h.Split('=')[1]));
        Assert.Null(RedriveHeaders.Read(headers, out var error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }
}
