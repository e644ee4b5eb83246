using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using StreamEngine.Broker.Core;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Suite;

namespace StreamEngine.Broker.Hosting;

/// <summary>The host around the core: sockets, limits, hostile peers, stop and restart.</summary>
public class HostTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static async Task<TcpClient> ConnectAsync(BrokerHost host)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, host.Port);
        return client;
    }

    private static async Task SendAsync(TcpClient client, byte[] request)
    {
        var frame = new byte[4 + request.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, request.Length);
        request.CopyTo(frame, 4);
        await client.GetStream().WriteAsync(frame);
    }

    private static async Task<byte[]> ReceiveAsync(TcpClient client)
    {
        using var patience = new CancellationTokenSource(Patience);
        var head = new byte[4];
        await client.GetStream().ReadExactlyAsync(head, patience.Token);
        var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head)];
        await client.GetStream().ReadExactlyAsync(body, patience.Token);
        return body;
    }

    private static async Task AssertClosedAsync(TcpClient client)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            Assert.Equal(0, await client.GetStream().ReadAsync(new byte[10], patience.Token));
        }
        catch (IOException)
        {
            // A reset is a close as well.
        }
    }

    [Fact]
    public async Task Hostile_bytes_close_their_connection_with_a_line_and_nothing_else()
    {
        var log = new LogLines();
        await using var host = await BrokerHost.StartAsync(new BrokerOptions(), log, TimeProvider.System);
        var hostile = new List<byte[]>
        {
            new byte[] { 0x7F, 0xFF, 0xFF, 0xFF, 0, 0 },
            new byte[] { 0x80, 0, 0, 0, 0, 0 },
            new byte[] { 0xFF, 0xFF, 0xFF, 0xFF },
            new byte[] { 0, 0, 0, 0 },
            new byte[] { 0, 0, 0, 3, 1, 2, 3 },
            new byte[] { 0, 0, 0, 10, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(),
            new byte[] { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3 },
        };
        foreach (var bytes in hostile)
        {
            using var client = await ConnectAsync(host);
            await client.GetStream().WriteAsync(bytes);
            await AssertClosedAsync(client);
        }
        // A claim of many bytes that never come holds no memory for them.
        using var slow = await ConnectAsync(host);
        await slow.GetStream().WriteAsync(new byte[] { 6, 0, 0, 0, 1 });
        using var good = await ConnectAsync(host);
        await SendAsync(good, CoreClient.Encode(ApiKey.ApiVersions, 0, static _ => { }));
        Assert.NotEmpty(await ReceiveAsync(good));
        int Told() => log.Lines.Count(l => l.StartsWith("Warning: Connection of", StringComparison.Ordinal));
        // A connection may be closed a moment before its line is written.
        for (var i = 0; i < 100 && Told() < hostile.Count; i++) await Task.Delay(50);
        Assert.Equal(hostile.Count, Told());
        Assert.DoesNotContain(log.Lines, l => l.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Answers_come_in_the_order_of_the_requests_of_a_connection()
    {
        await using var host = await BrokerHost.StartAsync(new BrokerOptions { AutoCreateTopics = true }, new LogLines(), TimeProvider.System);
        using var client = await ConnectAsync(host);
        await SendAsync(client, CoreClient.Encode(ApiKey.Metadata, 9, w => RequestBodies.Write(w, ApiKey.Metadata, 9), 1));
        // A fetch that waits, and behind it one that need not.
        await SendAsync(client, CoreClient.Encode(ApiKey.Fetch, 12, w => CoreClient.WriteFetch(w, "t", 0, true, maxWait: 300), 2));
        for (var i = 3; i < 50; i++) await SendAsync(client, CoreClient.Encode(ApiKey.ApiVersions, 0, static _ => { }, i));
        for (var i = 1; i < 50; i++) Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(await ReceiveAsync(client)));
    }

    [Fact]
    public async Task Requests_and_connections_have_limits()
    {
        var log = new LogLines();
        await using var host = await BrokerHost.StartAsync(new BrokerOptions { MaxRequestBytes = 1000, MaxConnections = 2 }, log, TimeProvider.System);
        using var one = await ConnectAsync(host);
        await SendAsync(one, new byte[1001]);
        await AssertClosedAsync(one);
        using var two = await ConnectAsync(host);
        await SendAsync(two, CoreClient.Encode(ApiKey.ApiVersions, 0, static _ => { }));
        await ReceiveAsync(two);
        // A connection is closed a moment before its place is free again.
        using var patience = new CancellationTokenSource(Patience);
        TcpClient? served;
        while ((served = await ServedAsync(host)) is null) await Task.Delay(20, patience.Token);
        using var three = served;
        log.Lines.Clear();
        using var four = await ConnectAsync(host);
        await AssertClosedAsync(four);
        Assert.Contains(log.Lines, l => l.Contains("refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_that_asks_for_nothing_is_closed()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var host = await BrokerHost.StartAsync(new BrokerOptions { IdleTimeout = TimeSpan.FromSeconds(20) }, new LogLines(), time);
        using var silent = await ConnectAsync(host);
        using var halfway = await ConnectAsync(host);
        await halfway.GetStream().WriteAsync(new byte[] { 0, 0, 0, 100, 0, 0 });
        // A connection is idle from when the broker has taken it on, not from when the kernel has. They are taken on in their order: one that is served is behind both.
        Assert.True(await IsServedAsync(host));
        time.Advance(TimeSpan.FromSeconds(61));
        await AssertClosedAsync(silent);
        await AssertClosedAsync(halfway);
    }

    [Fact]
    public async Task A_client_that_does_not_take_its_answer_is_closed()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var options = new BrokerOptions { IdleTimeout = TimeSpan.FromSeconds(20), AutoCreateTopics = true, MaxConnections = 1 };
        await using var host = await BrokerHost.StartAsync(options, new LogLines(), time);
        using var greedy = await ConnectAsync(host);
        await SendAsync(greedy, CoreClient.Encode(ApiKey.Metadata, 9, w => RequestBodies.Write(w, ApiKey.Metadata, 9)));
        await ReceiveAsync(greedy);
        for (var i = 0; i < 20; i++)
        {
            await SendAsync(greedy, CoreClient.Encode(ApiKey.Produce, 9, w => CoreClient.WriteProduce(w, "missing", Batches.Make(size: 1_000_000))));
            await ReceiveAsync(greedy);
        }
        // 20 MB are more than the sockets' buffers hold: the broker waits for a reader that never comes.
        var all = CoreClient.Encode(ApiKey.Fetch, 12, w => CoreClient.WriteFetch(w, "missing", 0, true, maxBytes: 50 << 20, partitionBytes: 50 << 20));
        await SendAsync(greedy, all);
        Assert.NotEqual(0, await greedy.GetStream().ReadAsync(new byte[1]));
        time.Advance(TimeSpan.FromSeconds(61));
        // Its place is free again.
        using var patience = new CancellationTokenSource(Patience);
        while (!await IsServedAsync(host)) await Task.Delay(20, patience.Token);
    }

    private static async Task<bool> IsServedAsync(BrokerHost host)
    {
        using var client = await ServedAsync(host);
        return client is not null;
    }

    /// <summary>A new connection with an answer behind it; null where it was refused.</summary>
    private static async Task<TcpClient?> ServedAsync(BrokerHost host)
    {
        var client = await ConnectAsync(host);
        try
        {
            await SendAsync(client, CoreClient.Encode(ApiKey.ApiVersions, 0, static _ => { }));
            await ReceiveAsync(client);
            return client;
        }
        catch (IOException)
        {
            client.Dispose();
            return null;
        }
    }

    [Fact]
    public async Task A_port_that_is_taken_is_a_clear_error()
    {
        await using var host = await BrokerHost.StartAsync(new BrokerOptions(), new LogLines(), TimeProvider.System);
        var error = await Assert.ThrowsAsync<IOException>(() => BrokerHost.StartAsync(new BrokerOptions { Port = host.Port }, new LogLines(), TimeProvider.System));
        Assert.Contains($":{host.Port}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposal_ends_waiting_fetches_and_frees_the_port()
    {
        var host = await BrokerHost.StartAsync(new BrokerOptions { AutoCreateTopics = true }, new LogLines(), TimeProvider.System);
        using var client = await ConnectAsync(host);
        await SendAsync(client, CoreClient.Encode(ApiKey.Metadata, 9, w => RequestBodies.Write(w, ApiKey.Metadata, 9), 1));
        await ReceiveAsync(client);
        await SendAsync(client, CoreClient.Encode(ApiKey.Fetch, 12, w => CoreClient.WriteFetch(w, "t", 0, true, maxWait: 20_000), 2));
        await host.DisposeAsync();
        await host.DisposeAsync();
        await host.Stopped;
        await AssertClosedAsync(client);
        await using var again = await BrokerHost.StartAsync(new BrokerOptions { Port = host.Port }, new LogLines(), TimeProvider.System);
        Assert.Equal(host.Bootstrap, again.Bootstrap);
    }

    [Theory]
    [InlineData(FsyncPolicy.None)]
    [InlineData(FsyncPolicy.Always)]
    public async Task A_broker_that_restarts_in_a_transaction_lets_it_go_on(FsyncPolicy fsync)
    {
        var folder = Directory.CreateTempSubdirectory("broker-host-").FullName;
        try
        {
            var options = new BrokerOptions { DataDirectory = folder, Fsync = fsync };
            var host = await BrokerHost.StartAsync(options, new LogLines(), TimeProvider.System);
            using (var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = host.Bootstrap }).Build())
                await admin.CreateTopicsAsync([new TopicSpecification { Name = "t", NumPartitions = 1 }]);
            using var producer = new ProducerBuilder<Null, string>(new ProducerConfig
            {
                BootstrapServers = host.Bootstrap,
                TransactionalId = "a",
                ReconnectBackoffMs = 10
            }).Build();
            producer.InitTransactions(Patience);
            producer.BeginTransaction();
            producer.Produce("t", new Message<Null, string> { Value = "before" });
            producer.Flush(Patience);
            await host.DisposeAsync();
            host = await BrokerHost.StartAsync(options with { Port = host.Port }, new LogLines(), TimeProvider.System);
            producer.Produce("t", new Message<Null, string> { Value = "after" });
            producer.CommitTransaction(Patience);
            using var consumer = new ConsumerBuilder<Null, string>(new ConsumerConfig
            {
                BootstrapServers = host.Bootstrap,
                GroupId = "g",
                EnableAutoCommit = false
            }).Build();
            consumer.Assign(new TopicPartitionOffset("t", 0, 0));
            Assert.Equal("before", consumer.Consume(Patience).Message.Value);
            Assert.Equal("after", consumer.Consume(Patience).Message.Value);
            await host.DisposeAsync();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
