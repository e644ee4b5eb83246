namespace StreamEngine.Plan.Definitions;

/// <summary>A topic that a pipeline must not use so.</summary>
/// <param name="Place">Where it is named: sources.NAME, sinks.NAME, dead-letters or late.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Message">Why.</param>
internal sealed record TopicConflict(string Place, string Topic, string Message);

/// <summary>Which topics a pipeline reads and writes, and which of these uses would destroy each other.</summary>
internal static class TopicUses
{
    /// <summary>Uses that cannot be: of the pipeline's internal topics, and of topics that are two things at once.</summary>
    public static IEnumerable<TopicConflict> Conflicts(PipelineDefinition pipeline)
    {
        string[] own = [$"{pipeline.QualifiedName}.state", $"{pipeline.QualifiedName}.epochs", $"{pipeline.QualifiedName}.redrive"];
        var read = pipeline.Sources.Where(s => s.Topic.Length > 0).ToDictionary(s => s.Name, s => s.Topic);
        List<(string Place, string Topic)> written = [.. pipeline.Sinks.Select(s => ($"sinks.{s.Name}", s.Topic)), ("dead-letters", pipeline.DeadLetterTopic),
            ("late", pipeline.LateTopic)];
        foreach (var (place, topic) in read.Select(r => (Place: $"sources.{r.Key}", Topic: r.Value)).Concat(written).Where(u => own.Contains(u.Topic)))
            yield return new TopicConflict(place, topic, $"topic '{topic}' is the pipeline's own, for its state, manifests and redriven rows");
        foreach (var (place, topic) in written)
            if (read.FirstOrDefault(r => r.Value == topic) is { Key: { } source })
                yield return new TopicConflict(place, topic, $"topic '{topic}' is what source {source} reads: the pipeline would read what it writes, without end");
        foreach (var (place, topic) in written.Where(w => w.Place.StartsWith("sinks.", StringComparison.Ordinal)))
            if (topic == pipeline.DeadLetterTopic || topic == pipeline.LateTopic)
                yield return new TopicConflict(place, topic, $"topic '{topic}' is where the {(topic == pipeline.DeadLetterTopic ? "dead letters" : "late rows")} go: results need one of their own");
    }
}
