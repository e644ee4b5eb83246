using System.Globalization;
using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>A dead letter among all that ever were: of a topic that was made anew the offsets begin again, its id does not.</summary>
internal readonly record struct LetterIdentity(string Topic, string TopicId, int Partition, long Offset)
{
    public override string ToString() => $"{Topic}-{Partition}@{Offset}";
}

/// <summary>What a record of the redrive topic says of itself.</summary>
/// <param name="Source">The source whose row it is.</param>
/// <param name="Insert">The INSERT that failed it; null: all.</param>
/// <param name="Topic">The original record's topic.</param>
/// <param name="Partition">Its partition.</param>
/// <param name="Offset">Its offset.</param>
/// <param name="Timestamp">Its timestamp, milliseconds; -1 for none.</param>
/// <param name="Letter">The dead letter.</param>
internal sealed record RedriveMark(string Source, string? Insert, string Topic, int Partition, long Offset, long Timestamp, LetterIdentity Letter);

/// <summary>
/// The block of headers that makes a record of the redrive topic, behind the original record's own: version 1. What stands before its last version header is the
/// original's, whatever that is called.
/// </summary>
internal static class RedriveHeaders
{
    private const string Version = "1";
    private const string Prefix = "streamengine.redrive.";
    private const string First = $"{Prefix}version";

    /// <summary>The headers of a record to be written, encoded as <see cref="RecordHeaders"/> does.</summary>
    public static byte[] Write(IEnumerable<KeyValuePair<string, byte[]?>> original, RedriveMark mark)
    {
        var all = original.Concat(Block(mark).Select(h => KeyValuePair.Create(Prefix + h.Name, (byte[]?)Encoding.UTF8.GetBytes(h.Value)))).ToList();
        var bytes = new byte[all.Sum(h => RecordHeaders.SizeOf(Encoding.UTF8.GetByteCount(h.Key), h.Value?.Length ?? -1))];
        var rest = bytes.AsSpan();
        foreach (var (name, value) in all) rest = RecordHeaders.Write(rest, Encoding.UTF8.GetBytes(name), value, value is null);
        return bytes;
    }

    private static IEnumerable<(string Name, string Value)> Block(RedriveMark mark) =>
    [
        ("version", Version), ("source", mark.Source), ("insert", mark.Insert ?? "*"), ("topic", mark.Topic),
        ("partition", Number(mark.Partition)), ("offset", Number(mark.Offset)), ("timestamp", Number(mark.Timestamp)),
        ("letter.topic", mark.Letter.Topic), ("letter.topic-id", mark.Letter.TopicId), ("letter.partition", Number(mark.Letter.Partition)),
        ("letter.offset", Number(mark.Letter.Offset)),
    ];

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Reads a record's headers.</summary>
    /// <param name="headers">Encoded as <see cref="RecordHeaders"/> does.</param>
    /// <param name="original">How many of the bytes are the original record's headers.</param>
    /// <param name="error">What is wrong, where there is no mark.</param>
    public static RedriveMark? Read(ReadOnlySpan<byte> headers, out int original, out string error)
    {
        original = headers.Length;
        var position = 0;
        var values = new Dictionary<string, string>();
        foreach (var header in RecordHeaders.Read(headers))
        {
            var name = Encoding.UTF8.GetString(header.Name);
            if (name == First)
            {
                original = position;
                values.Clear();
            }
            if (name.StartsWith(Prefix, StringComparison.Ordinal)) values[name[Prefix.Length..]] = Encoding.UTF8.GetString(header.Value);
            position += RecordHeaders.SizeOf(header.Name.Length, header.IsNull ? -1 : header.Value.Length);
        }
        return ToMark(values, out error);
    }

    /// <summary>The same of headers as a client gives them.</summary>
    public static RedriveMark? Read(IEnumerable<KeyValuePair<string, byte[]?>> headers, out string error)
    {
        var values = new Dictionary<string, string>();
        foreach (var (name, value) in headers)
        {
            if (name == First) values.Clear();
            if (name.StartsWith(Prefix, StringComparison.Ordinal)) values[name[Prefix.Length..]] = Encoding.UTF8.GetString(value ?? []);
        }
        return ToMark(values, out error);
    }

    private static RedriveMark? ToMark(Dictionary<string, string> values, out string error)
    {
        error = "";
        if (values.GetValueOrDefault("version") != Version)
        {
            error = values.TryGetValue("version", out var version) ? $"a redriven record of version '{version}', which this engine does not know: version {Version}"
                : $"no redriven record: it lacks the header {First}\n  dead letters go into this topic by ./engine dlq redrive";
            return null;
        }
        if (TextOf(values, "source") is { } source && TextOf(values, "insert") is { } insert && TextOf(values, "topic") is { } topic
            && NumberOf(values, "partition") is >= 0 and <= int.MaxValue and var partition && NumberOf(values, "offset") is >= 0 and var offset
            && NumberOf(values, "timestamp") is { } timestamp && TextOf(values, "letter.topic") is { } letterTopic && TextOf(values, "letter.topic-id") is { } letterId
            && NumberOf(values, "letter.partition") is >= 0 and <= int.MaxValue and var letterPartition && NumberOf(values, "letter.offset") is >= 0 and var letterOffset)
            return new RedriveMark(source, insert == "*" ? null : insert, topic, (int)partition, offset, timestamp,
                new LetterIdentity(letterTopic, letterId, (int)letterPartition, letterOffset));
        error = $"a redriven record without all of its headers: one of {string.Join(", ", Block(Example).Select(h => Prefix + h.Name))} is missing or no number";
        return null;
    }

    private static readonly RedriveMark Example = new("", null, "", 0, 0, 0, default);

    private static string? TextOf(Dictionary<string, string> values, string name) => values.GetValueOrDefault(name);

    private static long? NumberOf(Dictionary<string, string> values, string name) =>
        long.TryParse(values.GetValueOrDefault(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
