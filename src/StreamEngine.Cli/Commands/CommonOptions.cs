using System.CommandLine;
using StreamEngine.Kafka;

namespace StreamEngine.Cli.Commands;

/// <summary>Options that several commands share, made anew for each of them.</summary>
internal static class CommonOptions
{
    public static Option<string> Bootstrap() => WithAddresses(new Option<string>("--bootstrap") { Description = "The Kafka brokers, HOST:PORT[,HOST:PORT..].",
        DefaultValueFactory = _ => "127.0.0.1:9092" });

    /// <summary>An option of broker addresses, which are looked at before anybody waits for an answer from there.</summary>
    public static Option<T> WithAddresses<T>(Option<T> option)
    {
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && KafkaConnection.AddressError(r.Tokens[0].Value) is { } error) r.AddError($"{option.Name}: {error}");
        });
        return option;
    }

    public static Option<bool> Json() => new("--json") { Description = "Answer in JSON, one object a line." };
}
