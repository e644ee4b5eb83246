namespace StreamEngine.Config.Tests;

public class SubstitutionTests
{
    [Theory]
    [InlineData("a = 1, b = ${a}", "{a=1,b=1}")]
    [InlineData("b = ${a}, a = 1, a = 2", "{b=2,a=2}")]
    [InlineData("a.b = x, c = pre-${a.b}.post", "{a={b=x},c=pre-x.post}")]
    [InlineData("a = x, c = \"${a}\" ${a}", "{a=x,c='${a} x'}")]
    [InlineData("a = ${?no}", "{}")]
    [InlineData("a = 1, a = ${?no}", "{a=1}")]
    [InlineData("a = x${?no}y, b = [1, ${?no}, 2]", "{a=xy,b=[1,2]}")]
    [InlineData("a = ${?no} ${?nor}", "{}")]
    [InlineData("a = [1], a = ${a} [2], a = ${a}[3]", "{a=[1,2,3]}")]
    [InlineData("p = x, p = ${p}:y", null)]
    [InlineData("p = x, p = ${p}-y, q = ${p}", "{p=x-y,q=x-y}")]
    [InlineData("p = ${?p} z", "{p= z}")]
    [InlineData("a { x = 1, y = ${a.x} }", "{a={x=1,y=1}}")]
    [InlineData("a { x = 1, y = ${a.x} }, a.x = 2", "{a={x=2,y=2}}")]
    [InlineData("bar { a = ${foo.d}, b = 1 }, bar.b = 3, foo { c = ${bar.b}, d = 2 }, foo.d = 4", "{bar={a=4,b=3},foo={c=3,d=4}}")]
    [InlineData("foo { a { c = 1 } }, foo = ${foo.a}, foo { a = 2 }", "{foo={a=2,c=1}}")]
    [InlineData("base { x = 1, y = 2 }, a = ${base} { y = 3 }", "{base={x=1,y=2},a={x=1,y=3}}")]
    [InlineData("base { x = 1 }, a = ${base} { y = ${a.x} }", "{base={x=1},a={x=1,y=1}}")]
    [InlineData("base { x = 1 }, l = [${base} { y = 2 }, ${base}]", "{base={x=1},l=[{x=1,y=2},{x=1}]}")]
    [InlineData("a { x = 1 }, a = ${a} { y = 2 }", "{a={x=1,y=2}}")]
    [InlineData("a = ${no}, a = 5", "{a=5}")]
    [InlineData("a = null, b = ${a}, c = x${a}y", "{a=null,b=null,c=xy}")]
    [InlineData("b = ${a}, a = 1, c = ${b}", "{b=1,a=1,c=1}")]
    [InlineData("a = 1, a = ${b}, b = ${a}", "{a=1,b=1}")]
    [InlineData("a = 1, a = ${b}x, b = ${a}y", "{a=1yx,b=1yxy}")]
    [InlineData("a = ${?b}, b = ${?a}", "{}")]
    [InlineData("\"x.y\" = 1, a = ${\"x.y\"}", "{x.y=1,a=1}")]
    public void A_reference_gives(string text, string? expected)
    {
        if (expected is null) Assert.Throws<ConfigException>(() => Reading.Flat(text));
        else Assert.Equal(expected, Reading.Flat(text));
    }

    [Theory]
    [InlineData("a = ${a}", "1:5:4 substitution cycle: a -> a")]
    [InlineData("a = ${b}\nb = ${a}", "2:5:4 substitution cycle: a -> b -> a")]
    [InlineData("x = ${o}\no { y = ${x} }", "2:9:4 substitution cycle: x -> o -> o.y -> x")]
    [InlineData("a { b = ${a} }", "1:9:4 substitution cycle: a -> a.b -> a")]
    [InlineData("a = [${a}]", "1:6:4 substitution cycle: a -> a")]
    [InlineData("a = ${no.where}", "1:5:11 'no.where' is not defined")]
    [InlineData("t { topic = 1 }, a = ${t.topik}", "1:22:10 't.topik' is not defined")]
    [InlineData("a = [1], b = x ${a}", "1:16:4 a list cannot be joined with a text")]
    [InlineData("a = 1, b = ${a} { x = 1 }", "1:12:4 '1' cannot be joined with a block")]
    public void A_wrong_reference_is_said_once(string text, string expected) => Assert.Equal(expected, Reading.Error(text));

    [Fact]
    public void The_nearest_path_is_a_hint() => Assert.Equal("did you mean 't.topic'?", Reading.Errors("t { topic = 1 }, a = ${t.topik}")[0].Hint);

    [Fact]
    public void The_environment_is_read_by_its_allow_list()
    {
        (string, string)[] environment = [("STREAMENGINE_PORT", "9092"), ("HOME", "/root"), ("STREAMENGINE_EMPTY", "")];
        Assert.Equal("{a=1,b='9092',c='h-9092'}", Reading.Flat("a = 1, b = ${STREAMENGINE_PORT}, c = h-${?STREAMENGINE_PORT}", environment));
        Assert.Equal("{}", Reading.Flat("a = ${?HOME}, b = ${?STREAMENGINE_EMPTY}", environment));
        var error = Assert.Single(Assert.Throws<ConfigException>(() => Reading.Parse("a = ${HOME}", environment)).Errors);
        Assert.Contains("only names that begin with STREAMENGINE_ are read", error.Hint);
        var options = new HoconOptions { Environment = _ => "x", EnvironmentNames = ["HOME"] };
        Assert.Equal("x", HoconParser.Parse("a = ${HOME}", options: options).Text("a").Text);
        Assert.Equal("{STREAMENGINE_PORT=1,a=1}", Reading.Flat("STREAMENGINE_PORT = 1, a = ${STREAMENGINE_PORT}", environment));
    }

    [Fact]
    public void Layers_merge_before_they_are_resolved()
    {
        var document = HoconParser.Load([
            HoconLayer.Text("p { dir = /base, file = ${p.dir}/f, tags = [a] }", "reference.conf"),
            HoconLayer.Text("p.dir = /env, p.tags = ${p.tags} [b]", "env.conf"),
            HoconLayer.Set("p.tags+=c"), HoconLayer.Set("p.port=127.0.0.1:9092"), HoconLayer.Set("p.list=[1, 2]"), HoconLayer.Set("p.copy=${p.dir}")]);
        Assert.Equal("{p={dir=/env,file=/env/f,tags=[a,b,c],port=127.0.0.1:9092,list=[1,2],copy=/env}}", Reading.Flat(document.Root));
        Assert.Equal("env.conf:1:9", document.Text("p", "dir").Span.Position.ToString());
        Assert.Equal("--set p.port", document.Text("p", "port").Span.Position.ToString());
        Assert.True(document.Root.TryGet("p", out var entry));
        Assert.Equal("env.conf", entry.KeySpan.Source!.Name);
    }

    [Theory]
    [InlineData("novalue", "--set novalue: an override has the form key=value")]
    [InlineData("a=[1", "--set a: the list of 'a' is not closed: the file ends before its ']'")]
    [InlineData("=1", "--set : a key cannot begin with '='")]
    public void A_wrong_override_names_itself(string set, string expected)
        => Assert.StartsWith(expected, Assert.Throws<ConfigException>(() => HoconParser.Load([HoconLayer.Set(set)])).Message);

    [Fact]
    public void A_value_knows_where_each_character_stands()
    {
        var document = Reading.Parse("""
            part = "dely"
            sql = "a\tb \u00e9 c"
            rule = ${part} BETWEEN "x" ${?STREAMENGINE_V}
            text = ""\"
              SELECT x
                FROM y
            ""\"
            """.Replace("\"\\\"", "\"\"", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal), ("STREAMENGINE_V", "value"));
        Assert.Equal("2:8 2:9 2:11 2:13 2:19 2:20 2:21", string.Join(' ', new[] { 0, 1, 2, 4, 5, 6, 7 }.Select(i => LineColumn(document.Text("sql").At(i)))));
        var rule = document.Text("rule");
        Assert.Equal("dely BETWEEN x value", rule.Text);
        Assert.Equal("1:9 3:15 3:16 3:25 3:28 3:28", string.Join(' ', new[] { 0, 4, 5, 13, 15, 19 }.Select(i => LineColumn(rule.At(i)))));
        var text = document.Text("text");
        Assert.Equal("6:10", LineColumn(text.At(text.Text.IndexOf('y'))));
        int from = text.Text.IndexOf("FROM", StringComparison.Ordinal);
        Assert.Equal("test.conf:6:5: no FROM\n        FROM y\n        ^^^^\n  hint", text.ErrorAt(from, 4, "no FROM", "hint").ToString());
    }

    private static string LineColumn(ConfigPosition position) => $"{position.Line}:{position.Column}";
}
