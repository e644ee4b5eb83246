using Microsoft.Extensions.Logging;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>What is to be redriven.</summary>
/// <param name="Filter">A SQL condition over <see cref="LetterSchema"/> and the row; null: all.</param>
/// <param name="Fix">Assignments, as <see cref="RowFix"/> takes them; null: the bytes as they are.</param>
/// <param name="DryRun">Nothing is written.</param>
/// <param name="Max">The most dead letters; null for all.</param>
/// <param name="Source">For topics that several sources read: which of them is meant.</param>
internal sealed record RedriveRequest(string? Filter = null, string? Fix = null, bool DryRun = false, long? Max = null, string? Source = null);

/// <summary>What a redrive did, or would do.</summary>
internal sealed class RedriveReport(ClosedWindows closed)
{
    /// <summary>Dead letters in the topic.</summary>
    public long Read { get; set; }

    /// <summary>Of these, those that the filter chose.</summary>
    public long Selected { get; set; }

    /// <summary>Of the chosen ones, those that were redriven before.</summary>
    public long Already { get; set; }

    /// <summary>Those that are redriven now.</summary>
    public DeadLetterSummary Redriven { get; } = new();

    /// <summary>Of those that are redriven, how many would fail to be decoded again.</summary>
    public long Undecodable { get; set; }

    /// <summary>The first of these, with the reason.</summary>
    public string? FirstUndecodable { get; set; }

    /// <summary>Dead letters that cannot go back, by reason.</summary>
    public SortedDictionary<string, long> Stuck { get; } = [];

    /// <summary>Letters on which the filter failed.</summary>
    public long FilterFailed { get; set; }

    /// <summary>The first of these, with the reason.</summary>
    public string? FirstFilterFailure { get; set; }

    public ClosedWindows Closed => closed;
}

/// <summary>Sends dead letters of a pipeline through it again: chosen, perhaps fixed, each one once, all of a command in one transaction.</summary>
internal sealed class DeadLetterRedrive(PipelineFile file, RedriveRequest request, TimeProvider time, ILoggerFactory loggers)
{
    /// <summary>The most bytes of one transaction, which are held until it is written.</summary>
    public const long MostBytes = 256 << 20;

    private readonly ILogger _logger = loggers.CreateLogger<DeadLetterRedrive>();

    /// <exception cref="StartupException">It cannot be done; the message says why, and nothing was written but where it says so.</exception>
    public async Task<RedriveReport> RunAsync(CancellationToken cancellation)
    {
        var definition = file.Definition;
        var connection = KafkaConnectors.ConnectionOf(definition);
        using var scope = new MemoryScope("redrive");
        var selections = Compile(scope);
        try
        {
            using var topics = new KafkaTopics(connection, _logger);
            var letters = await TopicLookup.FindAsync(topics, connection, definition.DeadLetterTopic, cancellation);
            var last = await ReplayCatalog.LastOfAsync($"{definition.QualifiedName}.epochs", topics, time, _logger, cancellation);
            using var topic = new RedriveTopic(definition, time, _logger);
            if (!request.DryRun) await topic.OpenAsync(topics, cancellation);
            var done = await topic.ReadAsync(topics, cancellation);
            var report = new RedriveReport(new ClosedWindows(file.Plan, last));
            var records = await ChooseAsync(letters, selections, done, report, connection, cancellation);
            if (!request.DryRun && records.Count > 0) topic.Write(records);
            return report;
        }
        finally
        {
            foreach (var selection in selections.Values) selection.Dispose();
        }
    }

    /// <summary>The filter and the fix, for each source that they fit.</summary>
    private Dictionary<string, LetterSelection> Compile(MemoryScope scope)
    {
        if (request.Source is { } name && file.Definition.Sources.All(s => s.Name != name))
            throw new StartupException($"--source {name}: the pipeline has no such source; it has {string.Join(", ", file.Definition.Sources.Select(s => s.Name))}");
        var selections = new Dictionary<string, LetterSelection>();
        StartupException? wrong = null;
        foreach (var source in file.Definition.Sources.Where(s => file.Plan.Sources.Any(p => p.Name == s.Name)))
        {
            var inFix = false;
            try
            {
                selections[source.Name] = new LetterSelection(source, request.Filter, request.Fix, scope, out inFix);
            }
            catch (SqlException e)
            {
                wrong ??= Explain(inFix, e);
            }
        }
        // What fits one source alone chooses nothing of the others.
        return selections.Count > 0 ? selections : throw wrong!;
    }

    private StartupException Explain(bool inFix, SqlException e)
    {
        var (option, text) = inFix ? ("--fix", request.Fix!) : ("--filter", request.Filter!);
        var lines = e.Errors.Select(error => $"{option}:{error.Offset + 1}: {error.Message}\n    {text.ReplaceLineEndings(" ")}\n    {new string(' ', Math.Min(error.Offset, text.Length))}{new string('^', Math.Max(1, error.Length))}{(error.Hint is null ? "" : $"\n  {error.Hint}")}");
        return new StartupException(string.Join("\n", lines), e);
    }

    private async Task<List<RedriveRecord>> ChooseAsync(KafkaTopic topic, Dictionary<string, LetterSelection> selections, RedrivenLetters done, RedriveReport report,
        KafkaConnection connection, CancellationToken cancellation)
    {
        var sources = new LetterSources(file.Definition, file.Plan, request.Source);
        var waiting = selections.ToDictionary(s => s.Key, _ => new List<Candidate>());
        var records = new List<RedriveRecord>();
        var bytes = 0L;
        await foreach (var record in new TopicReader(connection).ReadAsync(new ReadRequest(topic.Name) { ReadCommitted = true }, cancellation))
        {
            report.Read++;
            var letter = DeadLetter.Of(record);
            if (sources.Find(letter, out var why) is not { } source)
            {
                report.Stuck[why] = report.Stuck.GetValueOrDefault(why) + 1;
                continue;
            }
            if (!waiting.TryGetValue(source.Name, out var candidates)) continue;
            candidates.Add(new Candidate(letter, MarkOf(letter, source.Name, topic)));
            if (candidates.Count == LetterSelection.Most) Take(source.Name);
        }
        foreach (var source in selections.Keys) Take(source);
        report.FilterFailed = selections.Values.Sum(s => s.Failed);
        report.FirstFilterFailure = selections.Values.Select(s => s.FirstFailure).FirstOrDefault(f => f is not null);
        return records;

        void Take(string source)
        {
            foreach (var chosen in selections[source].Choose(waiting[source]))
            {
                report.Selected++;
                if (done.Contains(chosen.Mark.Letter)) report.Already++;
                else if (records.Count < (request.Max ?? long.MaxValue))
                {
                    Add(chosen, report);
                    var added = new RedriveRecord(chosen.Letter.Record.Key, chosen.Payload, RedriveHeaders.Write(OriginalHeaders(chosen.Letter), chosen.Mark));
                    records.Add(added);
                    Check(bytes += added.Bytes, added, chosen);
                }
            }
            waiting[source].Clear();
        }
    }

    private void Check(long bytes, RedriveRecord record, Chosen chosen)
    {
        if (bytes > MostBytes)
            throw new StartupException($"the chosen dead letters have more than {MostBytes >> 20} MiB, the most of one transaction; nothing was redriven\n  redrive them in pieces:    --max 100000");
        if (record.Bytes > file.Definition.MaxMessageBytes + 512)
            throw new StartupException($"{chosen.Mark.Letter} (of {chosen.Letter.Source}) would be a record of {record.Bytes:N0} bytes, more than max-message-size = {file.Definition.MaxMessageBytes:N0}; nothing was redriven\n  leave it out with --filter, or raise it:    --set max-message-size={record.Bytes}");
    }

    private static void Add(Chosen chosen, RedriveReport report)
    {
        report.Redriven.Add(chosen.Letter);
        if (chosen.Error is { } error)
        {
            report.Undecodable++;
            report.FirstUndecodable ??= $"{chosen.Mark.Letter} (of {chosen.Letter.Source}): {error}";
        }
        if (chosen.EventTime is { } eventTime) report.Closed.Add(chosen.Mark.Source, chosen.Mark.Insert, eventTime);
    }

    private static RedriveMark MarkOf(DeadLetter letter, string source, KafkaTopic topic)
    {
        var place = letter.Source!.Value;
        return new RedriveMark(source, letter.Insert == "*" ? null : letter.Insert, place.Topic, place.Partition, place.Offset, letter.Timestamp,
            new LetterIdentity(topic.Name, topic.Id, letter.Record.Partition, letter.Record.Offset));
    }

    /// <summary>The dead letter's own headers begin with the last of this name; all before it are the original record's.</summary>
    private static IEnumerable<KeyValuePair<string, byte[]?>> OriginalHeaders(DeadLetter letter)
    {
        var headers = letter.Record.Headers;
        var own = headers.Count - 1;
        while (own >= 0 && headers[own].Key != "__streams.errors.topic") own--;
        return headers.Take(Math.Max(own, 0));
    }
}
