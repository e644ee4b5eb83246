using System.CommandLine;
using StreamEngine.Cli.Terminal;

namespace StreamEngine.Cli.Commands;

/// <summary>All commands, in the order in which help lists them.</summary>
internal static class CommandTree
{
    public static RootCommand Create()
    {
        var root = new RootCommand("StreamEngine: exactly-once stream processing on Akka.Streams and Kafka.\n\nExample:\n  ./engine demo\n  ./engine run hocon/pipelines/flights.conf --bootstrap 127.0.0.1:9092");
        root.Subcommands.Add(DemoCommand.Create());
        root.Subcommands.Add(TestCommand.Create());
        root.Subcommands.Add(BenchCommand.Create());
        root.Subcommands.Add(SimulateCommand.Create());
        root.Subcommands.Add(SoakCommand.Create());
        root.Subcommands.Add(RunCommand.Create());
        root.Subcommands.Add(PipelineCommands.Create());
        root.Subcommands.Add(BrokerCommand.Create());
        root.Subcommands.Add(TopicCommands.Create());
        root.Subcommands.Add(ProduceCommand.Create());
        root.Subcommands.Add(ConsumeCommand.Create());
        root.Subcommands.Add(DlqCommands.Create());
        root.Subcommands.Add(ReplayCommands.Create());
        HelpTexts.Apply(root);
        return root;
    }
}
