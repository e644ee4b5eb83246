using FsCheck.Xunit;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Syntax;

/// <summary>Schema texts: each column's error, and what is known of a text that has some.</summary>
public class SchemaTextTests
{
    private static readonly string[] Words =
    [
        "id", "\"b c\"", "name", "INT", "STRING", "INTEGR", "DECIMAL", "TIMESTAMP", "ARRAY", "STRUCT", "<", ">", "(", ")", "[", "]", ",", ",", ",", "1", "38", "NOT",
        "NULL",
        "FORMAT", "'yyyy'", "'QQ'", "WATERMARK", "FOR", "PRIMARY", "KEY", "AS", "DEFAULT", "'x", "\"", "--", "/*", "1x", "\ud800", "é", "€", "\n", "",
    ];

    [Fact]
    public void Each_column_has_its_first_error_and_the_others_are_known()
    {
        const string schema = "a INT, b INTEGR NOT, c STRUCT<x INT, y STRNG>, d DECIMAL(99, 2), e STRING FORMAT 'yyyy', f TIMESTAMP FORMAT 'QQ', a DATE, 1 INT, h STRING";
        var text = SchemaText.Parse(schema);
        Assert.Equal(["INTEGR", "STRNG", "99", "yyyy", "QQ", "a", "1"], text.Errors.Select(e => schema.Substring(e.Offset, e.Length)));
        Assert.Equal(["a", "f", "h"], text.Schema.Select(f => f.Name));
        Assert.All(["b", "c", "d", "e"], name => Assert.True(text.IsDeclaredWrongly(name), name));
        Assert.All(["f", "h", "i"], name => Assert.False(text.IsDeclaredWrongly(name), name));
    }

    [Theory]
    [InlineData("a INT, b ARRAY<STRING, c INT")]
    [InlineData("a INT, 'b")]
    [InlineData("a INT, € INT")]
    [InlineData("")]
    public void What_is_cut_off_may_have_declared_anything(string text) => Assert.True(SchemaText.Parse(text).IsDeclaredWrongly("anything"));

    [Fact]
    public void A_text_of_errors_alone_ends()
    {
        var text = SchemaText.Parse(string.Join(',', Enumerable.Range(0, 200_000).Select(i => $"c{i} X")));
        Assert.Equal(ErrorCollector.Most, text.Errors.Count);
        Assert.Equal(200_000, SchemaText.Parse(string.Join(',', Enumerable.Range(0, 200_000).Select(i => $"c{i} INT"))).Schema.Count);
    }

    [Property(MaxTest = 3000, EndSize = Seeds.All)]
    public void Whatever_the_text_it_is_a_schema_or_has_errors_that_lie_in_it(int seed)
    {
        var random = new Random(seed);
        var text = string.Join(random.Next(3) == 0 ? "" : " ", Enumerable.Range(0, random.Next(40)).Select(_ => Words[random.Next(Words.Length)]));
        var schema = SchemaText.Parse(text);
        if (schema.Errors.Count == 0) Assert.NotEmpty(schema.Schema);
        foreach (var error in schema.Errors)
            Assert.True(error.Offset >= 0 && error.Length >= 0 && error.Offset + error.Length <= text.Length, $"{error} is outside of {text}");
    }
}
