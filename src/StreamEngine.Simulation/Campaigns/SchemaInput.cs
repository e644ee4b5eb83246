using System.Globalization;
using System.Text;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Plan.Definitions;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Campaigns;

/// <summary>
/// Input for a pipeline of which only its schemas are known: values from small sets, so that keys repeat, event times that move on with some disorder, and a few bad
/// records.
/// </summary>
internal sealed class SchemaInput
{
    private static readonly string[] Words = ["alpha", "beta", "gamma", "delta", "a rather long value that is no short string", ""];

    private readonly Random _random;
    private readonly SourceDefinition _source;

    private SchemaInput(Random random, SourceDefinition source) => (_random, _source) = (random, source);

    /// <summary>Rows for all sources, in the order in which the world writes them.</summary>
    public static IReadOnlyList<InputRecord> Generate(PipelineFile pipeline, Random random, int rows, int partitions)
    {
        var sources = pipeline.Definition.Sources;
        var records = new List<InputRecord>();
        var start = new DateTimeOffset(2021, 3, 1, 0, 0, 0, TimeSpan.Zero);
        var step = TimeSpan.FromSeconds(random.Next(1, 600));
        for (var i = 0; i < rows; i++)
        {
            var source = sources[i % sources.Count];
            var disorder = Math.Max(source.EventTime.OutOfOrderness.TotalSeconds, 1) * random.NextDouble() * (random.Next(15) == 0 ? 60 : 1);
            var time = start + step * i - TimeSpan.FromSeconds((int)disorder);
            var text = new SchemaInput(random, source).Record(time);
            records.Add(new InputRecord(source.Topic, random.Next(partitions), text is null ? null : Encoding.UTF8.GetBytes(text),
                time.ToUnixTimeMilliseconds() + random.Next(1000)));
        }
        return records;
    }

    private string? Record(DateTimeOffset time) => _random.Next(60) switch
    {
        0 => null,
        1 => "{\"broken",
        _ => _source.Format is CsvFormatDefinition csv ? string.Join(csv.Delimiter, _source.Schema.Select(f => Csv(f, time, csv))) : Json(_source.Schema, time, "")
            ?? "{}",
    };

    private string? Json(Schema schema, DateTimeOffset time, string path)
    {
        var fields = new List<string>();
        foreach (var field in schema)
            if (Value(field, time, path) is { } value) fields.Add($"{Quote(field.Name)}:{value}");
        return $"{{{string.Join(',', fields)}}}";
    }

    private string Csv(Field field, DateTimeOffset time, CsvFormatDefinition csv)
    {
        var value = Value(field, time, "");
        if (value is null or "null") return "";
        var text = value.Trim('"');
        return csv.Quote.Length > 0 && text.Contains(csv.Delimiter, StringComparison.Ordinal) ? csv.Quote + text + csv.Quote : text;
    }

    /// <summary>The value as JSON; null for a field that is left out.</summary>
    private string? Value(Field field, DateTimeOffset time, string path)
    {
        var name = path.Length == 0 ? field.Name : $"{path}.{field.Name}";
        var isEventTime = string.Equals(name, _source.EventTime.Column, StringComparison.OrdinalIgnoreCase);
        if (field.Nullable && !isEventTime && _random.Next(8) == 0) return _random.Next(2) == 0 ? null : "null";
        // A value of another type now and then.
        if (!isEventTime && _random.Next(150) == 0) return "[{}]";
        return Value(field.Type, field.Format, isEventTime ? time : time.AddSeconds(_random.Next(-90_000, 90_000)), name);
    }

    private string Value(DataType type, string? format, DateTimeOffset time, string path) => type.Kind switch
    {
        TypeKind.Boolean => _random.Next(2) == 0 ? "true" : "false",
        TypeKind.Int32 or TypeKind.Int64 => Number(0),
        TypeKind.Float64 => $"{_random.Next(-50, 400)}",
        TypeKind.Decimal => Number(Math.Min(type.Scale, 4)),
        TypeKind.Date => Quote(time.ToString(format is null ? "yyyy-MM-dd" : NetFormat(format), CultureInfo.InvariantCulture)),
        TypeKind.Timestamp => format switch
        {
            "epoch-millis" => time.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
            "epoch-seconds" => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            null => Quote(time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
            _ => Quote(time.ToString(NetFormat(format), CultureInfo.InvariantCulture)),
        },
        TypeKind.List => $"[{string.Join(',', Enumerable.Range(0, _random.Next(4)).Select(_ => Value(type.Element!, null, time, path)))}]",
        TypeKind.Struct => Json(type.Fields!, time, path)!,
        TypeKind.Binary => Quote("AAEC"),
        _ => Quote(Words[_random.Next(Words.Length)]),
    };

    private string Number(int scale)
    {
        var whole = _random.Next(10) switch { 0 => 0, 1 => _random.Next(-1000, 1000) * 1000, _ => _random.Next(-50, 400) };
        return scale == 0 || _random.Next(2) == 0 ? $"{whole}" : $"{whole}.{_random.Next(1, 10)}";
    }

    /// <summary>A pattern of the engine in .NET's letters.</summary>
    private static string NetFormat(string pattern) => pattern.Replace('S', 'f').Replace("XXX", "zzz", StringComparison.Ordinal)
        .Replace("/", "'/'", StringComparison.Ordinal);

    private static string Quote(string text) => $"\"{System.Text.Json.JsonEncodedText.Encode(text)}\"";
}
