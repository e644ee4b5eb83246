using System.Text;
using System.Text.Json.Nodes;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Formats.Tests.Suite;

namespace StreamEngine.Formats.Tests.Json;

/// <summary>What lies at the edges of the predicted path, each behind a record that it was learned from.</summary>
public sealed class PredictionTests
{
    private static readonly string[] Values =
    [
        "0", "-0", "7", "-7", "01", "-01", "00", "-", "+1", "1.", ".5", "1.0", "1.5", "1e2", "1E+2", "1e", "12e-1", "0x1", "1_0", "12345678", "-12345678",
        "012345678", "123456789", "1234567890123456",
        "12345678901234567", "123456789012345678", "1234567890123456789", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "-9223372036854775809", "99999999999999999999", "2147483647",
        "2147483648", "-2147483648", "-2147483649", "9223372036854775", "9223372036854776", "null", "nul", "true", "\"\"", "\"x\"", "\"x", "x\"", "\"é\"",
        "\"\u007f\"", "\"\\u00e9\"", "\"\\", "\"\t\"", "[]", "{}",
        "\"12 345678901\"", "\"123456789012\"", "\"1234567890123\"", "\"1234567890123456789012345678901\"", "\"12345678901234567890123456789012\"",
        "\"123456789012345678901234567890123\"",
        "\"2001/01/01 06:10\"", "\"2001/01/01 24:00\"", "\"2001/01/01 06:1\"", "\"2001/01/01 06:100\"", "\"2001/02/29 06:10\"", "\"2001-01-01T06:00:00Z\"",
        "\"2001-01-01T06:00:00.5Z\"",
        "\"2001-01-01T06:00:00.123Z\"", "\"2001-01-01T06:00:59.123456Z\"", "\"2001-01-01T06:00:59.1234567Z\"", "\"2001-01-01T06:00:60Z\"", "\"2001-01-01T06:60:00Z\"",
            "\"2001-01-01T24:00:00Z\"", "\"2001-02-29T06:00:00Z\"",
            "\"2001-01-01T06:00:0aZ\"", "\"2001-01-01T06:00:00.12aZ\"", "\"2001-01-01T06:01:07.000001Z\"", "\"2001-01-01T06:01:07Z \"", "\"2001-01-01T06:0é:00Z\"",
                "\"2001-01-01T06:01:07Z",
        "", " ", " 5", "5 ", "\n\"x\"",
    ];

    private const string Columns =
        "i INT, l BIGINT, s STRING, f TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm', e TIMESTAMP FORMAT 'epoch-millis', t TIMESTAMP, x DOUBLE, d DECIMAL(12,2), b BOOLEAN";

    private static readonly string[] Usual =
        ["\"i\":1", "\"l\":22222222222", "\"s\":\"some text\"", "\"f\":\"2001/01/01 06:10\"", "\"e\":1700000000000", "\"t\":\"2001-01-01T06:00:00Z\"",
            "\"x\":1.5", "\"d\":1.25", "\"b\":true"];

    public static IEnumerable<object[]> Places() => Enumerable.Range(0, Usual.Length).Select(i => new object[] { i });

    [Theory]
    [MemberData(nameof(Places))]
    public void Odd_values_are_read_as_System_Text_Json_reads_them(int field)
    {
        var schema = SchemaText.Parse(Columns);
        var usual = Encoding.UTF8.GetBytes("{" + string.Join(",", Usual) + "}");
        var records = new List<byte[]>();
        foreach (var value in Values)
        {
            var odd = Usual.ToArray();
            odd[field] = odd[field][..(odd[field].IndexOf(':') + 1)] + value;
            records.Add(usual);
            // In its place, and as the last one, where only the tail says what it ran into.
            records.Add(Encoding.UTF8.GetBytes("{" + string.Join(",", odd) + "}"));
            records.Add(Encoding.UTF8.GetBytes("{" + string.Join(",", odd)));
        }
        using var scope = new MemoryScope();
        var faults = new Faults();
        using var batch = new JsonDecoder(schema, null, null, scope).Decode(RawRecords.Of(scope, [.. records]), faults);
        var rows = RowText.Of(batch);
        for (var i = 0; i < records.Count; i++)
        {
            var expected = JsonOracle.Read(schema, records[i], out var stage);
            var text = Encoding.UTF8.GetString(records[i]);
            if (expected is null) Assert.True(faults.ByRow.TryGetValue(i, out var fault) && fault.Stage == stage, $"{stage}: {text}");
            else Assert.True(rows.TryGetValue(i, out var row) && RowText.Text(expected) == RowText.Text(row), text);
        }
    }

    [Fact]
    public void Fields_may_be_left_out_come_later_or_be_new()
    {
        string[] records =
        [
            """{"a":1,"b":"x","c":3,"d":4}""", """{"a":1,"c":3,"b":"y","d":4}""", """{"a":1,"c":3,"d":4}""", """{"b":"x","c":3}""", """{"a":1}""",
            """{"a":1,"d":4}""", """{"a":1,"z":[1,{}],"b":"x","c":3,"d":4}""",
            """{"a":1,"b":"x","c":3,"d":4,"e":true}""", """{"a":1,"c":5,"b":"x","c":3,"d":4}""", """{"d":4,"c":3,"b":"x","a":1}""",
            """{"a":1,"b":"x","c":3,"d":4,"a":null}""",
        ];
        using var scope = new MemoryScope();
        var faults = new Faults();
        using var batch = new JsonDecoder(SchemaText.Parse("a INT, b STRING, c INT NOT NULL, d INT"), null, null, scope).Decode(RawRecords.Of(scope, records), faults);
        Assert.Equal([4, 5], faults.ByRow.Keys);
        Assert.All(faults.ByRow.Values, f => Assert.Equal("column 'c': NOT NULL, but the field is missing", f.Message));
        string[] expected =
        [
            """{"a":1,"b":"x","c":3,"d":4}""", """{"a":1,"b":"y","c":3,"d":4}""", """{"a":1,"b":null,"c":3,"d":4}""", """{"a":null,"b":"x","c":3,"d":null}""",
            """{"a":1,"b":"x","c":3,"d":4}""",
            """{"a":1,"b":"x","c":3,"d":4}""", """{"a":1,"b":"x","c":3,"d":4}""", """{"a":1,"b":"x","c":3,"d":4}""", """{"a":null,"b":"x","c":3,"d":4}""",
        ];
        Assert.Equal(expected, RowText.Of(batch).Values.Select(r => RowText.Text((JsonNode)r)));
    }

    [Fact]
    public void A_value_that_is_cut_does_not_go_on_in_the_next_record()
    {
        using var scope = new MemoryScope();
        var faults = new Faults();
        string[] records = ["""{"a":1,"s":"x"}""", """{"a":1,"s":"x"}""", """{"a":1""", """2,"s":"x"}""", """{"a":1,"s":"x""", """y"}""", """{"a":1,"s":"x"}"""];
        using var batch = new JsonDecoder(SchemaText.Parse("a INT, s STRING"), null, null, scope).Decode(RawRecords.Of(scope, records), faults);
        Assert.Equal([2, 3, 4, 5], faults.ByRow.Keys);
    }

    [Fact]
    public void Decoding_allocates_nothing_per_row()
    {
        using var scope = new MemoryScope();
        var decoder = new JsonDecoder(SchemaText.Parse(Columns), null, null, scope);
        var records = Enumerable.Repeat("{" + string.Join(",", Usual) + "}", 4000).ToArray();
        long Allocated()
        {
            var raw = RawRecords.Of(scope, records);
            var before = GC.GetAllocatedBytesForCurrentThread();
            decoder.Decode(raw, new Faults()).Dispose();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Allocated();
        Allocated();
        Assert.InRange(Allocated(), 0, records.Length);
    }
}
