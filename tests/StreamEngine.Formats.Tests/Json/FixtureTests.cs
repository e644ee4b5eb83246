using System.Text;
using System.Text.Json.Nodes;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Formats.Tests.Suite;

namespace StreamEngine.Formats.Tests.Json;

/// <summary>The awkward JSON texts of the shared fixtures, each as a value inside a record, where a declared or an undeclared key holds it.</summary>
public sealed class FixtureTests
{
    private static List<byte[]> Lines(string path) => [.. File.ReadAllBytes(path).Split((byte)'\n')];

    private static SortedDictionary<int, Fault> Faults(string schema, IReadOnlyList<byte[]> records, JsonDecoderOptions? options = null)
    {
        using var scope = new MemoryScope();
        var faults = new Faults();
        new JsonDecoder(SchemaText.Parse(schema), null, options, scope).Decode(RawRecords.Of(scope, [.. records]), faults).Dispose();
        return faults.ByRow;
    }

    private static byte[] Inside(byte[] value) => [.. "{\"id\":1,\"v\":"u8, .. value, .. "}"u8];

    [SkippableTheory]
    [InlineData("valid.ndjson")]
    [InlineData("invalid.ndjson")]
    [InlineData("invalid_utf8.ndjson")]
    [InlineData("lone_surrogates.ndjson")]
    [InlineData("duplicate_keys.ndjson")]
    [InlineData("limits.ndjson")]
    [InlineData("mixed.ndjson")]
    [InlineData("mixed_crlf.ndjson")]
    [InlineData("no_last_newline.ndjson")]
    public void Values_are_JSON_or_not(string name)
    {
        var path = SharedFolder.File("fixtures", "text", "json", name);
        var lines = Lines(path);
        var expected = File.ReadLines(path + ".expected.ndjson").Select(l => JsonNode.Parse(l, documentOptions: new() { MaxDepth = 1000 })!).ToList();
        var faults = Faults("id INT", [.. lines.Select(Inside)]);
        var strict = Faults("id INT", [.. lines.Select(Inside)], new JsonDecoderOptions { DuplicateKeys = DuplicateKeys.Error });
        foreach (var line in expected)
        {
            var at = (int)line["line"]! - 1;
            var wrong = line["error"] is not null || line["skip"] is not null;
            Assert.True(wrong == faults.TryGetValue(at, out var fault), $"{name}:{at + 1}: {fault.Message}");
            if (wrong) Assert.Equal(FaultStage.Decode, fault.Stage);
            Assert.True((wrong || line["strict"] is not null) == strict.ContainsKey(at), $"{name}:{at + 1}");
        }
    }

    [SkippableFact]
    public void Values_are_read_as_they_are_expected()
    {
        foreach (var name in (string[])["mixed.ndjson", "mixed_crlf.ndjson", "no_last_newline.ndjson"])
        {
            var path = SharedFolder.File("fixtures", "text", "json", name);
            using var scope = new MemoryScope();
            var schema = SchemaText.Parse("id INT, w STRING, x DOUBLE, odd STRING, n STRUCT<k ARRAY<INT>>");
            using var batch = new JsonDecoder(schema, null, null, scope).Decode(RawRecords.Of(scope, [.. Lines(path)]), new Faults());
            var rows = RowText.Of(batch);
            foreach (var line in File.ReadLines(path + ".expected.ndjson").Select(l => JsonNode.Parse(l)!))
            {
                if (line["value"] is not { } value) continue;
                Assert.True(JsonNode.DeepEquals(value, rows[(int)line["line"]! - 1]), $"{value} {rows[(int)line["line"]! - 1]}");
            }
        }
    }

    /// <summary>Types that the engine does not have (uint64, map) are left out of the schema; what is wrong only in them is no fault.</summary>
    [SkippableFact]
    public void Typed_values_fit_their_columns_or_are_faults()
    {
        var path = SharedFolder.File("fixtures", "text", "json", "typed", "types.ndjson");
        const string Schema =
            "i INT, l BIGINT, f DOUBLE, b BOOLEAN, s STRING, day DATE, ts TIMESTAMP, dec DECIMAL(10,2), bin BINARY, arr ARRAY<BIGINT>, st STRUCT<a BIGINT, b STRING>";
        using var scope = new MemoryScope();
        var faults = new Faults();
        var decoder = new JsonDecoder(SchemaText.Parse(Schema), null, new JsonDecoderOptions { ZoneRequired = true }, scope);
        using var batch = decoder.Decode(RawRecords.Of(scope, [.. Lines(path)]), faults);
        var rows = RowText.Of(batch);
        var at = -1;
        foreach (var line in File.ReadLines(path + ".expected.ndjson").Select(l => JsonNode.Parse(l)!.AsObject()))
        {
            at++;
            var column = (string?)line["column"];
            if (column is "u" or "m") continue;
            if (line["error"] is not null)
            {
                Assert.True(faults.ByRow.TryGetValue(at, out var fault), line.ToJsonString());
                Assert.Equal(column is null ? FaultStage.Decode : FaultStage.Contract, fault.Stage);
                if (column is not null) Assert.Contains($"'{column}", fault.Message);
                continue;
            }
            line.Remove("u");
            line.Remove("m");
            if (line["ts"] is { } ts) line["ts"] = ((string)ts!).TrimEnd('Z');
            Assert.True(JsonNode.DeepEquals(line, rows[at]), $"{line} {rows[at]}");
        }
    }

    [Theory]
    [InlineData(512, true)]
    [InlineData(513, false)]
    public void Depth_is_bounded(int depth, bool good)
    {
        // The record is the first level.
        var value = Encoding.ASCII.GetBytes(new string('[', depth - 1) + new string(']', depth - 1));
        Assert.Equal(good, Faults("id INT", [Inside(value)]).Count == 0);
        Assert.Equal(good, Faults("id INT", [Inside(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", depth - 1)) + "1" + new string('}',
            depth - 1)))]).Count == 0);
    }

    [Fact]
    public void Faults_say_what_was_expected_and_found()
    {
        var schema = "id INT NOT NULL, d DECIMAL(4,1), o STRUCT<a INT, t TIMESTAMP FORMAT 'yyyy/MM/dd'>, l ARRAY<INT>";
        var faults = Faults(schema, [.. new[]
        {
            "{}", """{"id":null}""", """{"id":"7"}""", """{"id":1,"d":12.34}""", """{"id":1,"o":{"a":1.5}}""", """{"id":1,"o":{"t":"2001-01-01"}}""",
            """{"id":1,"l":[1,"x"]}""", """{"id":1,}""",
            """{"id":1""", "[]", "", """{"id":"x","id":2}""", """{"id":"x","d":true,"id":2}""",
        }.Select(Encoding.UTF8.GetBytes)]);
        Assert.Equal(
        [
            "0 contract column 'id': NOT NULL, but the field is missing",
            "1 contract column 'id': NOT NULL, but the value is null",
            "2 contract column 'id': a whole number of 32 bits (INT) expected, found \"7\"",
            "3 contract column 'd': a number that fits DECIMAL(4,1) exactly expected, found 12.34",
            "4 contract column 'o.a': a whole number of 32 bits (INT) expected, found 1.5",
            "5 contract column 'o.t': a timestamp of the form yyyy/MM/dd expected, found \"2001-01-01\"",
            "6 contract column 'l[]': a whole number of 32 bits (INT) expected, found \"x\"",
            "7 decode not JSON at byte 8: a key in double quotes expected",
            "8 decode not JSON at byte 7: ',' or '}' expected, but the record ends",
            "9 decode the value is an array, not a JSON object",
            "10 decode the value is empty",
            "12 contract column 'd': a number that fits DECIMAL(4,1) exactly expected, found true",
        ], faults.Select(f => $"{f.Key} {f.Value.StageName} {f.Value.Message}"));
    }

    [Fact]
    public void Unknown_fields_are_refused_on_request()
    {
        var options = new JsonDecoderOptions { UnknownFields = UnknownFields.Reject };
        var faults = Faults("id INT, o STRUCT<a INT>", [.. new[] { """{"id":1,"zz":1}""", """{"id":1,"o":{"a":1,"b":2}}""",
            """{"id":1,"o":{}}""" }.Select(Encoding.UTF8.GetBytes)], options);
        Assert.Equal(["the field is not declared, found \"zz\"", "column 'o': a field is not declared, found \"b\""], faults.Values.Select(f => f.Message));
    }
}
