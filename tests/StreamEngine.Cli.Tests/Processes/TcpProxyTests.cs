using System.Net;
using System.Net.Sockets;
using StreamEngine.Cli.Processes;

namespace StreamEngine.Cli.Tests.Processes;

/// <summary>The proxy's faults, with an echo in the broker's place.</summary>
public sealed class TcpProxyTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TcpListener _echo = new(IPAddress.Loopback, 0);
    private readonly TcpProxy _proxy = TcpProxy.Start(TimeProvider.System);
    private Task _echoing = Task.CompletedTask;

    public Task InitializeAsync()
    {
        _echo.Start();
        _proxy.Target = (IPEndPoint)_echo.LocalEndpoint;
        _echoing = EchoAsync();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _echo.Stop();
        await _echoing;
    }

    private async Task EchoAsync()
    {
        var open = new List<Task>();
        while (true)
        {
            try
            {
                open.Add(EchoAsync(await _echo.AcceptTcpClientAsync()));
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException)
            {
                // It was stopped: while it waited, between two of them, or for good.
                await Task.WhenAll(open);
                return;
            }
        }
    }

    private static async Task EchoAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await client.GetStream().CopyToAsync(client.GetStream());
            }
            catch (IOException)
            {
                // The proxy has reset it.
            }
        }
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _proxy.Port);
        return client;
    }

    /// <summary>How many bytes come until so many are there or the connection is gone, and whether it is.</summary>
    private static async Task<(int Bytes, bool IsReset)> ReadAsync(TcpClient client, int wanted)
    {
        using var patience = new CancellationTokenSource(Patience);
        var (bytes, buffer) = (0, new byte[4096]);
        try
        {
            while (bytes < wanted)
            {
                var read = await client.GetStream().ReadAsync(buffer, patience.Token);
                if (read == 0) return (bytes, false);
                bytes += read;
            }
            return (bytes, false);
        }
        catch (IOException)
        {
            return (bytes, true);
        }
    }

    [Fact]
    public async Task Bytes_go_through_both_ways()
    {
        using var client = await ConnectAsync();
        await client.GetStream().WriteAsync(new byte[100_000]);
        Assert.Equal((100_000, false), await ReadAsync(client, 100_000));
    }

    [Fact]
    public async Task Connections_are_refused_and_then_taken_again_on_the_same_port()
    {
        await _proxy.RefuseAsync();
        Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(ConnectAsync)).SocketErrorCode);
        await _proxy.RefuseAsync();
        Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(ConnectAsync)).SocketErrorCode);
        _proxy.Heal();
        await Bytes_go_through_both_ways();
    }

    [Theory]
    [InlineData(ProxyWay.ToBroker)]
    [InlineData(ProxyWay.ToClient)]
    public async Task What_is_stalled_comes_when_it_is_healed(object way)
    {
        using var client = await ConnectAsync();
        _proxy.Stall((ProxyWay)way);
        await client.GetStream().WriteAsync(new byte[10]);
        var read = ReadAsync(client, 10);
        Assert.NotSame(read, await Task.WhenAny(read, Task.Delay(300)));
        _proxy.Heal();
        Assert.Equal((10, false), await read);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(50_000)]
    public async Task A_connection_is_reset_behind_the_byte_that_was_named_and_the_next_one_is_not(int bytes)
    {
        using var other = await ConnectAsync();
        using var client = await ConnectAsync();
        _proxy.ResetAfter(bytes, ProxyWay.ToBroker);
        await client.GetStream().WriteAsync(new byte[bytes + 100]);
        // What came before it may be lost on the way back, as in a network; more than that never comes.
        var (came, _) = await ReadAsync(client, bytes + 100);
        Assert.True(came <= bytes, $"{came} bytes came of {bytes}");
        Assert.Equal(1, _proxy.Resets);
        await other.GetStream().WriteAsync(new byte[100]);
        Assert.Equal((100, false), await ReadAsync(other, 100));
    }

    [Fact]
    public async Task A_response_breaks_off_in_its_middle()
    {
        using var client = await ConnectAsync();
        _proxy.ResetAfter(4, ProxyWay.ToClient);
        await client.GetStream().WriteAsync(new byte[10]);
        var (came, isReset) = await ReadAsync(client, 10);
        Assert.True(isReset && came <= 4, $"{came} bytes came, reset: {isReset}");
    }

    [Fact]
    public async Task All_connections_are_cut_at_once()
    {
        using var one = await ConnectAsync();
        using var two = await ConnectAsync();
        foreach (var client in new[] { one, two })
        {
            await client.GetStream().WriteAsync(new byte[1]);
            Assert.Equal((1, false), await ReadAsync(client, 1));
        }
        _proxy.CutAll();
        Assert.Equal((0, true), await ReadAsync(one, 1));
        Assert.Equal((0, true), await ReadAsync(two, 1));
    }
}
