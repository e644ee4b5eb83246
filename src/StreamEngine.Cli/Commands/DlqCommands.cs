using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using StreamEngine.Cli.Terminal;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Files;

namespace StreamEngine.Cli.Commands;

/// <summary>dlq list, show; and redrive, which is <see cref="DlqRedriveCommand"/>.</summary>
internal static class DlqCommands
{
    public static Command Create()
    {
        var command = new Command("dlq",
            "Dead letters: rows that a pipeline could not use, with their bytes, position and reason.\n\nExample:\n  ./engine dlq list hocon/pipelines/flights.conf");
        command.Subcommands.Add(List());
        command.Subcommands.Add(Show());
        command.Subcommands.Add(DlqRedriveCommand.Create());
        return command;
    }

    /// <summary>Which topic: the pipeline's, or one that is named.</summary>
    private sealed class Target
    {
        private readonly Argument<string?> _file = new("file") { Description = "The pipeline file, whose dead-letter topic is read.", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<string?> _topic = new("--topic") { Description = "A topic of dead letters or late rows, instead of a file." };
        private readonly Option<string?> _bootstrap =
            new("--bootstrap") { Description = "The Kafka brokers, HOST:PORT[,HOST:PORT..]; the file's or 127.0.0.1:9092 by default." };
        private readonly Option<string?> _config = ClusterOptions.Config();
        private readonly Option<string?> _environment = PipelineCommands.Environment();
        private readonly Option<string[]> _settings = PipelineCommands.Settings();

        public void AddTo(Command command)
        {
            command.Arguments.Add(_file);
            foreach (var option in new Option[] { _topic, _bootstrap, _config, _environment, _settings }) command.Options.Add(option);
            command.Validators.Add(r =>
            {
                if (r.GetValue(_file) is null == r.GetValue(_topic) is null) r.AddError("name a pipeline file, or a topic with --topic");
                if (r.GetValue(_config) is not null && r.GetValue(_topic) is null) r.AddError("--command-config goes with --topic: a pipeline file has its own settings");
            });
        }

        public (KafkaConnection Connection, string Topic) Of(ParseResult parsed)
        {
            if (parsed.GetValue(_topic) is { } topic) return (ClusterOptions.Connect(parsed.GetValue(_bootstrap) ?? "127.0.0.1:9092", parsed.GetValue(_config)), topic);
            var settings = new List<string>(parsed.GetValue(_settings) ?? []);
            if (parsed.GetValue(_bootstrap) is { } address) settings.Add($"kafka.bootstrap={address}");
            var definition = PipelineFile.Load(parsed.GetValue(_file)!, parsed.GetValue(_environment), settings).Definition;
            return (new KafkaConnection(definition.Bootstrap, definition.KafkaSettings), definition.DeadLetterTopic);
        }
    }

    private static Command List()
    {
        var target = new Target();
        var json = CommonOptions.Json();
        var command = new Command("list",
            "Counts dead letters by stage, rule and reason, with the position of one example each.\n\nExample:\n  ./engine dlq list hocon/pipelines/flights.conf") { json };
        target.AddTo(command);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var (connection, topic) = target.Of(parsed);
            var summary = new DeadLetterSummary();
            await foreach (var record in new TopicReader(connection)
                .ReadAsync(new ReadRequest(topic) { ReadCommitted = true }, signal.Token)) summary.Add(DeadLetter.Of(record));
            if (summary is { Count: 0, Others: > 0 })
                throw new StartupException($"topic '{topic}' has {summary.Others:N0} records, and none of them is a dead letter\n  name the topic of the dead letters, or the pipeline's file");
            if (summary.Others > 0) await Console.Error.WriteLineAsync($"{summary.Others:N0} records of {topic} are no dead letters, and not counted");
            if (parsed.GetValue(json))
            {
                foreach (var group in summary.Groups())
                    Console.WriteLine(JsonSerializer.Serialize(new { stage = group.Stage, rule = group.Rule, insert = group.Insert, reason = group.Reason,
                        count = group.Count, example = PlaceOf(group.Example) }, Relaxed));
                return ExitCodes.Done;
            }
            if (summary.Count > 0) Console.Write(Tables.Render(TableOf(summary)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{summary.Count:N0} dead letters in {topic}"));
            return ExitCodes.Done;
        }));
        return command;
    }

    internal static Table TableOf(DeadLetterSummary summary)
    {
        var groups = summary.Groups();
        // Most fail before any INSERT has its part in it.
        var some = groups.Any(g => g.Insert != "*");
        var table = some ? Tables.Create(("count", true), ("stage", false), ("rule", false), ("insert", false), ("reason", false), ("example", false))
            : Tables.Create(("count", true), ("stage", false), ("rule", false), ("reason", false), ("example", false));
        foreach (var group in groups)
        {
            List<Text> row = [new(group.Count.ToString("N0", CultureInfo.InvariantCulture)), new(group.Stage), new(group.Rule ?? "")];
            if (some) row.Add(new Text(group.Insert));
            table.AddRow([.. row, new Text(RecordText.Harmless(group.Reason)), new Text(PlaceOf(group.Example))]);
        }
        return table;
    }

    private static string PlaceOf(DeadLetter letter) => (letter.Source ?? new SourcePlace(letter.Record.Topic, letter.Record.Partition, letter.Record.Offset)).ToString();

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static Command Show()
    {
        var target = new Target();
        var max = new Option<long>("--max") { Description = "The most dead letters.", DefaultValueFactory = _ => 10 };
        var partition = new Option<int?>("--partition") { Description = "Only those whose original record was in this partition." };
        var offset = new Option<long?>("--offset") { Description = "Only those whose original record had this offset." };
        var stage = new Option<string?>("--stage") { Description = "Only of this stage." };
        stage.AcceptOnlyFromAmong([.. Enum.GetValues<FaultStage>().Select(Fault.NameOf)]);
        var rule = new Option<string?>("--rule") { Description = "Only those that broke this rule." };
        var json = CommonOptions.Json();
        var command = new Command("show",
            "Shows dead letters: position, stage, rule, reason, headers, and the original bytes.\n\nExample:\n  ./engine dlq show hocon/pipelines/flights.conf --rule plausible-delay --max 3") { max, partition, offset, stage, rule, json };
        target.AddTo(command);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var (connection, topic) = target.Of(parsed);
            var left = parsed.GetValue(max);
            using var output = RecordOutput.Open();
            if (left > 0)
            {
                await foreach (var record in new TopicReader(connection).ReadAsync(new ReadRequest(topic) { ReadCommitted = true }, signal.Token))
                {
                    var letter = DeadLetter.Of(record);
                    if (parsed.GetValue(stage) is { } s && letter.Stage != s) continue;
                    if (parsed.GetValue(rule) is { } r && letter.Rule != r) continue;
                    if (parsed.GetValue(partition) is { } p && letter.Source?.Partition != p) continue;
                    if (parsed.GetValue(offset) is { } o && letter.Source?.Offset != o) continue;
                    if (parsed.GetValue(json)) output.Line(RecordText.Json(record));
                    else Print(output, letter);
                    if (--left == 0) break;
                }
            }
            output.Flush();
            return ExitCodes.Done;
        }));
        return command;
    }

    // A timestamp may be any number, and no date at all.
    private static DateTime StampOf(DeadLetter letter) => letter.Timestamp is > -62_135_596_800_000 and < 253_402_300_800_000
        ? DateTime.UnixEpoch.AddMilliseconds(letter.Timestamp) : letter.Record.Timestamp;

    private static void Print(RecordOutput output, DeadLetter letter)
    {
        output.Line($"{PlaceOf(letter)}  {letter.Stage}{(letter.Rule is null ? "" : $"  rule {letter.Rule}")}{(letter.Insert == "*" ? "" : $"  insert {letter.Insert}")}");
        output.Line($"  reason    {letter.Reason}");
        output.Line($"  stamped   {RecordText.Time(StampOf(letter))}{(letter.Record.Key is null ? "" : $"  key {RecordText.Of(letter.Record.Key)}")}  as {letter.Record.Topic}-{letter.Record.Partition}@{letter.Record.Offset}");
        foreach (var header in letter.Record.Headers.Where(h => !h.Key.StartsWith("streamengine.", StringComparison.Ordinal)
            && !h.Key.StartsWith("__streams.errors.", StringComparison.Ordinal)))
            output.Line($"  header    {header.Key}={RecordText.Of(header.Value)}");
        output.Line($"  bytes     {RecordText.Of(letter.Record.Value)}");
    }
}
