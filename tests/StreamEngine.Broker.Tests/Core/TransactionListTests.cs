using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Core;

/// <summary>What an operator asks when readers wait for a transaction (KIP-664, KIP-994), in raw requests: librdkafka has none of them.</summary>
public class TransactionListTests
{
    private readonly CoreClient _client = new();

    private List<(string Id, long ProducerId, string State)> List(string? state = null, long openFor = -1)
    {
        var r = CoreClient.Answer(_client.Send(ApiKey.ListTransactions, 1, w =>
        {
            w.Count(state is null ? 0 : 1);
            if (state is not null) w.String(state);
            w.Count(0);
            w.Int64(openFor);
        }));
        r.Int32();
        Assert.Equal(ErrorCode.None, (ErrorCode)r.Int16());
        Assert.Equal(state == "NoSuchState" ? [state] : [], r.StringArray());
        return r.Array(static (ref ProtocolReader x) =>
        {
            var one = (x.String(), x.Int64(), x.String());
            x.Tags();
            return one;
        });
    }

    [Fact]
    public void Transactions_are_listed_by_state_and_by_how_long_they_are_open()
    {
        var (_, a, epoch) = _client.InitProducerId("a");
        var (_, b, _) = _client.InitProducerId("b");
        _client.CreateTopic("t");
        _client.AddPartition("b", b, epoch, "t");
        Assert.Equal([("a", a, "Empty"), ("b", b, "Ongoing")], List());
        Assert.Equal([("b", b, "Ongoing")], List("Ongoing"));
        Assert.Empty(List("NoSuchState"));
        Assert.Empty(List(openFor: 1000));
        _client.Now += 1000;
        Assert.Equal([("b", b, "Ongoing")], List(openFor: 1000));
    }

    [Fact]
    public void The_producer_that_holds_readers_back_is_found_and_described()
    {
        _client.CreateTopic("t", 2);
        var (_, id, epoch) = _client.InitProducerId("a", timeout: 30_000);
        _client.AddPartition("a", id, epoch, "t", partition: 1);
        _client.Produce("t", Batches.Make(3, id, epoch, 0, transactional: true), partition: 1);
        var r = CoreClient.Answer(_client.Send(ApiKey.DescribeProducers, 0, w =>
        {
            w.Count(1);
            w.String("t");
            w.Int32Array([1]);
            w.Tags();
        }));
        r.Int32();
        Assert.Equal((id, (int)epoch, 2, 0L), r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            return x.Array(static (ref ProtocolReader y) =>
            {
                Assert.Equal((1, 0, null), (y.Int32(), y.Int16(), y.NullableString()));
                return y.Array(static (ref ProtocolReader z) =>
                {
                    var (producer, its, sequence) = (z.Int64(), z.Int32(), z.Int32());
                    z.Int64();
                    z.Int32();
                    return (producer, its, sequence, z.Int64());
                })[0];
            })[0];
        })[0]);

        var d = CoreClient.Answer(_client.Send(ApiKey.DescribeTransactions, 0, w =>
        {
            w.Count(2);
            w.String("a");
            w.String("nobody");
        }));
        d.Int32();
        var described = d.Array(static (ref ProtocolReader x) =>
        {
            var one = (Error: (ErrorCode)x.Int16(), Id: x.String(), State: x.String(), Timeout: x.Int32(), Started: x.Int64(), Producer: x.Int64(), Epoch: x.Int16());
            var partitions = x.Array(static (ref ProtocolReader y) =>
            {
                var topic = (y.String(), y.Int32Array().Single());
                y.Tags();
                return topic;
            });
            x.Tags();
            return (one, partitions);
        });
        Assert.Equal((ErrorCode.None, "a", "Ongoing", 30_000, _client.Now, id, epoch), described[0].one);
        Assert.Equal([("t", 1)], described[0].partitions);
        Assert.Equal(ErrorCode.TransactionalIdNotFound, described[1].one.Error);
    }
}
