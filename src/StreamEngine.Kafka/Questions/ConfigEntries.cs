using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Questions;

/// <summary>Settings of topics and brokers (DescribeConfigs).</summary>
internal static class ConfigEntries
{
    private const sbyte TopicResource = 2;
    private const sbyte BrokerResource = 4;
    private const sbyte SetForTopic = 1;
    private const int FirstFlexible = 4;

    /// <summary>By topic its settings by name.</summary>
    /// <exception cref="RefusedException">A topic is not there, or may not be described.</exception>
    public static IReadOnlyDictionary<string, Dictionary<string, TopicSetting>> OfTopics(QuestionRound round, IReadOnlyCollection<string> topics)
    {
        // For the next question, where this is the first one.
        if (round.Brokers.Count == 0) round.AskBrokers();
        return round.AskFirst(broker => Ask(broker, TopicResource, topics));
    }

    /// <summary>A setting of one of the brokers; null where it does not say.</summary>
    public static string? OfBroker(QuestionRound round, string name)
    {
        var (node, address) = round.AskBrokers().First();
        var settings = round.Ask(address, broker => Ask(broker, BrokerResource, [$"{node}"]));
        return settings[$"{node}"].GetValueOrDefault(name)?.Value;
    }

    private static Dictionary<string, Dictionary<string, TopicSetting>> Ask(BrokerConnection broker, sbyte type, IReadOnlyCollection<string> names)
    {
        var version = broker.VersionOf(BrokerConnection.DescribeConfigs, 1, 4);
        var w = broker.Begin(BrokerConnection.DescribeConfigs, version, version >= FirstFlexible);
        w.Count(names.Count);
        foreach (var name in names)
        {
            w.Int8(type);
            w.String(name);
            // All settings.
            w.Count(-1);
            w.Tags();
        }
        // Neither synonyms nor documentation.
        w.Bool(false);
        if (version >= 3) w.Bool(false);
        w.Tags();
        broker.Send();
        return Read(broker.Receive(version >= FirstFlexible), version, type == TopicResource ? "topic" : "broker", names);
    }

    /// <summary>A whole answer: by resource its settings.</summary>
    /// <param name="r">Stands behind the response's head.</param>
    /// <param name="version">Of the request.</param>
    /// <param name="kind">What they are settings of, for messages.</param>
    /// <param name="names">Which ones were asked about.</param>
    internal static Dictionary<string, Dictionary<string, TopicSetting>> Read(ResponseReader r, short version, string kind,
        IReadOnlyCollection<string> names)
    {
        var settings = new Dictionary<string, Dictionary<string, TopicSetting>>();
        RefusedException? refused = null;
        r.Int32();
        for (var left = r.Count(6); left > 0; left--)
        {
            var error = r.Error();
            r.NullableString();
            r.Int8();
            var name = r.String();
            settings[name] = ReadSettings(r, version);
            r.Tags();
            if (error != KafkaError.None) refused ??= new RefusedException($"the settings of {kind} '{name}'", error);
        }
        r.Tags();
        r.End();
        if (refused is not null) throw refused;
        return names.FirstOrDefault(n => !settings.ContainsKey(n)) is { } missing ? throw new MalformedException($"no settings of '{missing}'") : settings;
    }

    private static Dictionary<string, TopicSetting> ReadSettings(ResponseReader r, short version)
    {
        var settings = new Dictionary<string, TopicSetting>();
        for (var left = r.Count(6); left > 0; left--)
        {
            var name = r.String();
            var value = r.NullableString();
            r.Int8();
            var source = r.Int8();
            r.Int8();
            for (var synonyms = r.Count(3); synonyms > 0; synonyms--)
            {
                r.String();
                r.NullableString();
                r.Int8();
                r.Tags();
            }
            if (version >= 3)
            {
                r.Int8();
                r.NullableString();
            }
            r.Tags();
            settings[name] = new TopicSetting(value, source == SetForTopic);
        }
        return settings;
    }
}
