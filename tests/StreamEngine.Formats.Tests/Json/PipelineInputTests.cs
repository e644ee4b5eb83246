using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Formats.Tests.Suite;

namespace StreamEngine.Formats.Tests.Json;

/// <summary>The inputs of the shared pipelines through the decoder: which records are faults, at which stage, and the rows of the others.</summary>
public sealed class PipelineInputTests
{
    private const string Dirty = """
        id INT NOT NULL, n BIGINT, x DOUBLE, d DECIMAL(10,2), b BOOLEAN, s STRING, t TIMESTAMP FORMAT 'yyyy-MM-dd HH:mm:ss', o STRUCT<a INT, c STRING>, l ARRAY<INT>
        """;

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Dirty_records_are_faults_and_clean_ones_rows(bool predict)
    {
        var folder = SharedFolder.File("pipelines", "json-dirty");
        var either = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "case.json")))!["either"]!.AsArray().Select(e => ((int)e!["partition"]!,
            (int)e["offset"]!)).ToHashSet();
        var faults = new Dictionary<(int, int), Fault>();
        var rows = new List<JsonObject>();
        for (var partition = 0; partition < 2; partition++)
        {
            var (ofPartition, good) = Decode(Dirty, Values(Path.Combine(folder, "input", $"jd.in-{partition}")), predict);
            foreach (var (row, fault) in ofPartition) faults.Add((partition, row), fault);
            rows.AddRange(good.Values);
        }
        foreach (var line in File.ReadLines(Path.Combine(folder, "expected", "dlq.ndjson")))
        {
            var expected = JsonNode.Parse(line)!;
            var key = ((int)expected["partition"]!, (int)expected["offset"]!);
            Assert.True(faults.Remove(key, out var fault), $"{line} was no fault");
            var stages = expected["stage"]!.AsArray().Select(s => (string)s! == "validate" ? FaultStage.Contract : FaultStage.Decode).ToList();
            Assert.True(stages.Contains(fault.Stage), $"{line}: {fault.Stage} {fault.Message}");
            if (expected["column"] is { } column) Assert.Contains($"'{column}", fault.Message);
        }
        Assert.DoesNotContain(faults.Keys, k => !either.Contains(k));
        var canonical = File.ReadLines(Path.Combine(folder, "expected", "jd.out.ndjson")).Select(l => RowText.Text(Doubles(JsonNode.Parse(l)))).ToHashSet();
        var found = rows.Select(r => RowText.Text(Doubles(r))).ToList();
        Assert.Empty(canonical.Except(found));
        Assert.InRange(found.Count, canonical.Count, canonical.Count + either.Count);
    }

    [SkippableFact]
    public void Nested_records_are_read()
    {
        var folder = SharedFolder.File("pipelines", "earthquakes-nested");
        var schema = """
            id STRING NOT NULL,
            properties STRUCT<mag DOUBLE, place STRING, time TIMESTAMP FORMAT 'epoch-millis', felt INT, alert STRING, tsunami INT, sig INT, "magType" STRING>,
            geometry STRUCT<type STRING, coordinates ARRAY<DOUBLE>>
            """;
        foreach (var partition in (int[])[0, 1])
        {
            var values = Values(Path.Combine(folder, "input", $"qn.quakes-{partition}"));
            var (faults, rows) = Decode(schema, values, predict: true);
            Assert.Empty(faults);
            Assert.Equal(values.Count, rows.Count);
            for (var i = 0; i < values.Count; i++)
            {
                var source = JsonNode.Parse(values[i]!)!;
                Assert.Equal((string?)source["id"], (string?)rows[i]["id"]);
                Assert.Equal((double?)source["properties"]?["mag"], (double?)rows[i]["properties"]?["mag"]);
                Assert.Equal((string?)source["properties"]?["magType"], (string?)rows[i]["properties"]?["magType"]);
                Assert.Equal(RowText.Text(Doubles(source["geometry"]?["coordinates"])), RowText.Text(Doubles(rows[i]["geometry"]?["coordinates"])));
                var time = (long?)source["properties"]?["time"];
                Assert.Equal(time is null ? null : DateTime.UnixEpoch.AddMilliseconds(time.Value).ToString("yyyy-MM-ddTHH:mm:ss.ffffff"),
                    (string?)rows[i]["properties"]?["time"]);
            }
        }
    }

    /// <summary>All numbers as doubles, so that 1 and 1.0 are one.</summary>
    private static JsonNode? Doubles(JsonNode? node) => node switch
    {
        null => null,
        JsonObject o => new JsonObject(o.Select(p => KeyValuePair.Create(p.Key, Doubles(p.Value)))),
        JsonArray a => new JsonArray([.. a.Select(e => Doubles(e))]),
        JsonValue v when v.GetValueKind() == JsonValueKind.Number && v.ToJsonString().AsSpan().ContainsAny('.', 'e',
            'E') => JsonValue.Create(double.Parse(v.ToJsonString()).ToString("R")),
        JsonValue v when v.GetValueKind() == JsonValueKind.Number => JsonValue.Create(v.ToJsonString() is "-0" ? "-0" : v.ToJsonString()),
        _ => node.DeepClone(),
    };

    private static (SortedDictionary<int, Fault> Faults, SortedDictionary<int, JsonObject> Rows) Decode(string schema, IReadOnlyList<byte[]?> values, bool predict)
    {
        using var scope = new MemoryScope();
        var faults = new Faults();
        using (var batch = new JsonDecoder(SchemaText.Parse(schema), null, null, scope) { Predict = predict }.Decode(RawRecords.Of(scope, values), faults))
        {
            Assert.Equal(BatchRole.Main, batch.Role);
            Assert.Equal(values.Count, batch.Rows);
            return (faults.ByRow, RowText.Of(batch));
        }
    }

    /// <summary>The values of an input file, with those that its side file replaces.</summary>
    private static List<byte[]?> Values(string path)
    {
        var bytes = File.ReadAllBytes(path + ".ndjson");
        var values = new List<byte[]?>();
        for (var from = 0; from < bytes.Length;)
        {
            var length = bytes.AsSpan(from).IndexOf((byte)'\n');
            if (length < 0) length = bytes.Length - from;
            values.Add(bytes.AsSpan(from, length).ToArray());
            from += length + 1;
        }
        if (!File.Exists(path + ".json")) return values;
        foreach (var (index, record) in JsonNode.Parse(File.ReadAllText(path + ".json"))!["records"]?.AsObject() ?? [])
        {
            if (record!.AsObject().ContainsKey("valueBase64")) values[int.Parse(index)] = Convert.FromBase64String((string)record["valueBase64"]!);
            else if (record.AsObject().ContainsKey("value")) values[int.Parse(index)] = null;
        }
        return values;
    }
}
