using System.Text;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Formats.Tests.Suite;

namespace StreamEngine.Formats.Tests.Json;

public sealed class JsonEncoderTests
{
    private const string All = """
        i INT, l BIGINT, x DOUBLE, d DECIMAL(12,2), b BOOLEAN, s STRING, y BINARY, day DATE, at TIMESTAMP, o STRUCT<a INT, "b\ c" STRING>, e ARRAY<ARRAY<DOUBLE>>
        """;

    private static string[] Encode(Func<Schema, IEncoder> encoder, string schema, params string[] rows)
    {
        using var scope = new MemoryScope();
        var faults = new Faults();
        var decoder = new JsonDecoder(SchemaText.Parse(schema), null, null, scope);
        using var batch = decoder.Decode(RawRecords.Of(scope, rows), faults);
        Assert.Empty(faults.ByRow.Values.Select(f => f.Message));
        return Encoded.Texts(batch, encoder(decoder.Output), scope);
    }

    [Theory]
    [InlineData("""{"i":-5,"l":9223372036854775807,"x":0.1,"d":12.50,"b":true,"s":"a\"\\\u0001\n\u00e9😀/","y":"AAEC","day":"2001-02-03","at":"2001-01-01T06:00:00Z","o":{"a":1,"b\\ c":null},"e":[[1.5,null],[],null]}""",
        """{"i":-5,"l":9223372036854775807,"x":0.1,"d":12.50,"b":true,"s":"a\"\\\u0001\né😀/","y":"AAEC","day":"2001-02-03","at":"2001-01-01T06:00:00Z","o":{"a":1,"b\\ c":null},"e":[[1.5,null],[],null]}""")]
    [InlineData("""{"x":"NaN","d":"-0.01","at":"1969-12-31 23:59:59.25","s":""}""",
        """{"i":null,"l":null,"x":"NaN","d":-0.01,"b":null,"s":"","y":null,"day":null,"at":"1969-12-31T23:59:59.25Z","o":null,"e":null}""")]
    [InlineData("""{"x":1e300,"o":{},"e":[]}""",
        """{"i":null,"l":null,"x":1E+300,"d":null,"b":null,"s":null,"y":null,"day":null,"at":null,"o":{"a":null,"b\\ c":null},"e":[]}""")]
    public void Rows_become_objects_with_all_columns(string row, string expected)
        => Assert.Equal([expected], Encode(s => new JsonEncoder(s), All, row));

    [Fact]
    public void Columns_can_be_chosen_and_named()
        => Assert.Equal(["""{"b":2,"x\"y":1}"""], Encode(s => new JsonEncoder(s, [1, 0], ["b", "x\"y"]), "a INT, b INT", """{"a":1,"b":2}"""));

    [Fact]
    public void A_key_of_one_column_is_its_bare_text()
    {
        Assert.Equal(["ATL", "a\"b", null!, ""], Encode(s => new JsonKeyEncoder(s, 0), "k STRING", """{"k":"ATL"}""", """{"k":"a\"b"}""", "{}", """{"k":""}"""));
        Assert.Equal(["2001-01-01T06:00:00Z"], Encode(s => new JsonKeyEncoder(s, 0), "k TIMESTAMP", """{"k":"2001-01-01 06:00"}"""));
        Assert.Equal(["7"], Encode(s => new JsonKeyEncoder(s, 0), "k INT", """{"k":7}"""));
        Assert.Equal(["""{"a":"x"}"""], Encode(s => new JsonKeyEncoder(s, 0), "k STRUCT<a STRING>", """{"k":{"a":"x"}}"""));
    }

    [Fact]
    public void A_key_of_several_columns_is_an_array()
        => Assert.Equal(["""["ATL","2001-01-01T06:00:00Z",null]"""], Encode(s => new JsonKeyEncoder(s, 0, 1, 2), "k STRING, t TIMESTAMP, n INT",
            """{"k":"ATL","t":"2001-01-01 06:00"}"""));

    [Fact]
    public void Long_texts_are_written_whole()
    {
        var text = new string('x', 300_000) + "\u0001" + new string('é', 50_000);
        var rows = Encode(s => new JsonEncoder(s), "s STRING", $$"""{"s":"{{text.Replace("\u0001", "\\u0001")}}"}""", """{"s":"y"}""");
        Assert.Equal($$"""{"s":"{{text.Replace("\u0001", "\\u0001")}}"}""", rows[0]);
        Assert.Equal("""{"s":"y"}""", rows[1]);
    }
}
