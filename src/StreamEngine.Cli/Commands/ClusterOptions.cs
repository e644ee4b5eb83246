using System.CommandLine;
using StreamEngine.Core;
using StreamEngine.Kafka;

namespace StreamEngine.Cli.Commands;

/// <summary>
/// How a command without a pipeline file reaches its cluster: --bootstrap, and --command-config as Kafka's own tools have it, a file of client settings, so that no
/// secret stands on a command line.
/// </summary>
internal sealed class ClusterOptions
{
    private readonly Option<string> _bootstrap = CommonOptions.Bootstrap();
    private readonly Option<string?> _config = Config();

    public static Option<string?> Config() => new("--command-config") { Description =
        "A file of client settings for TLS and SASL, key=value a line, in librdkafka's names, as a pipeline file has them under kafka.settings." };

    public void AddTo(Command command)
    {
        command.Options.Add(_bootstrap);
        command.Options.Add(_config);
    }

    public string Bootstrap(ParseResult parsed) => parsed.GetValue(_bootstrap)!;

    /// <summary>The brokers where they were named, over a pipeline file's own; null where they were not.</summary>
    public string? GivenBootstrap(ParseResult parsed) => parsed.GetResult(_bootstrap) is { Implicit: false } ? Bootstrap(parsed) : null;

    public KafkaConnection Of(ParseResult parsed) => Connect(Bootstrap(parsed), parsed.GetValue(_config));

    /// <param name="bootstrap">The brokers.</param>
    /// <param name="file">The file of settings; null for none.</param>
    /// <exception cref="StartupException">The file cannot be read, or a line of it is no setting; no value is shown, since it may be a secret.</exception>
    public static KafkaConnection Connect(string bootstrap, string? file)
    {
        if (file is null) return new KafkaConnection(bootstrap);
        var settings = new Dictionary<string, string>();
        foreach (var (number, line) in Read(file).Index())
        {
            var text = line.Trim();
            if (text.Length == 0 || text[0] is '#' or '!') continue;
            var at = text.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0) throw new StartupException($"{file}:{number + 1}: this is no setting: write key=value");
            var name = text[..at].TrimEnd();
            if (!KafkaConnection.AllowedSettings.Contains(name))
                throw new StartupException($"{file}:{number + 1}: '{name}' is not a setting that may be given; these are: {string.Join(", ", KafkaConnection.AllowedSettings.Order())}");
            if (!settings.TryAdd(name, text[(at + 1)..].TrimStart())) throw new StartupException($"{file}:{number + 1}: '{name}' stands there twice");
        }
        return new KafkaConnection(bootstrap, settings);
    }

    private static string[] Read(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"the file of --command-config cannot be read: {e.Message}", e);
        }
    }
}
