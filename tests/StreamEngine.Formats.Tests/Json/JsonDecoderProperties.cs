using System.Text;
using FsCheck.Xunit;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Formats.Tests.Suite;

namespace StreamEngine.Formats.Tests.Json;

public sealed class JsonDecoderProperties
{
    private static (SortedDictionary<int, string> Rows, SortedDictionary<int, Fault> Faults) Decode(Schema schema, IReadOnlyList<byte[]?> records, bool predict,
        JsonDecoderOptions? options = null)
    {
        using var scope = new MemoryScope();
        var decoder = new JsonDecoder(schema, null, options, scope) { Predict = predict };
        var faults = new Faults();
        SortedDictionary<int, string> rows;
        // Twice, so that the second batch starts with a learned shape and memory that was used before.
        decoder.Decode(RawRecords.Of(scope, records), new Faults()).Dispose();
        using (var batch = decoder.Decode(RawRecords.Of(scope, records), faults))
        {
            rows = new(RowText.Of(batch).ToDictionary(r => r.Key, r => RowText.Text(r.Value)));
            Assert.Equal(records.Count, rows.Count + faults.ByRow.Count);
        }
        Assert.Equal(0, scope.BlocksOut);
        return (rows, faults.ByRow);
    }

    private static void CheckAgainstOracle(Schema schema, IReadOnlyList<byte[]> records, bool predict)
    {
        var (rows, faults) = Decode(schema, records, predict);
        for (var i = 0; i < records.Count; i++)
        {
            var expected = JsonOracle.Read(schema, records[i], out var stage);
            var text = Encoding.UTF8.GetString(records[i]);
            if (expected is null)
            {
                Assert.True(faults.TryGetValue(i, out var fault), $"no fault: {text} of {schema}");
                Assert.True(stage == fault.Stage, $"{fault.Stage} {fault.Message}: {text} of {schema}");
            }
            else
            {
                Assert.True(rows.TryGetValue(i, out var row), $"{(faults.TryGetValue(i, out var fault) ? fault.Message : "")}: {text} of {schema}");
                Assert.True(RowText.Text(expected) == row, $"{row}\n{RowText.Text(expected)}\n{text}\nof {schema}");
            }
        }
    }

    [Property(MaxTest = 300, EndSize = Seeds.All)]
    public void Random_records_are_read_as_System_Text_Json_reads_them(int seed, bool predict)
    {
        var documents = new JsonDocuments(new Random(seed));
        var schema = documents.Schema();
        CheckAgainstOracle(schema, documents.Records(schema, 30, wildness: 40), predict);
    }

    [Property(MaxTest = 300, EndSize = Seeds.All)]
    public void Mutated_records_are_faults_or_rows_as_System_Text_Json_reads_them(int seed, bool predict)
    {
        var documents = new JsonDocuments(new Random(seed));
        var schema = documents.Schema();
        var records = documents.Records(schema, 10, wildness: 20);
        CheckAgainstOracle(schema, [.. records.SelectMany(r => (byte[][])[r, documents.Mutated(r), r, documents.Mutated(r)])], predict);
    }

    [Property(MaxTest = 300, EndSize = Seeds.All)]
    public void Prediction_changes_nothing(int seed, bool reject, bool once)
    {
        var documents = new JsonDocuments(new Random(seed));
        var schema = documents.Schema();
        var records = documents.Records(schema, 40, wildness: 30).SelectMany(r => (byte[][])[r, documents.Mutated(r), r]).ToList();
        var options = new JsonDecoderOptions
        {
            UnknownFields = reject ? UnknownFields.Reject : UnknownFields.Ignore,
            DuplicateKeys = once ? DuplicateKeys.Error : DuplicateKeys.Last
        };
        var (rows, faults) = Decode(schema, records, predict: true, options);
        var (plainRows, plainFaults) = Decode(schema, records, predict: false, options);
        for (var i = 0; i < records.Count; i++)
        {
            var expected = plainFaults.TryGetValue(i, out var plain) ? $"{plain.Stage}: {plain.Message}" : plainRows[i];
            var found = faults.TryGetValue(i, out var fault) ? $"{fault.Stage}: {fault.Message}" : rows[i];
            Assert.True(expected == found, $"{expected}\n{found}\n{Encoding.UTF8.GetString(records[i])}\nof {schema}");
        }
    }

    [Property(MaxTest = 100, EndSize = Seeds.All)]
    public void Every_prefix_of_a_record_is_a_fault(int seed)
    {
        var documents = new JsonDocuments(new Random(seed));
        var schema = documents.Schema();
        var record = documents.Records(schema, 1, wildness: 0)[0];
        var prefixes = Enumerable.Range(0, record.Length).SelectMany(n => (byte[][])[record, record[..n]]).ToList();
        var (_, faults) = Decode(schema, prefixes, predict: true);
        for (var i = 1; i < prefixes.Count; i += 2) Assert.True(faults.TryGetValue(i, out var fault) && fault.Stage == FaultStage.Decode,
            Encoding.UTF8.GetString(prefixes[i]));
    }

    [Property(MaxTest = 100, EndSize = Seeds.All)]
    public void What_is_not_read_changes_neither_rows_nor_faults(int seed)
    {
        var random = new Random(seed);
        var documents = new JsonDocuments(random);
        var schema = documents.Schema();
        var records = documents.Records(schema, 30, wildness: 30).SelectMany(r => (byte[][])[r, documents.Mutated(r), r]).ToList();
        var read = schema.Select(_ => random.Next(2) == 0).ToArray();
        var (rows, faults) = Decode(schema, records, predict: true);
        using var scope = new MemoryScope();
        var some = new Faults();
        using var batch = new JsonDecoder(schema, read, null, scope).Decode(RawRecords.Of(scope, records), some);
        Assert.Equal(schema.Where((_, i) => read[i]), batch.Schema);
        Assert.Equal(faults, some.ByRow);
        foreach (var (row, values) in RowText.Of(batch))
        {
            var all = System.Text.Json.Nodes.JsonNode.Parse(rows[row])!;
            foreach (var (name, value) in values) Assert.Equal(RowText.Text(all[name]), RowText.Text(value));
        }
    }

    [Property(MaxTest = 200, EndSize = Seeds.All)]
    public void What_the_encoder_writes_the_decoder_reads(int seed)
    {
        var documents = new JsonDocuments(new Random(seed));
        var schema = documents.Schema();
        var records = documents.Records(schema, 30, wildness: 30);
        using var scope = new MemoryScope();
        using var first = new JsonDecoder(schema, null, null, scope).Decode(RawRecords.Of(scope, records), new Faults());
        var written = Encoded.Values(first, new JsonEncoder(schema), scope);
        var faults = new Faults();
        // The engine's own form of a timestamp is ISO, whatever the source's was.
        var plain = WithoutFormats(schema);
        using var second = new JsonDecoder(plain, null, null, scope).Decode(RawRecords.Of(scope, written), faults);
        Assert.Empty(faults.ByRow.Select(f => f.Value.Message));
        Assert.Equal(RowText.Of(first).Values.Select(RowText.Text), RowText.Of(second).Values.Select(RowText.Text));
    }

    private static Schema WithoutFormats(Schema schema) => new(schema.Select(f => f with { Format = null, Type = WithoutFormats(f.Type) }));

    private static DataType WithoutFormats(DataType type) => type.Kind switch
    {
        TypeKind.Struct => DataType.Struct(WithoutFormats(type.Fields!)),
        TypeKind.List => DataType.List(WithoutFormats(type.Element!)),
        _ => type,
    };
}
