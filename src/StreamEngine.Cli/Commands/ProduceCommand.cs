using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using StreamEngine.Cli.Terminal;
using StreamEngine.Core;
using StreamEngine.Formats.Csv;
using StreamEngine.Kafka;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Commands;

/// <summary>produce: a file into a topic.</summary>
internal static class ProduceCommand
{
    public static Command Create()
    {
        var topic = new Option<string>("--topic") { Description = "The topic.", Required = true };
        var file = new Option<string>("--file") { Description = "The file; - for standard input.", Required = true };
        var format = new Option<string?>("--format") { Description =
            "json (one value a line) or csv (quoted fields may hold line breaks); by the file's name otherwise." };
        format.AcceptOnlyFromAmong("json", "csv");
        var partitions = new Option<int?>("--partitions") { Description = "Partitions to create the topic with where it does not exist (default: 1)." };
        var key = new Option<string?>("--key") { Description =
            "The field that becomes the record's key: a name, in JSON also a.b, in CSV without a header a number from 1. Without keys rows go round robin." };
        var rate = new Option<double?>("--rate") { Description = "The most records a second." };
        var header = new Option<bool>("--skip-header") { Description = "CSV: the first record names the columns and is not sent." };
        var delimiter = new Option<string>("--delimiter") { Description = "CSV: what is between fields.", DefaultValueFactory = _ => "," };
        var (cluster, json) = (new ClusterOptions(), CommonOptions.Json());
        Positive(partitions);
        rate.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && r.GetValueOrDefault<double?>() is not > 0) r.AddError("--rate is a number of records a second above 0");
        });
        var command = new Command("produce",
            "Sends a file into a topic, a record a line or a CSV record, as it is. Blank lines are skipped. It creates the topic where it does not exist, and fails when a record was not delivered.\n\nExample:\n  ./engine produce --topic flights --file data/flights.ndjson --partitions 4")
        {
            topic, file, format, partitions, key, rate, header, delimiter, json,
        };
        cluster.AddTo(command);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var request = new ProduceRequest(parsed.GetValue(topic)!, parsed.GetValue(file)!)
            {
                Csv = IsCsv(parsed.GetValue(format), parsed.GetValue(file)!) ? Csv(parsed.GetValue(delimiter)!) : null,
                Partitions = parsed.GetValue(partitions),
                Key = parsed.GetValue(key),
                Rate = parsed.GetValue(rate),
                SkipHeader = parsed.GetValue(header),
            };
            if (request.SkipHeader && request.Csv is null) throw new StartupException("--skip-header is for CSV; a JSON file has no header");
            var producer = new FileProducer(cluster.Of(parsed), TimeProvider.System);
            await using var line = StatusLine.Start(seconds =>
                string.Create(CultureInfo.InvariantCulture,
                $"{request.Topic}  {producer.Delivered,12:N0} records  {producer.Delivered / Math.Max(seconds, 0.001),12:N0}/s"));
            var result = await producer.RunAsync(request, signal.Token);
            await line.DisposeAsync();
            var perSecond = result.Records / Math.Max(result.Duration.TotalSeconds, 0.001);
            Console.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(new { topic = request.Topic, records = result.Records, keyless = result.Keyless,
                seconds = Math.Round(result.Duration.TotalSeconds, 3), records_per_s = Math.Round(perSecond) })
                : string.Create(CultureInfo.InvariantCulture,
                    $"{result.Records:N0} records into {request.Topic} in {result.Duration.TotalSeconds:0.0} s, {perSecond:N0}/s"));
            if (result.Keyless > 0)
                await Console.Error.WriteLineAsync($"{result.Keyless} of {result.Records} records have no field '{request.Key}': they went without a key");
            return ExitCodes.Done;
        }));
        return command;
    }

    private static bool IsCsv(string? format, string file) => format is null ? Path.GetExtension(file).Equals(".csv", StringComparison.OrdinalIgnoreCase)
        : format == "csv";

    private static CsvOptions Csv(string delimiter)
    {
        if (delimiter == "\\t") delimiter = "\t";
        if (delimiter.Length != 1 || delimiter[0] > 127) throw new StartupException("the delimiter is one ASCII character");
        var options = new CsvOptions((byte)delimiter[0]);
        return options.Error is { } error ? throw new StartupException(error) : options;
    }

    internal static void Positive(Option<int?> option) => option.Validators.Add(r =>
    {
        if (r.Tokens.Count > 0 && int.TryParse(r.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value < 1)
            r.AddError($"{option.Name} is a number from 1");
    });
}
