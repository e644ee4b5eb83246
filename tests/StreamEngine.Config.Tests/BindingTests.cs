namespace StreamEngine.Config.Tests;

public class BindingTests
{
    private enum Guarantee
    {
        AtLeastOnce,
        ExactlyOnce,
    }

    private static (ConfigReader Reader, ConfigSection Section) Bind(string values)
    {
        var reader = Reading.Parse($"a {{\n{values}\n}}").Reader();
        return (reader, reader.Root.GetSection("a"));
    }

    /// <summary>The only error of one getter, as <c>line:column:length message | hint</c>.</summary>
    private static string Wrong(string values, Action<ConfigSection> read)
    {
        var (reader, section) = Bind(values);
        read(section);
        var e = Assert.Single(reader.Errors);
        return $"{e.Line}:{e.Column}:{e.Length} {e.Message}{(e.Hint is null ? "" : " | " + e.Hint)}";
    }

    [Fact]
    public void Values_have_the_types_that_are_asked_for()
    {
        var (reader, a) = Bind("s = x y, i = -5, l = 1e6, f = 1.5, b = on, c = \"no\", d = 90s, z = 64 KiB, g = exactly-once, t = [a, b]\n"
            + "u = a, p { password = hunter2 }, n = null, m = one");
        Assert.Equal("x y", a.GetRequiredString("s"));
        Assert.Equal(-5, a.GetRequiredInt("i"));
        Assert.Equal(1_000_000, a.GetRequiredLong("l"));
        Assert.Equal(1.5, a.FindDouble("f"));
        Assert.Equal((true, false), (a.GetRequiredBool("b"), a.GetBool("c", true)));
        Assert.Equal(TimeSpan.FromSeconds(90), a.GetRequiredDuration("d"));
        Assert.Equal(65_536, a.GetRequiredSize("z"));
        Assert.Equal(Guarantee.ExactlyOnce, a.GetRequiredEnum<Guarantee>("g"));
        Assert.Equal(["a", "b"], a.GetRequiredStringList("t"));
        Assert.Equal(["a"], a.GetStringList("u", allowSingle: true));
        Assert.Equal("hunter2", a.GetSection("p").FindSecret("password")!.Reveal());
        Assert.Equal("***", $"{a.GetSection("p").FindSecret("password")}");
        Assert.Equal("one", a.GetChoice("m", "two", ["one", "two"]));
        Assert.Equal((null, "or", 7, false), (a.FindString("n"), a.GetString("none", "or"), a.GetInt("none", 7), a.Has("n")));
        reader.Finish();
        reader.ThrowIfErrors();
    }

    [Theory]
    [InlineData("1h", 3_600_000)]
    [InlineData("250ms", 250)]
    [InlineData("5 minutes", 300_000)]
    [InlineData("1d", 86_400_000)]
    [InlineData("1500", 1_500)]
    [InlineData("\" 1.5 s \"", 1_500)]
    [InlineData("2000000 ns", 2)]
    [InlineData("3000us", 3)]
    public void Durations(string text, int milliseconds) => Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), Bind($"d = {text}").Section.GetRequiredDuration("d"));

    [Fact]
    public void An_infinite_duration_has_to_be_allowed()
    {
        Assert.Equal(TimeSpan.MaxValue, Bind("d = infinite").Section.FindDuration("d", allowInfinite: true));
        Assert.Equal("2:5:8 a.d: cannot be infinite", Wrong("d = infinite", s => s.FindDuration("d")));
    }

    [Theory]
    [InlineData("10", 10)]
    [InlineData("64 kB", 64_000)]
    [InlineData("64K", 65_536)]
    [InlineData("64k", 65_536)]
    [InlineData("1 MB", 1_000_000)]
    [InlineData("1MiB", 1_048_576)]
    [InlineData("1.5 m", 1_572_864)]
    [InlineData("2 gigabytes", 2_000_000_000)]
    public void Sizes(string text, long bytes) => Assert.Equal(bytes, Bind($"z = {text}").Section.GetRequiredSize("z"));

    [Fact]
    public void A_wrong_value_is_an_error_at_its_place()
    {
        Assert.Equal("2:7:9 a.d: unknown unit 'fortnight' of a duration | use ns, us, ms, s, m, h, d", Wrong("d = 1 fortnight", s => s.FindDuration("d")));
        Assert.Equal("2:8:6 a.d: unknown unit 'minuts' of a duration | did you mean 'minute'? use ns, us, ms, s, m, h, d",
            Wrong("d = \"1 minuts\"", s => s.FindDuration("d")));
        Assert.StartsWith("2:5:4 a.d: 'soon' is no duration: a number is expected, then a unit", Wrong("d = soon", s => s.FindDuration("d")));
        Assert.Equal("2:5:4 a.d: has to be at least 1s, not '10ms'", Wrong("d = 10ms", s => s.FindDuration("d", min: TimeSpan.FromSeconds(1))));
        Assert.Equal("2:5:3 a.d: has to be at least 0ms, not '-1s'", Wrong("d = -1s", s => s.FindDuration("d")));
        Assert.Equal("2:5:25 a.d: '9999999999999999999999999' is too large a duration", Wrong("d = 9999999999999999999999999", s => s.FindDuration("d")));
        Assert.StartsWith("2:6:2 a.z: unknown unit 'KB' of a size | did you mean 'kB'?", Wrong("z = 1KB", s => s.FindSize("z")));
        Assert.Equal("2:5:3 a.i: has to be a whole number, not '1.5'", Wrong("i = 1.5", s => s.FindInt("i")));
        Assert.Equal("2:5:2 a.i: has to be between 1 and 16, not '17'", Wrong("i = 17", s => s.FindInt("i", 1, 16)));
        Assert.Equal("2:5:11 a.i: has to be at most 2147483647, not '99999999999'", Wrong("i = 99999999999", s => s.FindInt("i")));
        Assert.Equal("2:5:1 a.i: has to be at least 1, not '0'", Wrong("i = 0", s => s.FindLong("i", min: 1)));
        Assert.Equal("2:5:4 a.b: has to be true or false, not 'TRUE' | use true, on, yes or false, off, no", Wrong("b = TRUE", s => s.FindBool("b")));
        Assert.Equal("2:5:12 unknown value 'exactly-onze' of a.g | did you mean 'exactly-once'? use at-least-once, exactly-once",
            Wrong("g = exactly-onze", s => s.FindEnum<Guarantee>("g")));
        Assert.Equal("2:5:1 a.l has to be a list [ .. ], not 'x'", Wrong("l = x", s => s.FindStringList("l")));
        Assert.Equal("2:9:1 an element of a.l has to be a text, not a block", Wrong("l = [x, {}]", s => s.FindStringList("l")));
        Assert.Equal("2:3:1 a.s has to be a text, not a block", Wrong("s { }", s => s.FindString("s")));
        Assert.Equal("2:5:1 a.s has to be a block { .. }, not 'x'", Wrong("s = x", s => s.GetSection("s")));
        Assert.Equal("2:5:2 a.s must not be empty", Wrong("s = \"\"", s => s.GetRequiredString("s")));
        Assert.Equal("1:1:1 missing required key 's' in a", Wrong("", s => s.GetRequiredString("s")));
        Assert.Equal("1:1:1 missing required key 's' in a", Wrong("s = null", s => s.GetRequiredSection("s")));
    }

    [Fact]
    public void Unknown_keys_are_reported_with_the_nearest_one()
    {
        var reader = Reading.Parse("""
            pipeline {
              sources.flights {
                topik = a, format = json
                event-time { column = date, out-of-ordernes = 1h }
                "odd key" = 1
              }
            }
            akka { anything { goes = 1 } }
            pipelin = 1
            """).Reader();
        var flights = reader.Root.GetSection("pipeline").GetSection("sources").Sections().Single();
        Assert.Equal(("flights", "pipeline.sources.flights"), (flights.Name, flights.Path));
        flights.GetRequiredString("topic");
        flights.GetRequiredString("format");
        flights.GetSection("event-time").GetRequiredString("column");
        flights.GetSection("event-time").FindDuration("out-of-orderness");
        reader.Root.Accept("akka");
        reader.Finish();
        Assert.Equal("""
            test.conf:3:5: unknown key 'topik' in pipeline.sources.flights
                    topik = a, format = json
                    ^^^^^
              did you mean 'topic'?

            test.conf:4:33: unknown key 'out-of-ordernes' in pipeline.sources.flights.event-time
                    event-time { column = date, out-of-ordernes = 1h }
                                                ^^^^^^^^^^^^^^^
              did you mean 'out-of-orderness'?

            test.conf:5:5: unknown key 'odd key' in pipeline.sources.flights
                    "odd key" = 1
                    ^^^^^^^^^
              known here: event-time, format, topic

            test.conf:9:1: unknown key 'pipelin' at the top level
                pipelin = 1
                ^^^^^^^
              did you mean 'pipeline'?
            """.ReplaceLineEndings("\n"), Assert.Throws<ConfigException>(reader.ThrowIfErrors).Message);
    }

    [Fact]
    public void Entries_come_in_the_order_of_the_file()
    {
        var (reader, a) = Bind("z { x = 1 }, y { x = 2 }, rules { \"known code\" = \"a > 1\", b = c }, kafka { security.protocol = SSL, \"sasl.mechanism\" = PLAIN }");
        Assert.Equal(["known code: a > 1", "b: c"], a.GetSection("rules").Texts().Select(t => $"{t.Key}: {t.Value.Text}"));
        Assert.Equal(["security.protocol=SSL", "sasl.mechanism=PLAIN"], a.GetSection("kafka").Flatten().Select(t => $"{t.Key}={t.Value.Text}"));
        Assert.Equal(["z", "y", "rules", "kafka"], a.Keys);
        Assert.Equal("a.rules.\"known code\"", a.GetSection("rules").GetSection("known code").Path);
        reader.Finish();
        Assert.Equal(3, reader.Errors.Count);
    }

    [Fact]
    public void A_secret_stands_in_no_error()
    {
        var reader = Reading.Parse("a { password = hunter2, x = 1 }\nb { key = swordfish, y = 1 }").Reader();
        reader.Root.GetSection("a").FindInt("password");
        reader.Root.GetSection("b").FindSecret("key");
        reader.Finish();
        string text = Assert.Throws<ConfigException>(reader.ThrowIfErrors).Message;
        Assert.DoesNotContain("swordfish", text);
        Assert.Contains("a { password = *******, x = 1 }", text);
        Assert.DoesNotContain("hunter2", Assert.Throws<ConfigException>(() => Reading.Parse("password = \"hunter2\na = 1")).Message);
    }

    [Theory]
    [InlineData("out-of-ordernes", "out-of-orderness")]
    [InlineData("INTEGR", "INTEGER")]
    [InlineData("tpoic", "topic")]
    [InlineData("x", null)]
    [InlineData("zzzzzz", null)]
    [InlineData("", null)]
    public void The_nearest_word(string word, string? expected) => Assert.Equal(expected, Nearest.Of(word, ["topic", "format", "out-of-orderness", "INTEGER", "y"]));

    [Theory]
    [InlineData("ab", "ba", 1)]
    [InlineData("ca", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    public void The_distance_counts_a_swap_once(string a, string b, int expected) => Assert.Equal(expected, Nearest.Distance(a, b));
}
