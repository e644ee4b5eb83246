using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Terminal;
using StreamEngine.Core;
using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Redrive;

namespace StreamEngine.Cli.Commands;

/// <summary>dlq redrive.</summary>
internal static class DlqRedriveCommand
{
    private const string Text = """
        Sends dead letters through the pipeline again, each of them once, all of a command in one transaction. They go into the INSERT that failed them: an open
        window counts the row, for a closed one it is late with reason 'redrive', and the replay that corrects it is named.

        --filter is a SQL condition over the dead letter (stage, rule, reason, letter.insert, topic, partition, offset, timestamp, key, payload, headers.NAME) and
        over the columns of the row, which are null where it cannot be decoded; a name that both have is written letter.x or SOURCE.x.
        --fix is a list of assignments: payload = .. rewrites the text, a column's name sets that field of a JSON row.

        Example:
          ./engine dlq redrive hocon/pipelines/flights.conf --filter "rule = 'positive-distance'" --fix "distance = 1" --dry-run
        """;

    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "The pipeline file." };
        var filter = new Option<string?>("--filter") { Description = "A SQL condition; all dead letters without it." };
        var fix = new Option<string?>("--fix") { Description = "Assignments, for example \"delay = 0, origin = upper(origin)\" or \"payload = replace(payload, 'x', 'y')\"." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Shows the same and writes nothing." };
        var max = new Option<long?>("--max") { Description = "The most dead letters, the oldest first." };
        var source = new Option<string?>("--source") { Description = "Of several sources that read one topic: the one that is meant." };
        var bootstrap = new Option<string?>("--bootstrap") { Description = "The Kafka brokers, HOST:PORT[,HOST:PORT..]; the file's or 127.0.0.1:9092 by default." };
        var (environment, settings, json) = (PipelineCommands.Environment(), PipelineCommands.Settings(), CommonOptions.Json());
        var command = new Command("redrive", Text) { file, filter, fix, dryRun, max, source, bootstrap, environment, settings, json };
        command.Validators.Add(r =>
        {
            if (r.GetValue(max) is < 1) r.AddError("--max is at least 1");
        });
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var overrides = new List<string>(parsed.GetValue(settings) ?? []);
            if (parsed.GetValue(bootstrap) is { } address) overrides.Add($"kafka.bootstrap={address}");
            var path = parsed.GetValue(file)!;
            var pipeline = PipelineFile.Load(path, parsed.GetValue(environment), overrides);
            var request = new RedriveRequest(parsed.GetValue(filter), parsed.GetValue(fix), parsed.GetValue(dryRun), parsed.GetValue(max), parsed.GetValue(source));
            var report = await new DeadLetterRedrive(pipeline, request, TimeProvider.System, NullLoggerFactory.Instance).RunAsync(signal.Token);
            if (parsed.GetValue(json)) PrintJson(report, request, pipeline, path);
            else Print(report, request, pipeline, path);
            return ExitCodes.Done;
        }));
        return command;
    }

    private static void Print(RedriveReport report, RedriveRequest request, PipelineFile pipeline, string path)
    {
        if (report.Redriven.Count > 0) Console.Write(Tables.Render(DlqCommands.TableOf(report.Redriven)));
        Line($"{report.Selected:N0} of {report.Read:N0} dead letters in {pipeline.Definition.DeadLetterTopic} are chosen; {report.Already:N0} of them were redriven before");
        Line($"{report.Redriven.Count:N0} {(request.DryRun ? "would be redriven" : "redriven")} through {pipeline.Definition.RedriveTopic}");
        if (report.Undecodable > 0) Line($"{report.Undecodable:N0} of them cannot be decoded and will be dead letters again: {RecordText.Harmless(report.FirstUndecodable!)}");
        if (report.FilterFailed > 0) Line($"--filter failed on {report.FilterFailed:N0}, which are not chosen: {RecordText.Harmless(report.FirstFilterFailure!)}");
        foreach (var (why, count) in report.Stuck) Line($"{count:N0} cannot be redriven: they {RecordText.Harmless(why)}");
        if (report.Closed.Range is null) return;
        var windows = string.Join(", ", report.Closed.Windows.Select(w => string.Create(CultureInfo.InvariantCulture, $"{w.Value:N0} of {w.Key}")));
        Line($"{report.Closed.LateRows:N0} come late: their windows are closed ({(report.Closed.IsCut ? "at least " : "")}{windows})");
        if (report.Closed.PartlyLateRows > 0) Line($"{report.Closed.PartlyLateRows:N0} are missing in some of these and counted in windows that are open");
        Line($"  a replay corrects them:    {ReplayOf(report, path)}");
    }

    private static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private static string ReplayOf(RedriveReport report, string path) =>
        $"./engine replay start {path} --from {Watermark.TextOf(report.Closed.Range!.Value.From)} --to {Watermark.TextOf(report.Closed.Range!.Value.To)} --diff";

    private static void PrintJson(RedriveReport report, RedriveRequest request, PipelineFile pipeline, string path) => Console.WriteLine(JsonSerializer.Serialize(new
    {
        pipeline = pipeline.Definition.QualifiedName, dead_letters = pipeline.Definition.DeadLetterTopic, topic = pipeline.Definition.RedriveTopic,
        dry_run = request.DryRun,
        read = report.Read, chosen = report.Selected, already = report.Already, redriven = report.Redriven.Count,
        groups = report.Redriven.Groups().Select(GroupOf), undecodable = report.Undecodable, filter_failed = report.FilterFailed, cannot = report.Stuck,
        late = report.Closed.LateRows, partly_late = report.Closed.PartlyLateRows, closed_windows = report.Closed.Windows,
        replay = report.Closed.Range is null ? null : ReplayOf(report, path),
    }, Relaxed));

    private static object GroupOf(DeadLetterGroup group) => new { stage = group.Stage, rule = group.Rule, reason = group.Reason, count = group.Count };

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
