using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Cli.Commands;

/// <summary>topic list, create, describe, delete.</summary>
internal static class TopicCommands
{
    public static Command Create()
    {
        var command = new Command("topic", "Topics of the Kafka cluster: list, create, describe, delete.\n\nExample:\n  ./engine topic create flights --partitions 4");
        command.Subcommands.Add(List());
        command.Subcommands.Add(CreateTopic());
        command.Subcommands.Add(Describe());
        command.Subcommands.Add(Delete());
        return command;
    }

    private static Command List()
    {
        var (cluster, json) = (new ClusterOptions(), CommonOptions.Json());
        var command = new Command("list", "Lists the topics with their partitions.\n\nExample:\n  ./engine topic list") { json };
        cluster.AddTo(command);
        command.SetAction((parsed, cancel) => Guarded.RunAsync(async () =>
        {
            using var topics = new KafkaTopics(cluster.Of(parsed), NullLogger.Instance);
            var all = await topics.ListAsync(cancel);
            var width = all.Select(t => t.Name.Length).DefaultIfEmpty(0).Max();
            foreach (var topic in all)
                Console.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(new { topic = topic.Name, partitions = topic.Partitions })
                    : $"{topic.Name.PadRight(width)}  {topic.Partitions} partitions");
            return ExitCodes.Done;
        }));
        return command;
    }

    private static Command CreateTopic()
    {
        var name = new Argument<string>("topic") { Description = "The topic's name." };
        var partitions = new Option<int>("--partitions") { Description = "How many partitions.", DefaultValueFactory = _ => 1 };
        var configs = new Option<string[]>("--config") { Description = "A setting of the topic, key=value; may be repeated." };
        var (cluster, json) = (new ClusterOptions(), CommonOptions.Json());
        var command = new Command("create", "Creates a topic.\n\nExample:\n  ./engine topic create flights --partitions 4 --config retention.ms=-1") { name, partitions,
            configs, json };
        cluster.AddTo(command);
        command.SetAction((parsed, cancel) => Guarded.RunAsync(async () =>
        {
            var settings = new Dictionary<string, string>();
            foreach (var config in parsed.GetValue(configs) ?? [])
            {
                var at = config.IndexOf('=');
                if (at <= 0) throw new StartupException($"'{config}' is no setting: write key=value");
                settings[config[..at]] = config[(at + 1)..];
            }
            using var topics = new KafkaTopics(cluster.Of(parsed), NullLogger.Instance);
            if (await topics.FindAsync(parsed.GetValue(name)!, cancel) is { } present)
                throw new StartupException($"topic '{present.Name}' exists already, with {present.Partitions} partitions");
            await topics.CreateAsync(parsed.GetValue(name)!, parsed.GetValue(partitions), settings, cancel);
            Console.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(new { topic = parsed.GetValue(name), partitions = parsed.GetValue(partitions) })
                : $"created {parsed.GetValue(name)} with {parsed.GetValue(partitions)} partitions");
            return ExitCodes.Done;
        }));
        return command;
    }

    private static Command Describe()
    {
        var name = new Argument<string>("topic") { Description = "The topic's name." };
        var (cluster, json) = (new ClusterOptions(), CommonOptions.Json());
        var command = new Command("describe", "Shows a topic's id and the offsets of its partitions.\n\nExample:\n  ./engine topic describe flights") { name, json };
        cluster.AddTo(command);
        command.SetAction((parsed, cancel) => Guarded.RunAsync(async () =>
        {
            using var topics = new KafkaTopics(cluster.Of(parsed), NullLogger.Instance);
            var topic = await topics.FindAsync(parsed.GetValue(name)!, cancel) ?? throw Missing(parsed.GetValue(name)!, cluster.Bootstrap(parsed));
            var first = await topics.OffsetsAsync(topic, Kafka.Sources.StartPosition.Earliest, 0, cancel);
            var rows = new List<(int Partition, long First, long Stable, long High)>();
            for (var p = 0; p < topic.Partitions; p++)
            {
                var (stable, high) = await topics.EndsAsync(topic.Name, p, cancel);
                rows.Add((p, first[p], stable, high));
            }
            if (!parsed.GetValue(json)) Console.WriteLine($"{topic.Name}  id {topic.Id}");
            foreach (var row in rows)
                Console.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(new { topic = topic.Name, id = topic.Id, partition = row.Partition, first = row.First,
                    last_stable = row.Stable, high_watermark = row.High })
                    : $"  partition {row.Partition}: offsets {row.First} to {row.High}{(row.Stable < row.High ? $", last stable {row.Stable}: a transaction is open" : "")}");
            return ExitCodes.Done;
        }));
        return command;
    }

    private static Command Delete()
    {
        var name = new Argument<string>("topic") { Description = "The topic's name." };
        var (cluster, json) = (new ClusterOptions(), CommonOptions.Json());
        var command = new Command("delete", "Deletes a topic with all its records.\n\nExample:\n  ./engine topic delete flights") { name, json };
        cluster.AddTo(command);
        command.SetAction((parsed, cancel) => Guarded.RunAsync(async () =>
        {
            using var topics = new KafkaTopics(cluster.Of(parsed), NullLogger.Instance);
            _ = await topics.FindAsync(parsed.GetValue(name)!, cancel) ?? throw Missing(parsed.GetValue(name)!, cluster.Bootstrap(parsed));
            await topics.DeleteAsync(parsed.GetValue(name)!, cancel);
            Console.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(new { deleted = parsed.GetValue(name) }) : $"deleted {parsed.GetValue(name)}");
            return ExitCodes.Done;
        }));
        return command;
    }

    private static StartupException Missing(string topic, string bootstrap) =>
        new($"topic '{topic}' does not exist on {bootstrap}\n  what there is:                ./engine topic list --bootstrap {bootstrap}");
}
