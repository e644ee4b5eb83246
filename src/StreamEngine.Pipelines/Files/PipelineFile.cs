using StreamEngine.Config;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;

namespace StreamEngine.Pipelines.Files;

/// <summary>A pipeline file that was read and planned without an error.</summary>
/// <param name="Definition">What it says.</param>
/// <param name="Plan">What runs.</param>
/// <param name="Document">The whole configuration, with all its layers.</param>
internal sealed record PipelineFile(PipelineDefinition Definition, PhysicalPlan Plan, HoconDocument Document)
{
    private static readonly string[] Roots = ["pipeline", "kafka", "naming", "source", "sink", "logging", "akka"];

    /// <summary>Reads a file over the defaults, an environment and single settings, in this order of growing weight.</summary>
    /// <param name="path">The file.</param>
    /// <param name="environment">dev, staging or prod: hocon/env/NAME.conf of the project that the file lies in; null for none.</param>
    /// <param name="settings">key=value; a key that begins with none of the top-level names is one of the pipeline's.</param>
    /// <exception cref="ConfigException">All errors of the file, its SQL and its rules.</exception>
    public static PipelineFile Load(string path, string? environment = null, IReadOnlyList<string>? settings = null)
    {
        if (!File.Exists(path)) throw new ConfigException([ConfigError.Plain($"there is no file '{path}'",
            "name a pipeline file, for example hocon/pipelines/flights.conf")]);
        var layers = new List<HoconLayer> { Embedded("reference.conf"), Embedded("akka.conf") };
        if (environment is not null) layers.Add(HoconLayer.File(EnvironmentFile(path, environment), $"hocon/env/{environment}.conf"));
        layers.Add(HoconLayer.File(path, path));
        foreach (var setting in settings ?? []) layers.Add(HoconLayer.Set(Rooted(setting)));
        var document = HoconParser.Load(layers, new HoconOptions { Root = ProjectRoot(path) });
        return Bind(document);
    }

    /// <summary>The same from a text, for tests and programs.</summary>
    public static PipelineFile Parse(string text, string name, IReadOnlyList<string>? settings = null)
    {
        var layers = new List<HoconLayer> { Embedded("reference.conf"), Embedded("akka.conf"), HoconLayer.Text(text, name) };
        foreach (var setting in settings ?? []) layers.Add(HoconLayer.Set(Rooted(setting)));
        return Bind(HoconParser.Load(layers));
    }

    /// <summary>The engine's defaults without any pipeline: what commands need that read none.</summary>
    public static HoconDocument Defaults(IReadOnlyList<string>? settings = null) =>
        HoconParser.Load([Embedded("reference.conf"), Embedded("akka.conf"), .. (settings ?? []).Select(s => HoconLayer.Set(Rooted(s)))]);

    private static PipelineFile Bind(HoconDocument document)
    {
        var reader = document.Reader();
        var binder = new PipelineBinder(reader);
        var definition = binder.Bind();
        reader.Finish();
        if (reader.Errors.Count > 0)
        {
            // What does not rest on these errors is judged all the same.
            foreach (var error in PhysicalPlanner.Errors(definition, binder.Gaps, SqlPlanner.Plan)) reader.Add(binder.Locate(error));
            reader.ThrowIfErrors();
        }
        try
        {
            return new PipelineFile(definition, PhysicalPlanner.Plan(definition, SqlPlanner.Plan), document);
        }
        catch (PlanException e)
        {
            foreach (var error in e.Errors) reader.Add(binder.Locate(error));
            throw new ConfigException(reader.Errors);
        }
    }

    private static HoconLayer Embedded(string name)
    {
        using var stream = typeof(PipelineFile).Assembly.GetManifestResourceStream(name)!;
        using var text = new StreamReader(stream);
        return HoconLayer.Text(text.ReadToEnd(), $"hocon/{name}");
    }

    private static string Rooted(string setting) => Roots.Any(r => setting.StartsWith(r + ".", StringComparison.Ordinal)) ? setting : "pipeline." + setting;

    private static string EnvironmentFile(string path, string environment)
    {
        foreach (var folder in FoldersAbove(path).Append(AppContext.BaseDirectory).Concat(FoldersAbove(AppContext.BaseDirectory)))
        {
            var file = Path.Combine(folder, "hocon", "env", environment + ".conf");
            if (File.Exists(file)) return file;
        }
        throw new ConfigException([ConfigError.Plain($"there is no environment '{environment}'", $"make hocon/env/{environment}.conf beside hocon/pipelines")]);
    }

    private static string? ProjectRoot(string path) => FoldersAbove(path).FirstOrDefault(f => Directory.Exists(Path.Combine(f, "hocon")))
        ?? Path.GetDirectoryName(Path.GetFullPath(path));

    private static IEnumerable<string> FoldersAbove(string path)
    {
        for (var folder = Path.GetDirectoryName(Path.GetFullPath(path)); folder is not null; folder = Path.GetDirectoryName(folder)) yield return folder;
    }
}
