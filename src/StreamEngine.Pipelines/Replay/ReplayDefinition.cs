using System.Globalization;
using System.IO.Hashing;
using System.Text;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// A pipeline over a stretch of its own history: the same graph under another name, so that group, transactional id and internal topics are its own, writing to topics of
/// its own. What it is called follows from what it does: the same command finds it again.
/// </summary>
internal sealed class ReplayDefinition
{
    public const string DefaultInto = "shadow";

    /// <param name="live">The pipeline.</param>
    /// <param name="range">The event time to be replayed.</param>
    /// <param name="into">Put before the names of its output topics, with a dot.</param>
    /// <exception cref="StartupException">There is no such range or target.</exception>
    public ReplayDefinition(PipelineFile live, EventTimeRange range, string into)
    {
        if (range.From >= range.To) throw new StartupException($"nothing lies between {Watermark.TextOf(range.From)} and {Watermark.TextOf(range.To)}: --from has to be before --to");
        if (into.Length is 0 or > 100 || !into.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            throw new StartupException($"'{into}' cannot begin the name of a topic: letters, digits, '.', '_' and '-' can");
        Live = live;
        Range = range;
        Into = into;
        Id = IdOf(live.Definition.QualifiedName, range, into);
        var definition = live.Definition;
        Definition = definition with
        {
            Name = $"{definition.Name}.replay.{Id}",
            Sinks = [.. definition.Sinks.Select(s => s with { Topic = TargetOf(s.Topic) })],
            DeadLetterTopic = TargetOf(definition.DeadLetterTopic),
            LateTopic = TargetOf(definition.LateTopic),
            // It starts where it was bounded, whatever offsets a group of that name may have.
            StartDecided = true,
        };
        foreach (var sink in definition.Sinks.Select(s => s.Topic).Append(definition.DeadLetterTopic).Append(definition.LateTopic))
            if (TopicsOf(definition).Contains(TargetOf(sink)))
                throw new StartupException($"--into {into} would write into '{TargetOf(sink)}', a topic of the pipeline itself\n  write elsewhere:    --into shadow2");
        Plan = PhysicalPlanner.Plan(definition, SqlPlanner.Plan, range);
    }

    public PipelineFile Live { get; }

    public EventTimeRange Range { get; }

    public string Into { get; }

    /// <summary>Eight digits: the same for the same pipeline, range and target.</summary>
    public string Id { get; }

    /// <summary>The replay as a pipeline.</summary>
    public PipelineDefinition Definition { get; }

    /// <summary>The live plan, but for the range.</summary>
    public PhysicalPlan Plan { get; }

    /// <summary>The topics that it writes.</summary>
    public IEnumerable<string> Outputs => Definition.Sinks.Select(s => s.Topic).Append(Definition.DeadLetterTopic).Append(Definition.LateTopic).Distinct();

    public string EpochsTopic => $"{Definition.QualifiedName}.epochs";

    /// <summary>Where what the pipeline writes to a topic goes.</summary>
    public string TargetOf(string topic) => $"{Into}.{topic}";

    /// <summary>The qualified names of all replays of a pipeline begin so; the id follows.</summary>
    public static string StemOf(string pipeline) => $"{pipeline}.replay.";

    /// <summary>All that the live pipeline reads and writes.</summary>
    private static IEnumerable<string> TopicsOf(PipelineDefinition live) => live.Sources.Select(s => s.Topic).Concat(live.Sinks.Select(s => s.Topic)).Concat(
        [live.DeadLetterTopic, live.LateTopic, live.RedriveTopic, $"{live.QualifiedName}.state", $"{live.QualifiedName}.epochs"]);

    private static string IdOf(string pipeline, EventTimeRange range, string into)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{pipeline}\n{range.From}\n{range.To}\n{into}");
        return (XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text)) & 0xffffffff).ToString("x8", CultureInfo.InvariantCulture);
    }
}
