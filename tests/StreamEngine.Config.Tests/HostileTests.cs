using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace StreamEngine.Config.Tests;

/// <summary>No input may hang, overflow the stack, or throw anything but <see cref="ConfigException"/>.</summary>
public class HostileTests
{
    private const int Much = 200_000;

    private static readonly string[] s_pieces =
    [
        "a", "b", "c.d", "\"q\"", "\"", "\"\"\"", "{", "}", "[", "]", "=", ":", "+=", ",", "\n", " ", "${a}", "${?b}", "${", "${c.d}", "$",
        "\\", "\\u12", "#", "//", "include ", "include \"x\"", "required(", ".", "..",
        "1", "1s", "null", "@", "\0", "\uFEFF", "\uD800", "é", "a = ${a}", "a = ${b}\n", "b = ${a}\n", "a { b = ${a.b} }\n", "a += ${a}\n", "\r\n", "\t",
    ];

    public static TheoryData<string, string> Monsters => new()
    {
        { "[", Repeat("[", Much) },
        { "{", Repeat("{", Much) },
        { "a{", Repeat("a{", Much) },
        { "a=[", "a=" + Repeat("[", Much) },
        { "${", "a=" + Repeat("${", Much) },
        { "${a", "a=" + Repeat("${a", Much) },
        { "a.", Repeat("a.", Much) + "b=1" },
        { ".", "a=${" + Repeat(".", Much) + "}" },
        { "[ = ]", "a = [ = ]" },
        { "quotes", Repeat("\"", Much) },
        { "escapes", "a=\"" + Repeat("\\q", Much) },
        { "}", Repeat("}", Much) },
        { "a{},", Repeat("a{},", Much) },
        { "a{ } lines", Repeat("a{\n}\n", Much / 2) },
        { "a{} spaced", new string(' ', Much) + Repeat("a{},", Much / 2) },
        { "token=1,", Repeat("token=1,", Much / 4) },
        { "@", "a=" + Repeat("@", Much) },
        { "a=1 2=", Repeat("a=1=", Much) },
        { "words", "a=" + Repeat("x ", Much) },
        { "no values", Repeat("a=\n", Much) },
        { "includes", Repeat("include x\n", Much / 10) },
        { "+=", Repeat("a+=1\n", 20_000) },
        { "self-references", "a=1\n" + Repeat("a=${a}x\n", 20_000) },
        { "self-references of lists", "a=[]\n" + Repeat("a=${a}[1]\n", 20_000) },
        { "chain", Chain(i => $"a{i}=${{a{i + 1}}}\n", 20_000) + "a20000=1" },
        { "deep values", "a0=1\n" + Chain(i => $"a{i + 1}={{x=${{a{i}}}}}\n", 20_000) },
        { "doubling", "a0=xxxxxxxxxx\n" + Chain(i => $"a{i + 1}=${{a{i}}}${{a{i}}}\n", 60) },
        { "doubling of blocks", "a0={x=1}\n" + Chain(i => $"a{i + 1}={{x=${{a{i}}},y=${{a{i}}}}}\n", 60) },
        { "doubling of lists", "a0=[1]\n" + Chain(i => $"a{i + 1}=${{a{i}}}${{a{i}}}\n", 60) },
        { "long texts often", $"a={new string('x', Much)}\n" + Chain(i => $"b{i}=y${{a}}\n", 10_000) },
        { "cycles", Chain(i => $"a{i}=${{?a{i + 1}}}${{?a{i + 2}}}\n", 200) + "a200=${?a0}\na201=${?a1}" },
        { "tangle", Chain(i => $"a{i}=[{string.Concat(Enumerable.Range(0, 30).Select(j => $"${{?a{j}}},"))}]\n", 30) },
        { "deep lookup", "a" + Repeat(".a", 60) + "=1\n" + Chain(i => $"b{i}=${{b{i + 1}" + Repeat(".a", 50) + "}\n", 1000) },
    };

    [Theory]
    [MemberData(nameof(Monsters))]
    public void A_monster_is_read_or_refused(string name, string text)
    {
        Assert.NotEmpty(name);
        Read(text);
    }

    [Fact]
    public void Nesting_and_size_have_limits_that_say_so()
    {
        Assert.Contains("nested deeper than 64 levels", Reading.Error(Repeat("a{", 100)));
        Assert.Contains("nested deeper than 64 levels", Reading.Error("a=" + Repeat("[", 100)));
        Assert.Contains("nested too deep", Reading.Error("a" + Repeat(".a", 100) + "=1"));
        Assert.Equal("cannot read 'test.conf': it is larger than 4194304 bytes", Assert.Single(Reading.Errors(new string(' ', (4 << 20) + 1))).Message);
        Reading.Parse(Repeat("a{", 63) + "b=1" + Repeat("}", 63));
        Assert.Contains("too large", Reading.Error("a0=xxxxxxxxxx\n" + Chain(i => $"a{i + 1}=${{a{i}}}${{a{i}}}\n", 60)));
        Assert.Contains("nested too deep", Reading.Errors(Chain(i => $"a{i}=${{a{i + 1}}}\n", 5_000) + "a5000=1")[0].Message);
    }

    [Property(MaxTest = 2000)]
    public Property Any_pieces_are_read_or_refused() => Prop.ForAll(Gen.ListOf(Gen.Elements(s_pieces)).Select(string.Concat).ToArbitrary(), Read);

    [Property(MaxTest = 500)]
    public Property Any_characters_are_read_or_refused() => Prop.ForAll(ArbMap.Default.ArbFor<string>().Filter(s => s is not null), Read);

    /// <summary>A real file with a piece cut out, put in or doubled.</summary>
    [Property(MaxTest = 1000)]
    public Property A_damaged_file_is_read_or_refused()
    {
        const string good = "pipeline {\n  name = flights\n  sources.flights {\n    topic = flights, schema = \"\"\"\n      a INT\n    \"\"\"\n"
            + "    rules { \"x y\" = \"a > 1\" }\n  }\n  list = ${pipeline.other} [1, 2]\n  other = []\n}\n";
        var damage =
            from at in Gen.Choose(0, good.Length)
            from length in Gen.Choose(0, 12)
            from piece in Gen.Elements(s_pieces)
            select good[..at] + piece + good[Math.Min(good.Length, at + length)..];
        return Prop.ForAll(damage.ToArbitrary(), Read);
    }

    private static bool Read(string text)
    {
        try
        {
            var document = HoconParser.Parse(text, "hostile.conf", new HoconOptions { Environment = _ => null });
            var reader = document.Reader();
            foreach (string key in reader.Root.Keys.Take(20).ToList()) reader.Root.FindDuration(key);
            reader.Finish();
            _ = document.Root.Weight < 1_000_000 ? document.Render() + document.RenderRaw("a") : "";
            reader.ThrowIfErrors();
        }
        catch (ConfigException e)
        {
            Assert.InRange(e.Errors.Count, 1, 100);
            Assert.All(e.Errors, error => Assert.True(error.ToString().Length < 3000));
        }
        return true;
    }

    private static string Repeat(string piece, int times) => string.Concat(Enumerable.Repeat(piece, times));

    private static string Chain(Func<int, string> line, int times) => string.Concat(Enumerable.Range(0, times).Select(line));
}
