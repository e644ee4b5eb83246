using System.CommandLine;
using Microsoft.Extensions.Logging;
using StreamEngine.Broker;
using StreamEngine.Cli.Logging;
using StreamEngine.Cli.Processes;
using StreamEngine.Cli.Terminal;
using StreamEngine.Core;

namespace StreamEngine.Cli.Commands;

/// <summary>broker: the embedded broker alone.</summary>
internal static class BrokerCommand
{
    public static Command Create()
    {
        var port = new Option<int>("--port") { Description = "The port to listen on; 0 takes a free one and prints it.", DefaultValueFactory = _ => 9092 };
        port.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && int.TryParse(r.Tokens[0].Value, out var number) && number is < 0 or > 65535) r.AddError("--port is a number from 0 to 65535");
        });
        var data = new Option<string?>("--data") { Description = "The folder to keep data in (default: .streamengine/broker)." };
        var memory = new Option<bool>("--memory") { Description = "Keep everything in memory: it is gone when the broker ends." };
        var advertise = new Option<string?>("--advertise") { Description =
            "HOST:PORT that clients are told to connect to, where that is not the address listened on: a proxy, a tunnel, a container's mapped port." };
        advertise.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && !TryAddress(r.Tokens[0].Value, out _)) r.AddError("--advertise is HOST:PORT");
        });
        var ready = new Option<string?>("--ready-file") { Description = "A file that is made, with the address listened on in it, when the broker takes connections." };
        var command = new Command("broker",
            "Runs the embedded Kafka-protocol broker in the foreground. It is one node without replication or authentication, on loopback.\n\nExample:\n  ./engine broker --port 9092 --data /var/lib/streamengine") { port, data, memory, advertise, ready };
        command.Validators.Add(r =>
        {
            if (r.GetValue(memory) && r.GetValue(data) is not null) r.AddError("--memory keeps no data, and --data names a folder for it: give one of them");
        });
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            using var logs = Logs.Create();
            var options = new BrokerOptions { Port = parsed.GetValue(port), DataDirectory = parsed.GetValue(memory) ? null : parsed.GetValue(data)
                ?? Path.Combine(".streamengine", "broker") };
            if (parsed.GetValue(advertise) is { } given && TryAddress(given, out var told))
                options = options with { AdvertisedHost = told.Host, AdvertisedPort = told.Port };
            using var readyFile = parsed.GetValue(ready) is { } file ? new ReadyFile(file) : null;
            if (options.DataDirectory is { } folder) Claim(folder);
            await using var broker = await BrokerHost.StartAsync(options, logs, TimeProvider.System);
            Console.WriteLine($"bootstrap={broker.Bootstrap}");
            readyFile?.Write($"{options.Host}:{broker.Port}");
            await Task.WhenAny(signal.Task, broker.Stopped);
            if (!broker.Stopped.IsCompleted) return ExitCodes.Done;
            await broker.Stopped;
            return ExitCodes.Failed;
        }));
        return command;
    }

    private static void Claim(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"the folder '{folder}' cannot be made: {e.Message}\n  name one that this user may write:    --data DIR\n  or keep everything in memory:         --memory", e);
        }
    }

    private static bool TryAddress(string text, out (string Host, int Port) address)
    {
        var colon = text.LastIndexOf(':');
        address = (colon > 0 ? text[..colon] : "", 0);
        return colon > 0 && int.TryParse(text.AsSpan(colon + 1), out address.Port) && address.Port is > 0 and <= 65535;
    }
}
