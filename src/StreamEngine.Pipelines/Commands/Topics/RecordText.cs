using System.Globalization;
using System.Text;
using System.Text.Json;

namespace StreamEngine.Pipelines.Commands.Topics;

/// <summary>Records as people and programs read them.</summary>
internal static class RecordText
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Bytes as text: what is no UTF-8 as base64, behind a mark.</summary>
    public static string Of(byte[]? bytes) => bytes is null ? "null" : TryText(bytes) ?? $"base64:{Convert.ToBase64String(bytes)}";

    private static string? TryText(byte[] bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>Text for a terminal: control characters of somebody's data do not steer it.</summary>
    public static string Harmless(string text)
    {
        if (!text.Any(c => char.IsControl(c) && c != '\t')) return text;
        var safe = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            if (char.IsControl(c) && c != '\t') safe.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
            else safe.Append(c);
        }
        return safe.ToString();
    }

    public static string Time(DateTime timestamp) => timestamp.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Position, time, key and headers in one line.</summary>
    public static string Title(TopicRecord record) =>
        $"{record.Topic}-{record.Partition}@{record.Offset}  {Time(record.Timestamp)}{(record.Key is null ? "" : $"  key={Of(record.Key)}")}{string.Concat(record.Headers.Select(h => $"  {h.Key}={Of(h.Value)}"))}";

    /// <summary>One JSON object. Bytes that are no UTF-8 are in a field of their own, in base64.</summary>
    public static string Json(TopicRecord record)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("topic", record.Topic);
            json.WriteNumber("partition", record.Partition);
            json.WriteNumber("offset", record.Offset);
            json.WriteString("timestamp", Time(record.Timestamp));
            Write(json, "key", record.Key);
            Write(json, "value", record.Value);
            json.WriteStartArray("headers");
            foreach (var header in record.Headers)
            {
                json.WriteStartObject();
                json.WriteString("name", header.Key);
                Write(json, "value", header.Value);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void Write(Utf8JsonWriter json, string name, byte[]? bytes)
    {
        if (bytes is null) json.WriteNull(name);
        else if (TryText(bytes) is { } text) json.WriteString(name, text);
        else json.WriteString($"{name}_base64", Convert.ToBase64String(bytes));
    }
}
