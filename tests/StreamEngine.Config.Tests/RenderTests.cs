using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace StreamEngine.Config.Tests;

public class RenderTests
{
    [Fact]
    public void The_canonical_form_is_sorted_and_hides_secrets()
    {
        var document = Reading.Parse("b = \"x y\", a { sql = \"\"\"SELECT\n  1\"\"\", d = [1, [], {}], c {} }, kafka.sasl.password = hunter2, B = null, \"q.r\" = \"\"");
        Assert.Equal("""
            B = null
            a {
              c {}
              d = [
                1
                []
                {}
              ]
              sql = ""\"SELECT
              1""\"
            }
            b = "x y"
            kafka {
              sasl {
                password = "***"
              }
            }
            "q.r" = ""

            """.Replace("\"\\\"", "\"\"", StringComparison.Ordinal).ReplaceLineEndings("\n"), document.Render());
        Assert.Equal(document.Render(), Reading.Parse(document.Render()).Render());
        document.Reader().Root.FindSecret("b");
        Assert.Contains("b = \"***\"", document.Render());
    }

    [Fact]
    public void The_raw_form_is_one_that_a_weak_reader_takes()
    {
        var document = Reading.Parse("x = 5s, akka { loglevel = INFO, none = null, actor { \"a/b.c\" { t = ${x} }, list = [a b, { c = 1 }] }, s = \"a\\n\\\"\" }");
        Assert.Equal("""
            akka {
            loglevel = "INFO"
            actor {
            "a/b.c" {
            t = "5s"
            }
            list = ["a b",{
            c = "1"
            }]
            }
            s = "a\n\""
            }

            """.ReplaceLineEndings("\n"), document.RenderRaw("akka"));
        Assert.Equal("", document.RenderRaw("no"));
        Assert.Equal("akka {\nactor {\n\"a/b.c\" {\nt = \"5s\"\n}\nlist = [\"a b\",{\nc = \"1\"\n}]\n}\n}\n", document.RenderRaw("akka.actor"));
    }

    [Property(MaxTest = 300)]
    public Property Rendering_reads_back_as_the_same() => Prop.ForAll(Gen.Sized(size => Block(Math.Min(size, 40))).ToArbitrary(), written =>
    {
        var document = Reading.Parse(written);
        string canonical = document.Render();
        return Content(Reading.Parse(canonical).Root) == Content(document.Root)
            && Content(Reading.Parse(document.RenderRaw("root")).Root) == Content(document.Root, dropNull: true)
            && Reading.Parse(canonical).Render() == canonical;
    });

    private static string Content(ConfigValue value, bool dropNull = false) => value switch
    {
        ConfigObject block => "{" + string.Join(",", block.Entries
            .Where(e => !dropNull || e.Value is not ConfigText { IsNull: true }).OrderBy(e => e.Key, StringComparer.Ordinal)
            .Select(e => $"{e.Key.Length}:{e.Key}={Content(e.Value, dropNull)}")) + "}",
        ConfigList list => "[" + string.Join(",", list.Items.Select(i => Content(i, dropNull))) + "]",
        ConfigText { IsNull: true } => "null",
        ConfigText text => $"{text.Text.Length}:{text.Text}",
        _ => "",
    };

    private static readonly Gen<string> s_text = Gen.ListOf(Gen.OneOf(
        Gen.Elements("a", "b", " ", "\n", "\"", "\\", "{", "}", "$", "${", "#", "//", "=", "\t", "é", "😀", "\u0001", "'", ".", ",", "null", "\"\"\"", "\uD800"),
        Gen.Choose(32, 0x2FF).Select(c => ((char)c).ToString()))).Select(string.Concat);

    // Texts are given in plain quotes with every character escaped, so that the reader has one way to understand them.
    private static string Escaped(string text)
    {
        var escaped = new StringBuilder("\"");
        foreach (char c in text) escaped.Append("\\u").Append(((int)c).ToString("X4"));
        return escaped.Append('"').ToString();
    }

    private static Gen<string> Block(int size) => Fields(size).Select(fields => "root {" + fields + "}");

    private static Gen<string> Fields(int size) => Gen
        .ListOf(s_text.SelectMany(key => Value(size / 4).Select(value => $"{Escaped(key)} = {value}")))
        .Select(fields => string.Join('\n', fields.Take(size)));

    private static Gen<string> Value(int size) => size == 0
        ? Gen.Frequency((8, s_text.Select(Escaped)), (1, Gen.Constant("null")))
        : Gen.Frequency((4, s_text.Select(Escaped)), (2, Fields(size).Select(f => "{" + f + "}")),
            (1, Gen.ListOf(Gen.Elements("1", "\"x\"", "{ a = [1] }")).Select(i => "[" + string.Join(", ", i) + "]")));
}
