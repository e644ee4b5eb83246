using System.CommandLine;
using System.Globalization;
using StreamEngine.Cli.Terminal;
using StreamEngine.Kafka;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Commands;

/// <summary>consume: a topic to the screen.</summary>
internal static class ConsumeCommand
{
    public static Command Create()
    {
        var topic = new Option<string>("--topic") { Description = "The topic.", Required = true };
        var committed = new Option<bool>("--read-committed") { Description = "Only committed records, and nothing behind an open transaction." };
        var max = new Option<long?>("--max") { Description = "The most records." };
        max.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && long.TryParse(r.Tokens[0].Value, out var records) && records < 0) r.AddError("--max is a number of records from 0");
        });
        var partition = new Option<int?>("--partition") { Description = "One partition; all of them otherwise." };
        var from = new Option<string>("--from") { Description = "earliest, latest, or an offset of the partition.", DefaultValueFactory = _ => "earliest" };
        var headers = new Option<bool>("--headers") { Description = "Position, time, key and headers before each value." };
        var follow = new Option<bool>("--follow") { Description = "Go on at the end of the topic, until Ctrl-C." };
        var (cluster, json) = (new ClusterOptions(), CommonOptions.Json());
        var command = new Command("consume",
            "Shows a topic's records, their values a line each. It ends at the end that the topic had when it began, unless it follows.\n\nExample:\n  ./engine consume --topic flights.hourly --read-committed --max 5")
        {
            topic, committed, max, partition, from, headers, follow, json,
        };
        cluster.AddTo(command);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var request = new ReadRequest(parsed.GetValue(topic)!)
            {
                ReadCommitted = parsed.GetValue(committed),
                Max = parsed.GetValue(max),
                Partition = parsed.GetValue(partition),
                From = parsed.GetValue(from)!,
                Follow = parsed.GetValue(follow),
            };
            using var output = RecordOutput.Open();
            var count = 0L;
            try
            {
                await foreach (var record in new TopicReader(cluster.Of(parsed)).ReadAsync(request, signal.Token))
                {
                    count++;
                    if (parsed.GetValue(json)) output.Line(RecordText.Json(record));
                    else
                    {
                        if (parsed.GetValue(headers)) output.Line(RecordText.Title(record));
                        output.Value(record.Value);
                    }
                    if (request.Follow) output.Flush();
                }
            }
            catch (OperationCanceledException) when (request.Follow)
            {
                // Ctrl-C is how following ends.
            }
            output.Flush();
            if (!Console.IsErrorRedirected) await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{count:N0} records"));
            return ExitCodes.Done;
        }));
        return command;
    }
}
