namespace StreamEngine.Config.Tests;

public sealed class IncludeTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hocon-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private string Write(string path, string text)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
        return full;
    }

    private HoconDocument Load(string path)
        => HoconParser.Load([HoconLayer.File(Path.Combine(_root, path), path)], new HoconOptions { Root = _root, Environment = _ => null });

    private ConfigError Error(string path) => Assert.Single(Assert.Throws<ConfigException>(() => Load(path)).Errors);

    [Fact]
    public void Files_are_found_from_the_including_file()
    {
        Write("p/a.conf", "include \"../c/common.conf\"\nx = 2\ninclude required(file(\"b.conf\")), include file(\"b\"), include required( \"b.conf\" )");
        Write("c/common.conf", "x = 1, y = ${x}\ninclude \"deep.conf\"");
        Write("c/deep.conf", "z = 3");
        Write("p/b.conf", "b = 1");
        var document = Load("p/a.conf");
        Assert.Equal("{x=2,y=2,z=3,b=1}", Reading.Flat(document.Root));
        Assert.Equal("c/deep.conf:1:5", document.Text("z").Span.Position.ToString());
    }

    [Fact]
    public void Substitutions_of_an_included_file_look_where_it_is_included_first()
    {
        Write("a.conf", "top = 1, in.a { include \"b.conf\", b { include \"b.conf\" } }\nin.a.x = 42");
        Write("b.conf", "x = 10, y = ${x}, t = ${top}, l = [${x}]");
        Assert.Equal("{top=1,in={a={x=42,y=42,t=1,l=[42],b={x=10,y=10,t=1,l=[10]}}}}", Reading.Flat(Load("a.conf").Root));
    }

    [Fact]
    public void A_missing_file_is_left_out_unless_it_is_required()
    {
        Write("a.conf", "include \"no.conf\"\nx = 1");
        Write("b.conf", "x = 1\ninclude required(\"no.conf\")");
        var document = Load("a.conf");
        Assert.Equal("{x=1}", Reading.Flat(document.Root));
        Assert.StartsWith("a.conf:1:9: the included file 'no.conf' does not exist and is left out", Assert.Single(document.MissingIncludes).ToString());
        Assert.StartsWith("b.conf:2:18: the included file 'no.conf' does not exist\n", Error("b.conf").ToString());
    }

    [Theory]
    [InlineData("../outside.conf", "'../outside.conf' lies outside the project")]
    [InlineData("p/../../outside.conf", "'p/../../outside.conf' lies outside the project")]
    [InlineData("/etc/hostname", "an include names a file relative to")]
    [InlineData("link.conf", "'link.conf' lies outside the project")]
    [InlineData("folder/outside.conf", "'folder/outside.conf' lies outside the project")]
    [InlineData("loop", "cannot read the included file 'loop'")]
    [InlineData("sub", "'sub' is a directory")]
    [InlineData("http://host/x", "an include names a file relative to")]
    [InlineData("a\\u0000b", "an include names a file relative to")]
    [InlineData("", "an include names a file relative to")]
    public void Nothing_outside_the_root_is_read(string name, string expected)
    {
        string outside = Directory.CreateTempSubdirectory("hocon-outside-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(outside, "outside.conf"), "secret = 1");
            File.CreateSymbolicLink(Path.Combine(_root, "link.conf"), Path.Combine(outside, "outside.conf"));
            Directory.CreateSymbolicLink(Path.Combine(_root, "folder"), outside);
            File.CreateSymbolicLink(Path.Combine(_root, "loop"), "loop");
            Directory.CreateDirectory(Path.Combine(_root, "sub"));
            Write("a.conf", $"include required(\"{name}\")");
            var error = Error("a.conf");
            Assert.StartsWith(expected, error.Message);
            Assert.Equal("a.conf", error.File);
        }
        finally
        {
            Directory.Delete(outside, recursive: true);
        }
    }

    [Fact]
    public void A_link_inside_the_root_is_followed()
    {
        Write("real/b.conf", "x = 1");
        Directory.CreateSymbolicLink(Path.Combine(_root, "linked"), "real");
        Write("a.conf", "include required(\"linked/b.conf\")");
        Assert.Equal("{x=1}", Reading.Flat(Load("a.conf").Root));
    }

    [Fact]
    public void A_cycle_names_its_chain()
    {
        Write("a.conf", "include \"b.conf\"");
        Write("b.conf", "include \"c.conf\"");
        Write("c.conf", "include \"b.conf\"");
        var error = Error("a.conf");
        Assert.Equal(("c.conf", "include cycle: b.conf -> c.conf -> b.conf"), (error.File, error.Message));
    }

    [Fact]
    public void Depth_count_and_size_are_bounded()
    {
        for (int i = 0; i < 20; i++) Write($"d{i}.conf", $"include \"d{i + 1}.conf\"");
        Assert.Contains("nested deeper than 16 files", Error("d0.conf").Message);
        // Each file includes the next one twice: 2^n readings.
        for (int i = 0; i < 12; i++) Write($"w{i}.conf", $"include \"w{i + 1}.conf\"\nx {{ include \"w{i + 1}.conf\" }}");
        Assert.Contains("more than 256 files", Assert.Throws<ConfigException>(() => Load("w0.conf")).Errors[0].Message);
        Write("big.conf", new string(' ', (4 << 20) + 1));
        Write("a.conf", "include \"big.conf\"");
        Assert.Contains("larger than 4194304 bytes", Error("a.conf").Message);
        Assert.Contains("larger than 4194304 bytes", Error("big.conf").Message);
        Write("n0.conf", string.Concat(Enumerable.Repeat("a{", 40)) + "include \"n1.conf\"" + new string('}', 40));
        Write("n1.conf", string.Concat(Enumerable.Repeat("a{", 40)) + new string('}', 40));
        Assert.Contains("nested", Error("n0.conf").Message);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_an_error()
    {
        File.WriteAllBytes(Path.Combine(_root, "latin.conf"), [(byte)'a', (byte)'=', 0xE9]);
        Assert.Equal("'latin.conf' is not UTF-8: byte 2 is wrong", Error("latin.conf").Message);
        Assert.Equal("cannot read 'none.conf': there is no such file", Error("none.conf").ToString());
        Write("empty.conf", "");
        Assert.Equal("{}", Reading.Flat(Load("empty.conf").Root));
    }
}
