using System.Globalization;
using System.Text;
using System.Text.Json;
using StreamEngine.Core;
using StreamEngine.Formats.Csv;

namespace StreamEngine.Pipelines.Commands.Topics;

/// <summary>
/// Takes a record's key out of one of its fields: the text that the value has in JSON, without quotes (reference form "Key bytes"). A record without the field, or that
/// is no JSON at all, has no key.
/// </summary>
internal abstract class RecordKey
{
    /// <summary>What a request asks for; null for no keys.</summary>
    /// <param name="request">The request.</param>
    /// <param name="header">The CSV record that names the columns; empty where there is none.</param>
    public static RecordKey? Of(ProduceRequest request, ReadOnlySpan<byte> header)
    {
        if (request.Key is not { } field) return null;
        if (request.Csv is not { } csv) return new JsonField(field.Split('.'));
        if (header.IsEmpty)
            return int.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? new CsvField(number - 1, csv)
                : throw new StartupException($"'{field}' is no column of a CSV file without a header: name it by its number, from 1, or skip the header with --skip-header");
        var names = CsvField.Split(header, csv);
        var index = names.FindIndex(n => n is not null && Encoding.UTF8.GetString(n).Equals(field, StringComparison.OrdinalIgnoreCase));
        return index >= 0 ? new CsvField(index, csv)
            : throw new StartupException($"the file has no column '{field}'; it has {string.Join(", ", names.Select(n => n is null ? "" : Encoding.UTF8.GetString(n)))}");
    }

    public abstract byte[]? Read(ReadOnlySpan<byte> record);

    private sealed class JsonField(string[] path) : RecordKey
    {
        public override byte[]? Read(ReadOnlySpan<byte> record)
        {
            try
            {
                var reader = new Utf8JsonReader(record, new JsonReaderOptions { MaxDepth = 512 });
                using var document = JsonDocument.ParseValue(ref reader);
                var value = document.RootElement;
                foreach (var name in path)
                    if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out value)) return null;
                return value.ValueKind switch
                {
                    JsonValueKind.Null => null,
                    JsonValueKind.String => Encoding.UTF8.GetBytes(value.GetString()!),
                    _ => Encoding.UTF8.GetBytes(value.GetRawText()),
                };
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                // No JSON, or text that is no UTF-8: the record goes to the pipeline as it is, which says what is wrong with it.
                return null;
            }
        }
    }

    private sealed class CsvField(int index, CsvOptions options) : RecordKey
    {
        public override byte[]? Read(ReadOnlySpan<byte> record)
        {
            var fields = Split(record, options);
            return index < fields.Count ? fields[index] : null;
        }

        public static unsafe List<byte[]?> Split(ReadOnlySpan<byte> record, CsvOptions options)
        {
            // The steps read up to 32 bytes past the end.
            var padded = new byte[record.Length + 64];
            record.CopyTo(padded);
            var fields = new List<byte[]?>();
            fixed (byte* start = padded)
            {
                var steps = new CsvFields(start, start + record.Length, options.Delimiter, options.Quote ?? -1);
                while (steps.MoveNext())
                {
                    var text = new byte[steps.Length];
                    fixed (byte* to = text)
                    {
                        var length = steps.Doubled ? steps.Unquote(to) : steps.Length;
                        if (!steps.Doubled) new ReadOnlySpan<byte>(steps.From, length).CopyTo(text);
                        fields.Add(length == 0 ? null : text[..length]);
                    }
                }
            }
            return fields;
        }
    }
}
