namespace StreamEngine.Config.Tests;

public class SyntaxTests
{
    [Theory]
    [InlineData("", "{}")]
    [InlineData("# nothing\n// at all", "{}")]
    [InlineData("a = 1", "{a=1}")]
    [InlineData("\uFEFFa : 1", "{a=1}")]
    [InlineData("{ a = 1 }\n# end\n", "{a=1}")]
    [InlineData("a = 1, b = 2\nc = 3,\nd : 4\n, e = 5", "{a=1,b=2,c=3,d=4,e=5}")]
    [InlineData("a { b = 1 }\r\nc { }\r\n", "{a={b=1},c={}}")]
    [InlineData("a\n{ b = 1 }", "{a={b=1}}")]
    [InlineData("a =\n  5", "{a=5}")]
    [InlineData("a.b.c = 1, a.b.d = 2", "{a={b={c=1,d=2}}}")]
    [InlineData("sources.\"my topic\".x = 1", "{sources={my topic={x=1}}}")]
    [InlineData("a b c = 1, \"d\"e.f = 2", "{a b c=1,de={f=2}}")]
    [InlineData("a.\"\".b = 1", "{a={={b=1}}}")]
    [InlineData("3.14 = 1, true = 2", "{3={14=1},true=2}")]
    [InlineData("a = one  two # three", "{a=one  two}")]
    [InlineData("a = x//y", "{a=x}")]
    [InlineData("a = \"x//y#z\" // c", "{a='x//y#z'}")]
    [InlineData("a = flights.hourly, b = -1.5e+3, c = on", "{a=flights.hourly,b=-1.5e+3,c=on}")]
    [InlineData("a = [1, 2\n3,\n[4], {b = 5},]", "{a=[1,2,3,[4],{b=5}]}")]
    [InlineData("a = [one two, \"x\" y]", "{a=[one two,'x y']}")]
    [InlineData("a = \"\\u00e9\\n\\t\\\"\\\\\\/\"", "{a='é\n\t\"\\/'}")]
    [InlineData("a = \"\"\"x \\n \"y\" \nz\"\"\"", "{a='x \\n \"y\" \nz'}")]
    [InlineData("a = \"\"\"x\"\"\"\"", "{a='x\"'}")]
    [InlineData("a = null, b = \"null\"", "{a=null,b='null'}")]
    [InlineData("include = 1, foo include = 2, a = include", "{include=1,foo include=2,a=include}")]
    [InlineData("\"a\"\n: {\"b\"\n:\n\"c\"}", "{a={b='c'}}")]
    public void A_text_reads_as(string text, string expected) => Assert.Equal(expected, Reading.Flat(text));

    [Theory]
    [InlineData("a = 1, a = 2", "{a=2}")]
    [InlineData("a { x = 1, y = 2 }, a { y = 3, z = 4 }", "{a={x=1,y=3,z=4}}")]
    [InlineData("a { x = 1 }, a = 5, a { y = 2 }", "{a={y=2}}")]
    [InlineData("a { x = 1 }, a = null, a { y = 2 }", "{a={y=2}}")]
    [InlineData("a = [1], a = [2]", "{a=[2]}")]
    [InlineData("a = { x = 1 } { y = 2 }", "{a={x=1,y=2}}")]
    [InlineData("a = [1] [2]", "{a=[1,2]}")]
    [InlineData("a += 1, a += 2", "{a=[1,2]}")]
    [InlineData("a = [1], b.a = 3, a += [2], b.c += { x = 1 }", "{a=[1,[2]],b={a=3,c=[{x=1}]}}")]
    public void Keys_merge(string text, string expected) => Assert.Equal(expected, Reading.Flat(text));

    [Theory]
    [InlineData("a = \"open\nb = 1", "1:5:5 the quoted string is not closed on its line")]
    [InlineData("a = \"x\\q\"", "1:7:2 '\\q' is no escape in a quoted string")]
    [InlineData("a {\n  b = \"\"\"x\n}\n", "2:7:3 the string in triple quotes is not closed: the file ends before its \"\"\"")]
    [InlineData("a = 1 }\n", "1:7:1 this '}' closes nothing")]
    [InlineData("a = 1\n]\nb = 2", "2:1:1 this ']' closes nothing")]
    [InlineData("{ a = 1 } b = 2", "1:11:1 nothing may follow the '}' that closes the file's outer '{'")]
    [InlineData("a {\n b {\n c = 1\n }\n", "1:3:1 the block of 'a', opened in line 1, is not closed: the file ends before its '}'")]
    [InlineData("a = [1, 2\n", "1:5:1 the list of 'a' is not closed: the file ends before its ']'")]
    [InlineData("a { b = [1, 2 }\nc = 1", "1:9:1 this '[' is not closed before the '}' in line 1, column 15")]
    [InlineData("a = [ { x = 1 ]\nc = 1", "1:7:1 this '{' is not closed before the ']' in line 1, column 15")]
    [InlineData("topic =\nformat = json", "1:1:5 'topic' has no value")]
    [InlineData("a = , b = 1", "1:1:1 'a' has no value")]
    [InlineData("a { topic flights\n x = 1 }", "1:5:13 'topic flights' has no value: '=' or '{' is expected behind it")]
    [InlineData("a = x b = 2, c = 3", "1:9:1 '=' cannot stand in the value of 'a' without quotes")]
    [InlineData("a = 127.0.0.1:9092", "1:14:1 ':' cannot stand in the value of 'a' without quotes")]
    [InlineData("a = { b = 1 } c { d = 1 }", "1:15:1 'c' cannot be joined with a block")]
    [InlineData("a..b = 1", "1:1:2 a key of this path is empty")]
    [InlineData("a. = 1", "1:1:3 a key of this path is empty")]
    [InlineData("@a = 1", "1:1:1 a key cannot begin with '@'")]
    [InlineData("a @ b { c = 1 }\nd = 1", "1:3:1 '@' cannot stand in a key")]
    [InlineData("= 1", "1:1:1 a key cannot begin with '='")]
    [InlineData("a = [,1]", "1:6:1 an element is expected before this ','")]
    [InlineData(", a = 1", "1:1:1 a key is expected before this ','")]
    [InlineData("[1, 2]", "1:1:1 the text is a list; at its top level stand keys with values")]
    [InlineData("a = ${b", "1:5:3 the substitution is not closed by a '}' on its line")]
    [InlineData("a = ${}", "1:7:1 a key cannot begin with '}'")]
    [InlineData("include common.conf\na = 1", "1:9:11 an include needs a file name in quotes")]
    [InlineData("include url(\"http://x\")", "1:9:15 only files can be included")]
    [InlineData("include \"x\"", "1:9:3 this text is not a file: it cannot include one")]
    [InlineData("a = 1, a += 2", "1:8:1 += adds to a list, but a is '1' before it")]
    public void What_is_wrong_is_said_once(string text, string expected) => Assert.Equal(expected, Reading.Error(text));

    [Fact]
    public void All_errors_of_a_text_come_at_once()
    {
        var errors = Reading.Errors("a = \"open\nb { c = 1:2\n d }\n}\ne = ${x\nf = 1 = 2 = 3\ng");
        Assert.Equal(["1:5", "2:10", "3:2", "4:1", "5:5", "6:7", "7:1"], errors.Select(e => $"{e.Line}:{e.Column}"));
    }

    [Fact]
    public void Columns_count_code_points_and_carets_stand_below_tabs()
    {
        var error = Assert.Single(Reading.Errors("\ta = \"😀é\" b:c"));
        Assert.Equal("test.conf:1:12: ':' cannot stand in the value of 'a' without quotes\n    \ta = \"😀é\" b:c\n    \t          ^\n"
            + "  separate two keys by a comma or a new line, or put the value in quotes", error.ToString());
    }

    [Fact]
    public void A_long_line_is_shown_around_the_caret()
    {
        string line = Reading.Errors("a = " + new string('(', 20_000) + ":" + new string(')', 20_000))[0].ToString();
        Assert.Contains("test.conf:1:20005:", line);
        Assert.All(line.Split('\n'), l => Assert.True(l.Length < 200));
    }

    [Fact]
    public void A_missing_brace_is_found_by_indentation()
    {
        var error = Assert.Single(Reading.Errors("p {\n  s {\n    a = 1\n  b = 2\n  c {\n  }\n}\n"));
        Assert.Equal(("the block of 's', opened in line 2, is not closed", 2, 5), (error.Message, error.Line, error.Column));
        Assert.Contains("the '}' of line 7 closes it, but is indented like line 1", error.Hint);
    }
}
