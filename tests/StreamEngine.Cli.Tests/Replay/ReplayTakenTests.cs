using System.Text.Json;
using StreamEngine.Cli.Tests.Suite;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>What the commands say of a replay that has taken its target and died before it had committed anything.</summary>
[Collection(ConsoleCollection.Name)]
public sealed class ReplayTakenTests(BrokerFixture broker) : IClassFixture<BrokerFixture>
{
    [Fact]
    public async Task It_is_listed_refused_by_name_and_cancelled()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        var file = Path.Combine(Path.GetTempPath(), $"{lab.Name}-{Guid.NewGuid():N}.conf");
        await File.WriteAllTextAsync(file, lab.Text);
        try
        {
            Assert.NotNull(await lab.PrepareAsync(0));
            var id = lab.Replay(0).Id;
            Assert.Matches($"{id} .*nothing committed yet", (await Suite.Cli.RunAsync("replay", "status", file)).Out);
            foreach (string[] of in (string[][])[[file], ["--bootstrap", broker.Bootstrap]])
            {
                var status = JsonDocument.Parse((await Suite.Cli.RunAsync(["replay", "status", "--json", .. of])).Out).RootElement;
                Assert.Equal((id, lab.Name, "shadow", false, JsonValueKind.Null), (status.GetProperty("replay").GetString(), status.GetProperty("pipeline").GetString(),
                    status.GetProperty("into").GetString(), status.GetProperty("finished").GetBoolean(), status.GetProperty("epoch").ValueKind));
            }
            var (code, _, why) = await Suite.Cli.RunAsync("replay", "diff", file);
            Assert.Equal(1, code);
            Assert.Contains($"replay {id} is not finished: it has committed nothing yet\n", why, StringComparison.Ordinal);
            (code, _, why) = await Suite.Cli.RunAsync("replay", "start", file, "--from", "1970-01-01T01:00:00Z", "--to", "1970-01-01T02:00:00Z");
            Assert.Equal(1, code);
            Assert.Contains($"replay {id} writes into 'shadow' already: process ", why, StringComparison.Ordinal);
            (code, var text, _) = await Suite.Cli.RunAsync("replay", "cancel", file);
            Assert.Equal((0, $"replay {id} is cancelled; its topics are deleted"), (code, text.Trim()));
            Assert.Equal("0 replays", (await Suite.Cli.RunAsync("replay", "status", file)).Out.Trim());
        }
        finally
        {
            File.Delete(file);
        }
    }
}
