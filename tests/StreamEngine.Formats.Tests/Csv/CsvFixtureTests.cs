using System.Text;
using System.Text.Json.Nodes;
using StreamEngine.Core;
using StreamEngine.Formats.Csv;
using StreamEngine.Formats.Lines;
using StreamEngine.Formats.Tests.Suite;

namespace StreamEngine.Formats.Tests.Csv;

public sealed class CsvFixtureTests
{
    private static List<byte[]> Split(Stream stream, CsvOptions options)
    {
        var records = new List<byte[]>();
        for (var splitter = RecordSplitter.Csv(stream, options); splitter.TryRead(out var record);) records.Add(record.ToArray());
        return records;
    }

    [SkippableFact]
    public void Files_are_split_into_records_and_fields_or_errors()
    {
        var folder = SharedFolder.File("fixtures", "text", "csv");
        foreach (var entry in JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "index.json")))!.AsArray())
        {
            var name = (string)entry!["file"]!;
            var options = new CsvOptions((byte)((string)entry["delimiter"]!)[0], (byte)((string)entry["quote"]!)[0]);
            var expected = File.ReadLines(Path.Combine(folder, name + ".expected.ndjson")).Select(l => JsonNode.Parse(l)!).ToList();
            foreach (var chunk in (int[])[int.MaxValue, 7])
            {
                using var file = new Trickle(File.ReadAllBytes(Path.Combine(folder, name)), chunk);
                var records = Split(file, options);
                Assert.True(expected.Count == records.Count, $"{name}: {records.Count} records");
                using var scope = new MemoryScope();
                var fields = (int)entry["fields"]!;
                var schema = new Schema([.. Enumerable.Range(0, fields).Select(i => new Field($"f{i}", DataType.Utf8))]);
                var faults = new Faults();
                using var batch = new CsvDecoder(schema, null, options, scope).Decode(RawRecords.Of(scope, [.. records]), faults);
                var rows = RowText.Of(batch);
                for (var i = 0; i < records.Count; i++)
                {
                    if (expected[i]["error"] is { } error)
                    {
                        Assert.True(faults.ByRow.TryGetValue(i, out var fault), $"{name}:{i}");
                        Assert.Equal(FaultStage.Decode, fault.Stage);
                        Assert.StartsWith((string)error!, fault.Message);
                    }
                    else
                    {
                        Assert.True(rows.TryGetValue(i, out var row), $"{name}:{i} {(faults.ByRow.TryGetValue(i, out var fault) ? fault.Message : "")}");
                        Assert.True(JsonNode.DeepEquals(expected[i]["fields"], new JsonArray([.. row.Select(f => f.Value!.DeepClone())])), $"{name}:{i}");
                    }
                }
            }
        }
    }

    [SkippableFact]
    public void Typed_fields_fit_their_columns_or_are_faults()
    {
        var path = SharedFolder.File("fixtures", "text", "csv", "typed", "types.csv");
        using var file = File.OpenRead(path);
        var records = Split(file, CsvOptions.Default).Skip(1).ToList();
        using var scope = new MemoryScope();
        var faults = new Faults();
        var schema = SchemaText.Parse("i INT, l BIGINT, f DOUBLE, b BOOLEAN, day DATE, ts TIMESTAMP, dec DECIMAL(10,2), s STRING");
        using var batch = new CsvDecoder(schema, null, new CsvOptions { ZoneRequired = true }, scope).Decode(RawRecords.Of(scope, [.. records]), faults);
        var rows = RowText.Of(batch);
        var at = -1;
        foreach (var line in File.ReadLines(path + ".expected.ndjson").Select(l => JsonNode.Parse(l)!.AsObject()))
        {
            at++;
            if (line["error"] is not null)
            {
                Assert.True(faults.ByRow.TryGetValue(at, out var fault), line.ToJsonString());
                Assert.Equal(FaultStage.Contract, fault.Stage);
                Assert.Contains($"'{(string)line["column"]!}'", fault.Message);
                continue;
            }
            if (line["ts"] is { } ts) line["ts"] = ((string)ts!).TrimEnd('Z');
            Assert.True(JsonNode.DeepEquals(line, rows[at]), $"{line} {(rows.TryGetValue(at, out var row) ? row : faults.ByRow[at].Message)}");
        }
        Assert.Equal(records.Count, at + 1);
    }

    [SkippableFact]
    public void Birdstrikes_are_read_quoted_or_not()
    {
        var folder = SharedFolder.File("pipelines", "birdstrikes-filter", "input");
        var schema = SchemaText.Parse("""
            airport STRING, aircraft STRING, damage STRING, flight_date TIMESTAMP FORMAT 'yyyy-MM-dd' NOT NULL, operator STRING, place STRING, phase STRING, size STRING, species STRING,
            time_of_day STRING, cost_repair INT, cost_total DECIMAL(12,2), speed INT
            """);
        foreach (var partition in (int[])[0, 1])
        {
            using var file = File.OpenRead(Path.Combine(folder, $"bf.strikes-{partition}.csv"));
            var records = Split(file, CsvOptions.Default);
            Assert.Equal(423, records.Count);
            using var scope = new MemoryScope();
            var faults = new Faults();
            using var batch = new CsvDecoder(schema, null, null, scope).Decode(RawRecords.Of(scope, [.. records]), faults);
            Assert.Empty(faults.ByRow.Select(f => f.Value.Message));
            // What the encoder writes is read as the same rows.
            var written = Encoded.Values(batch, new CsvEncoder(schema), scope);
            using var again = new CsvDecoder(new Schema(schema.Select(f => f with { Format = null })), null, null, scope).Decode(RawRecords.Of(scope, written), faults);
            Assert.Empty(faults.ByRow.Select(f => f.Value.Message));
            Assert.Equal(RowText.Of(batch).Values.Select(RowText.Text), RowText.Of(again).Values.Select(RowText.Text));
        }
    }
}
