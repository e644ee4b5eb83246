using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Rows on which a user's function threw, as dead letters whose topic is not known yet. Their headers name the exception: its type's full name, of which an exception of
/// a generic type has no bound (the names of its arguments with their assemblies are in it), and its message, each cut to a thousand characters.
/// </summary>
internal static unsafe class RecordFaults
{
    /// <summary>Stands for the pipeline's dead-letter topic until the check stage puts it in.</summary>
    public const string TopicToCome = "";

    private const int MostOfText = 1000;

    public static Batch ToBatch(Batch batch, object?[] rows, Exception?[] failures, MemoryScope scope)
    {
        var arena = scope.RentArena();
        var count = failures.Count(f => f is not null);
        var values = arena.Allocate<Bytes>(count);
        var headers = arena.Allocate<Bytes>(count);
        var n = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            if (failures[i] is not { } failure) continue;
            values[n] = Copy(ValueOf(batch, rows[i], batch.RowAt(i)), arena);
            headers[n++] = Copy(HeadersOf(failure), arena);
        }
        return Batch.OfRecords(new LogRecords(count, TopicToCome) { Values = values, Headers = headers }, arena, BatchRole.DeadLetter);
    }

    private static Bytes Copy(byte[] bytes, Arena arena) => new(arena.Copy(bytes), bytes.Length);

    /// <summary>The row as the function got it; as it came where it could not be given to the function, or cannot be written any more.</summary>
    private static byte[] ValueOf(Batch batch, object? row, int index) => (row is null ? null : JsonOf(row))
        ?? (batch.Records is { } records ? records.Values[index].Span.ToArray() : RecordMapping.ToJson(batch, index));

    // Getters are the user's code too, and the function may have put into the row what no JSON holds.
    private static byte[]? JsonOf(object row)
    {
        try
        {
            return RecordMapping.Of(row.GetType()).ToJson(row);
        }
        catch (Exception)
        {
            return null;
        }
    }

    private static byte[] HeadersOf(Exception failure)
    {
        var type = failure.GetType();
        var message = Utf8($"{type.Name}: {MessageOf(failure)}");
        (byte[] Name, byte[] Value)[] all =
        [
            ("__streams.errors.exception"u8.ToArray(), Utf8(type.FullName ?? type.Name)), ("__streams.errors.message"u8.ToArray(), message),
            ("streamengine.stage"u8.ToArray(), "expression"u8.ToArray()), ("streamengine.reason"u8.ToArray(), message),
            ("streamengine.insert"u8.ToArray(), "*"u8.ToArray()),
        ];
        var bytes = new byte[all.Sum(h => RecordHeaders.SizeOf(h.Name.Length, h.Value.Length))];
        var rest = bytes.AsSpan();
        foreach (var (name, value) in all) rest = RecordHeaders.Write(rest, name, value);
        return bytes;
    }

    // The message of a user's exception is the user's code, and may itself throw: that must not stop the stream either.
    private static string MessageOf(Exception failure)
    {
        try
        {
            return failure.Message;
        }
        catch (Exception e)
        {
            return $"its message cannot be told, for asking for it threw {e.GetType().Name}";
        }
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text.Length > MostOfText ? text[..MostOfText] : text);

    /// <summary>The same records, for a topic. A row above the limit is left out of its dead letter: the broker would refuse it, again and again.</summary>
    public static Batch ForTopic(Batch batch, string topic, int mostBytes)
    {
        var records = batch.Records!;
        if (records.Topic != TopicToCome) return batch;
        for (var i = 0; i < records.Count; i++)
            if (records.Values[i].Length + records.Headers[i].Length + 1024 > mostBytes) records.Values[i] = Bytes.Null;
        var arena = batch.Arenas[0].Retain();
        var moved = Batch.OfRecords(new LogRecords(records.Count, topic) { Values = records.Values, Headers = records.Headers }, arena, batch.Role);
        batch.Dispose();
        return moved;
    }
}
