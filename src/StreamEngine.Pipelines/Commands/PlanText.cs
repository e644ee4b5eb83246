using StreamEngine.Core;
using StreamEngine.Pipelines.Files;

namespace StreamEngine.Pipelines.Commands;

/// <summary>A plan as people read it.</summary>
internal static class PlanText
{
    public static IEnumerable<string> Of(PipelineFile pipeline)
    {
        yield return $"pipeline {pipeline.Definition.Name}  plan {pipeline.Plan.Hash}  lanes {Math.Max(1, pipeline.Definition.Parallelism)}  commit interval {DurationText.Of(pipeline.Definition.CommitInterval)}";
        foreach (var source in pipeline.Plan.Sources)
        {
            var definition = pipeline.Definition.Sources.First(s => s.Name == source.Name);
            yield return $"source {source.Name}  topic {definition.Topic}";
            yield return $"  decode, reads {string.Join(", ", source.Columns.Select(c => c.Name))} of {string.Join(", ", source.Declared.Select(c => c.Name))}";
            foreach (var rule in source.Rules) yield return $"  rule {rule.Name}: {rule.Condition}";
            if (source.EventTime is not null)
                yield return $"  event time {definition.EventTime.Column ?? "_timestamp"}, out of order by up to {DurationText.Of(definition.EventTime.OutOfOrderness)}";
        }
        foreach (var insert in pipeline.Plan.Inserts)
        {
            yield return $"insert into {insert.Sink}  from {insert.Source}";
            foreach (var op in insert.Before) yield return $"  {op.Id}  {op.Description}";
            if (insert.ExchangeKeys is not null) yield return "  exchange by key group";
            foreach (var op in insert.After) yield return $"  {op.Id}  {op.Description}";
            var sink = pipeline.Definition.Sinks.First(s => s.Name == insert.Sink);
            yield return $"  sink topic {sink.Topic}{(sink.Key.Count > 0 ? $"  key {string.Join(", ", sink.Key)}" : "")}{(sink.Upsert ? "  upsert" : "")}";
        }
    }
}
