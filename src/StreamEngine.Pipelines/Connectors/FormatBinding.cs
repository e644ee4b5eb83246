using StreamEngine.Core;
using StreamEngine.Formats.Csv;
using StreamEngine.Formats.Json;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Pipelines.Connectors;

/// <summary>Formats of a definition to the decoders and encoders that run.</summary>
internal static class FormatBinding
{
    public static IDecoder CreateDecoder(FormatDefinition format, PhysicalSource source, MemoryScope scope) => format switch
    {
        JsonFormatDefinition json => new JsonDecoder(source.Declared, source.Read, new JsonDecoderOptions
        {
            UnknownFields = json.RejectUnknownFields ? UnknownFields.Reject : UnknownFields.Ignore,
            DuplicateKeys = json.RejectDuplicateKeys ? DuplicateKeys.Error : DuplicateKeys.Last,
        }, scope),
        CsvFormatDefinition csv => new CsvDecoder(source.Declared, source.Read,
            new CsvOptions { Delimiter = (byte)csv.Delimiter[0], Quote = csv.Quote.Length == 0 ? null : (byte)csv.Quote[0] }, scope),
        _ => throw new InvalidOperationException($"no decoder for {format}"),
    };

    /// <summary>Encodes the first so many columns.</summary>
    public static IEncoder CreateEncoder(FormatDefinition format, Schema schema, int columns) => format switch
    {
        JsonFormatDefinition => new JsonEncoder(new Schema(schema.Take(columns))),
        CsvFormatDefinition csv => new CsvEncoder(new Schema(schema.Take(columns)), null,
            new CsvOptions { Delimiter = (byte)csv.Delimiter[0], Quote = csv.Quote.Length == 0 ? null : (byte)csv.Quote[0] }),
        _ => throw new InvalidOperationException($"no encoder for {format}"),
    };

    public static IEncoder CreateKeyEncoder(Schema schema, int[] columns) => new JsonKeyEncoder(schema, columns);
}
