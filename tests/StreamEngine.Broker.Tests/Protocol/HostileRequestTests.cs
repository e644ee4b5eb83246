using StreamEngine.Broker.Api;
using StreamEngine.Broker.Core;

namespace StreamEngine.Broker.Protocol;

/// <summary>Bytes that no client would send: every prefix and many mutations of sound requests of every API and version end in an answer or a protocol error.</summary>
public class HostileRequestTests
{
    /// <summary>A sound request of each API in each version that is served.</summary>
    private static IEnumerable<(ApiKey Key, short Version, byte[] Bytes)> Requests()
    {
        foreach (var entry in ApiTable.Entries)
            for (var version = entry.Min; version <= entry.Max; version++)
            {
                var v = version;
                yield return (entry.Key, v, CoreClient.Encode(entry.Key, v, w => RequestBodies.Write(w, entry.Key, v)));
            }
    }

    private static CoreClient NewClient()
    {
        var client = new CoreClient(options: new BrokerOptions { Seed = 7, MaxPartitions = 200, MaxGroups = 50, MaxTransactionalIds = 50 });
        client.CreateTopic("t", 2);
        var (_, id, epoch) = client.InitProducerId("tx");
        client.AddPartition("tx", id, epoch, "t");
        client.Produce("t", Batches.Make(3));
        return client;
    }

    [Fact]
    public void Sound_requests_are_answered()
    {
        foreach (var (key, version, bytes) in Requests())
        {
            var client = NewClient();
            var exchange = new BrokerExchange(bytes);
            client.Core.Handle(exchange, client.Now);
            Assert.True(exchange.IsComplete && exchange.Response is not null, $"{key} {version}");
            Assert.Equal(exchange.Response!.TotalLength, exchange.Response.ToArray().Length);
        }
    }

    [Fact]
    public void Every_prefix_of_a_request_is_a_protocol_error()
    {
        var client = NewClient();
        foreach (var (key, version, bytes) in Requests())
            for (var size = 0; size < bytes.Length; size++)
            {
                var exchange = new BrokerExchange(bytes.AsMemory(0, size).ToArray());
                try
                {
                    client.Core.Handle(exchange, client.Now);
                }
                catch (ProtocolException)
                {
                    continue;
                }
                Assert.Fail($"{key} {version} was handled with {size} of its {bytes.Length} bytes");
            }
    }

    [Fact]
    public void Mutated_requests_end_in_an_answer_or_a_protocol_error()
    {
        var random = new Random(20010101);
        var requests = Requests().ToList();
        var client = NewClient();
        for (var round = 0; round < 60_000; round++)
        {
            if (round % 2000 == 0) client = NewClient();
            var bytes = Mutate(requests[random.Next(requests.Count)].Bytes, random);
            var exchange = new BrokerExchange(bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                client.Core.Handle(exchange, client.Now);
                if (!exchange.IsComplete) client.Core.Cancel(exchange);
                exchange.Response?.Dispose();
            }
            catch (ProtocolException)
            {
                // The host closes the connection.
            }
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 16 << 20, $"round {round} allocated too much");
        }
        Assert.Equal(0, client.Core.Waits.Count);
        Assert.Equal(ErrorCode.None, client.CreateTopic("still-alive"));
    }

    private static byte[] Mutate(byte[] sound, Random random)
    {
        var bytes = (byte[])sound.Clone();
        // The API key is left alone, so that its handler is met.
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            var at = random.Next(4, bytes.Length);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    for (var k = at; k < Math.Min(bytes.Length, at + 4); k++) bytes[k] = (byte)(random.Next(2) == 0 ? 0xFF : 0x7F);
                    break;
                default:
                    bytes = [.. bytes[..at], .. bytes[(at + random.Next(bytes.Length - at))..], .. bytes[..random.Next(at)]];
                    break;
            }
        }
        return bytes;
    }

    [Fact]
    public void Unknown_apis_and_versions_are_protocol_errors_but_ApiVersions_has_a_fallback()
    {
        var client = NewClient();
        foreach (var (key, version) in new (short, short)[] { (999, 0), (-1, 0), (0, 2), (0, 99), (1, -1), (18, -1), (18, 99) })
        {
            var exchange = new BrokerExchange(new byte[] { (byte)(key >> 8), (byte)key, (byte)(version >> 8), (byte)version, 0, 0, 0, 5, 0xFF, 0xFF });
            if (key != (short)ApiKey.ApiVersions)
            {
                Assert.Throws<ProtocolException>(() => client.Core.Handle(exchange, client.Now));
                continue;
            }
            client.Core.Handle(exchange, client.Now);
            var r = CoreClient.Answer(exchange);
            Assert.Equal(ErrorCode.UnsupportedVersion, (ErrorCode)r.Int16());
            Assert.Contains(r.Array(static (ref ProtocolReader x) => (x.Int16(), x.Int16(), x.Int16())), a => a == ((short)ApiKey.ApiVersions, 0, 4));
        }
    }
}
