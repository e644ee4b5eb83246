using System.CommandLine;

namespace StreamEngine.Cli.Commands;

/// <summary>Options that several commands share, made anew for each of them.</summary>
internal static class CommonOptions
{
    public static Option<string> Bootstrap() => new("--bootstrap") { Description = "The Kafka brokers, HOST:PORT[,HOST:PORT..].", DefaultValueFactory = _ =>
        "127.0.0.1:9092" };

    public static Option<bool> Json() => new("--json") { Description = "Answer in JSON, one object a line." };
}
