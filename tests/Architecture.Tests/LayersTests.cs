using System.Xml.Linq;

namespace StreamEngine.Architecture;

/// <summary>The layering of the design is a failing test, not a paragraph: an edge that the table does not list does not land.</summary>
public class LayersTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Core"] = [],
        ["Compute"] = ["Core"],
        ["Formats"] = ["Core"],
        ["Kafka"] = ["Core"],
        ["Broker"] = [],
        ["Storage"] = ["Core"],
        ["Config"] = [],
        ["Operators"] = ["Core", "Compute"],
        ["Quality"] = ["Core", "Compute"],
        ["Lake"] = ["Core", "Compute", "Formats", "Storage"],
        ["Plan"] = ["Core", "Compute", "Operators", "Quality"],
        ["Sql"] = ["Core", "Compute", "Plan"],
        ["Streams"] = ["Core", "Compute", "Operators", "Quality", "Plan"],
        ["Pipelines"] = ["Core", "Compute", "Formats", "Kafka", "Broker", "Storage", "Config", "Operators", "Quality", "Lake", "Plan", "Sql", "Streams"],
        ["Simulation"] = ["Core", "Compute", "Formats", "Kafka", "Broker", "Storage", "Config", "Operators", "Quality", "Lake", "Plan", "Sql", "Streams", "Pipelines"],
        ["Cluster"] = ["Core", "Compute", "Formats", "Kafka", "Broker", "Storage", "Config", "Operators", "Quality", "Lake", "Plan", "Sql", "Streams", "Pipelines"],
        ["Service"] = ["Core", "Compute", "Formats", "Kafka", "Broker", "Storage", "Config", "Operators", "Quality", "Lake", "Plan", "Sql", "Streams", "Pipelines",
            "Cluster"],
        ["Cli"] = ["Core", "Compute", "Formats", "Kafka", "Broker", "Storage", "Config", "Operators", "Quality", "Lake", "Plan", "Sql", "Streams", "Pipelines",
            "Simulation", "Cluster", "Service"],
    };

    // Akka is known to the layer that makes graphs and to what runs them; operators, plans and formats stay plain code.
    private static readonly string[] MayUseAkka = ["Streams", "Pipelines", "Simulation", "Cluster", "Service", "Cli"];

    private static readonly string[] ForbiddenFolders = ["Helpers", "Utils", "Utilities", "Common", "Managers", "Misc", "Infrastructure"];

    private static string Root { get; } = FindRoot();

    public static TheoryData<string> Projects()
    {
        var data = new TheoryData<string>();
        foreach (var file in Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories)) data.Add(Path.GetFileNameWithoutExtension(file));
        return data;
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_what_its_layer_allows(string project)
    {
        var name = project["StreamEngine.".Length..];
        Assert.True(Allowed.ContainsKey(name), $"{project} is not in the design's table of layers");
        var xml = XDocument.Load(Path.Combine(Root, "src", project, project + ".csproj"));
        foreach (var reference in xml.Descendants("ProjectReference"))
        {
            var target = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value)["StreamEngine.".Length..];
            Assert.True(Allowed[name].Contains(target), $"{project} must not reference StreamEngine.{target}");
        }
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Akka_is_referenced_by_streams_and_the_layers_above_it_only(string project)
    {
        var xml = XDocument.Load(Path.Combine(Root, "src", project, project + ".csproj"));
        var akka = xml.Descendants("PackageReference").Select(r => r.Attribute("Include")!.Value)
            .Where(n => n == "Akka" || n.StartsWith("Akka.", StringComparison.Ordinal)).ToList();
        Assert.True(akka.Count == 0 || MayUseAkka.Contains(project["StreamEngine.".Length..]), $"{project} must not reference {string.Join(", ", akka)}");
    }

    [Fact]
    public void Folders_are_features_not_kinds()
    {
        var bad = Directory.GetDirectories(Path.Combine(Root, "src"), "*", SearchOption.AllDirectories).Select(d => Path.GetRelativePath(Root, d))
            .Where(d => ForbiddenFolders.Contains(Path.GetFileName(d))).ToList();
        Assert.True(bad.Count == 0, string.Join(", ", bad));
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln"))) return folder.FullName;
        // A build whose output lies outside of the checkout says where the checkout is.
        return Environment.GetEnvironmentVariable("ENGINE_ROOT")
            ?? throw new InvalidOperationException("StreamEngine.sln was not found above the test's folder; set ENGINE_ROOT");
    }
}
