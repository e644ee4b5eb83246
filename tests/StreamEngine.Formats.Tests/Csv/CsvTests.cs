using System.Text;
using FsCheck.Xunit;
using StreamEngine.Core;
using StreamEngine.Formats.Csv;
using StreamEngine.Formats.Lines;
using StreamEngine.Formats.Tests.Suite;

namespace StreamEngine.Formats.Tests.Csv;

public sealed class CsvTests
{
    private static (List<string> Rows, SortedDictionary<int, Fault> Faults) Decode(string schema, CsvOptions? options, params byte[]?[] records)
    {
        using var scope = new MemoryScope();
        var faults = new Faults();
        using var batch = new CsvDecoder(SchemaText.Parse(schema), null, options, scope).Decode(RawRecords.Of(scope, records), faults);
        return ([.. RowText.Of(batch).Values.Select(RowText.Text)], faults.ByRow);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    [Fact]
    public void Line_ends_of_the_file_are_no_part_of_a_record()
        => Assert.Equal(["""{"a":1,"b":"x"}""", """{"a":1,"b":"x"}""", """{"a":1,"b":"x\n"}"""], Decode("a INT, b STRING", null, Bytes("1,x\r\n"),
            Bytes("1,x\n"), Bytes("1,\"x\n\"\r")).Rows);

    [Fact]
    public void Without_a_quote_quotes_are_text()
        => Assert.Equal(["""{"a":"\"x","b":"y\"\""}"""], Decode("a STRING, b STRING", new CsvOptions(Quote: null), Bytes("\"x,y\"\"")).Rows);

    [Fact]
    public void Faults_name_what_is_wrong()
    {
        var (_, faults) = Decode("a INT NOT NULL, b TIMESTAMP FORMAT 'epoch-millis'", null, null, [], Bytes("\r\n"), Bytes("1"), Bytes(",5"), Bytes("x,5"),
            Bytes("1,x"), Bytes("1,2\n3,4"), Bytes("x,1,2"));
        Assert.Equal(
        [
            "0 decode the value is null (a tombstone)",
            "1 decode the value is empty",
            "2 decode the value is blank",
            "3 decode field-count: the record has 1 fields, 2 are declared",
            "4 contract column 'a': NOT NULL, but the field is empty",
            "5 contract column 'a': a whole number of 32 bits (INT) expected, found x",
            "6 contract column 'b': a whole number (epoch-millis) expected, found x",
            "7 decode line-break: field 2 is not quoted and holds a line break; a value is one record",
            "8 decode field-count: the record has 3 fields, 2 are declared",
        ], faults.Select(f => $"{f.Key} {f.Value.StageName} {f.Value.Message}"));
    }

    [Fact]
    public void Nested_types_and_wrong_options_are_refused()
    {
        using var scope = new MemoryScope();
        Assert.Throws<ArgumentException>(() => new CsvDecoder(SchemaText.Parse("a STRUCT<b INT>"), null, null, scope));
        Assert.Throws<ArgumentException>(() => new CsvDecoder(SchemaText.Parse("a INT"), null, new CsvOptions((byte)'"'), scope));
        Assert.Throws<ArgumentException>(() => new CsvEncoder(SchemaText.Parse("a STRING"), null, new CsvOptions(Quote: null)));
    }

    /// <summary>Texts of the characters that mean something to CSV come through encoder, file, splitter and decoder.</summary>
    [Property(MaxTest = 300, EndSize = Seeds.All)]
    public void What_the_encoder_writes_the_splitter_and_the_decoder_read(int seed)
    {
        var random = new Random(seed);
        var options = random.Next(2) == 0 ? new CsvOptions() : new CsvOptions((byte)';', (byte)'\'');
        var columns = random.Next(1, 5);
        var schema = new Schema([.. Enumerable.Range(0, columns).Select(i => new Field($"f{i}", DataType.Utf8))]);
        using var scope = new MemoryScope();
        var rows = Enumerable.Range(0, random.Next(1, 20)).Select(_ => Enumerable.Range(0, columns).Select(_ => Field(random)).ToArray()).ToList();
        var json = rows.Select(r => Bytes("{" + string.Join(",", r.Select((f, i) => $"\"f{i}\":{System.Text.Json.JsonSerializer.Serialize(f)}")) + "}")).ToArray();
        using var batch = new Formats.Json.JsonDecoder(schema, null, null, scope).Decode(RawRecords.Of(scope, json), new Faults());
        var written = Encoded.Values(batch, new CsvEncoder(schema, options: options), scope);
        var file = written.SelectMany(w => (byte[])[.. w!, .. Bytes(random.Next(2) == 0 ? "\n" : "\r\n")]).ToArray();
        var splitter = RecordSplitter.Csv(new Trickle(file, random.Next(1, 40)), options);
        var records = new List<byte[]?>();
        while (splitter.TryRead(out var record)) records.Add(record.ToArray());
        var faults = new Faults();
        using var again = new CsvDecoder(schema, null, options, scope).Decode(RawRecords.Of(scope, records), faults);
        Assert.Empty(faults.ByRow.Select(f => f.Value.Message));
        Assert.Equal(RowText.Of(batch).Values.Select(RowText.Text), RowText.Of(again).Values.Select(RowText.Text));
    }

    private static string Field(Random random)
    {
        var text = new StringBuilder();
        for (var n = random.Next(random.Next(8) == 0 ? 80 : 6); n > 0; n--) text.Append(random.Next(3) == 0
            ? "\",;'\r\n \té"[random.Next(9)] : (char)('a' + random.Next(26)));
        return text.ToString();
    }

    [Property(MaxTest = 300, EndSize = Seeds.All)]
    public void Any_bytes_are_a_row_or_a_fault(int seed)
    {
        var random = new Random(seed);
        var records = Enumerable.Range(0, 20).Select(_ => Enumerable.Range(0,
            random.Next(30)).Select(_ => random.Next(10) == 0 ? (byte)random.Next(256) : (byte)"\",\n\r1.5x-e:Ttrue"[random.Next(16)]).ToArray()).ToArray();
        var (rows, faults) = Decode("a INT, b STRING, c TIMESTAMP", null, records);
        Assert.Equal(records.Length, rows.Count + faults.Count);
    }

    [Fact]
    public void Lines_are_split_at_line_ends_and_blank_ones_left_out()
    {
        foreach (var chunk in (int[])[1, 1000])
        {
            var splitter = RecordSplitter.Lines(new Trickle(Bytes("\uFEFF{\"a\":\"\"\"}\r\n\r\n  \n{}\nlast"), chunk));
            var lines = new List<string>();
            while (splitter.TryRead(out var line)) lines.Add($"{splitter.Line} {Encoding.UTF8.GetString(line.Span)}");
            Assert.Equal(["1 {\"a\":\"\"\"}", "4 {}", "5 last"], lines);
        }
    }

    [Fact]
    public void A_quote_that_is_never_closed_is_bounded()
    {
        var splitter = RecordSplitter.Csv(new Endless(), CsvOptions.Default);
        Assert.Contains("line 1", Assert.Throws<InvalidDataException>(() => splitter.TryRead(out _)).Message);
    }

    private sealed class Endless : MemoryStream
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)'\n');
            if (offset == 0) buffer[0] = (byte)'"';
            return count;
        }
    }
}
