using System.Net;
using System.Net.Sockets;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>How brokers' names become addresses.</summary>
public sealed class ResolvingTests
{
    private static Task<IPAddress[]> NeverAsync() => new TaskCompletionSource<IPAddress[]>().Task;

    [Fact]
    public async Task The_end_of_a_source_does_not_wait_for_a_name()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1);
        var asked = new TaskCompletionSource();
        var topic = new FetchedTopic(cluster, change: s => s with
        {
            Resolve = (_, _, _) =>
            {
                asked.TrySetResult();
                return NeverAsync();
            },
            LongestMetadata = TimeSpan.FromMinutes(5), ConnectTimeout = TimeSpan.FromMinutes(5),
        });
        await asked.Task;
        await topic.DisposeAsync();
    }

    [Fact]
    public async Task A_name_that_is_not_resolved_in_time_is_told_and_another_broker_is_asked()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, bootstrap: $"hangs.example:9092,127.0.0.1:{broker.Port}", change: s => s with
        {
            Resolve = (host, family, cancellation) => host == "hangs.example" ? NeverAsync() : Dns.GetHostAddressesAsync(host, family, cancellation),
            ConnectTimeout = TimeSpan.FromMilliseconds(200),
        });
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        await topic.ToldAsync("Warning: broker hangs.example:9092 cannot be asked for the leaders of flights: the name 'hangs.example' is not resolved after 0.2 s");
    }

    [Theory]
    [InlineData("any", AddressFamily.Unspecified)]
    [InlineData("v4", AddressFamily.InterNetwork)]
    [InlineData("v6", AddressFamily.InterNetworkV6)]
    public async Task Only_addresses_of_the_configured_family_are_gone_to(string setting, AddressFamily expected)
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Append(0, "a");
        // A name with an address of either family, of which only the second one is listened on.
        IPAddress[] addresses = [IPAddress.IPv6Loopback, IPAddress.Loopback];
        await using var topic = new FetchedTopic(cluster, settings: ("broker.address.family", setting), change: s => s with
        {
            Resolve = (_, family, _) =>
            {
                Assert.Equal(expected, family);
                return Task.FromResult(Array.FindAll(addresses, a => family is AddressFamily.Unspecified || a.AddressFamily == family));
            },
        });
        if (setting == "v6") await topic.ToldAsync($"Warning: broker 127.0.0.1:{broker.Port} cannot be asked for the leaders of flights: ");
        else Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        Assert.Equal(setting == "v6", cluster.Fetches.IsEmpty);
    }
}
