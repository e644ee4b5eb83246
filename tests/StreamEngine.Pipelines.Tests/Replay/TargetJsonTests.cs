using System.Text;
using StreamEngine.Core;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Pipelines.Tests.Replay;

/// <summary>One of each record of a target topic as version 1 wrote it: every later version has to read them.</summary>
public class TargetJsonTests
{
    private const string TakeOne = """{"v":1,"kind":"take","replay":"50fa6815","into":"shadow","from":-100,"to":978912000000000,"host":"h","process":4711,"at":"2026-11-28T10:00:00.123Z"}""";
    private const string CancelOne = """{"v":1,"kind":"cancel","replay":"50fa6815","into":"shadow","taken":17,"at":"2026-11-28T10:00:00.000Z"}""";
    private const string ReleaseOne = """{"v":1,"kind":"release","replay":"50fa6815","into":"shadow","taken":17,"at":"2026-11-28T10:00:00.000Z"}""";

    private static readonly DateTimeOffset Ten = new(2026, 11, 28, 10, 0, 0, TimeSpan.Zero);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    [Fact]
    public void A_take_of_version_1_is_read_and_written()
    {
        var (take, end) = TargetJson.Read(Bytes(TakeOne));
        Assert.Equal(new TargetTake("50fa6815", "shadow", new EventTimeRange(-100, 978912000000000), "h", 4711, Ten.AddMilliseconds(123)), take);
        Assert.Null(end);
        Assert.Equal(TakeOne, Encoding.UTF8.GetString(TargetJson.Write(take!)));
    }

    [Theory]
    [InlineData(CancelOne, false)]
    [InlineData(ReleaseOne, true)]
    public void A_cancel_and_a_release_of_version_1_are_read_and_written(string record, bool isFree)
    {
        var (take, end) = TargetJson.Read(Bytes(record));
        Assert.Equal(new TargetEnd("50fa6815", "shadow", 17, isFree, Ten), end);
        Assert.Null(take);
        Assert.Equal(record, Encoding.UTF8.GetString(TargetJson.Write(end!)));
    }

    [Theory]
    [InlineData("""{"v":2,"kind":"take"}""", "version 2")]
    [InlineData("""{"v":0,"kind":"take"}""", "version 0")]
    [InlineData("""{"v":1,"kind":"else","replay":"a","into":"b","at":"2026-11-28T10:00:00Z"}""", "kind 'else'")]
    [InlineData("""{"v":1,"kind":"take"}""", "tells of no replay's target")]
    [InlineData("no json", "tells of no replay's target")]
    [InlineData("[]", "tells of no replay's target")]
    [InlineData("", "tells of no replay's target")]
    public void What_is_neither_is_refused_with_the_reason(string record, string reason) =>
        Assert.Contains(reason, Assert.Throws<FormatException>(() => TargetJson.Read(Bytes(record))).Message, StringComparison.Ordinal);
}
