using StreamEngine.Broker.Core;

namespace StreamEngine.Broker.Protocol;

/// <summary>
/// Requests that are sound, small for what they ask, and ask for far too much: many of one thing, or one thing many times. Each is answered in a time
/// that grows with its length and no faster (else these tests take minutes), or refused.
/// </summary>
public class GreedyRequestTests
{
    private const int Many = 100_000;
    private readonly CoreClient _client = new(options: new BrokerOptions { Seed = 7, MaxPartitions = 5000 });

    public GreedyRequestTests() => _client.CreateTopic("t", 2);

    private List<ErrorCode> Create(IReadOnlyCollection<string> names, int partitions, bool validateOnly = false)
    {
        var r = CoreClient.Answer(_client.Send(ApiKey.CreateTopics, 4, w =>
        {
            w.Count(names.Count);
            foreach (var name in names)
            {
                w.String(name);
                w.Int32(partitions);
                w.Int16(1);
                w.Count(0);
                w.Count(0);
            }
            w.Int32(1000);
            w.Bool(validateOnly);
        }));
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            var error = (ErrorCode)x.Int16();
            x.NullableString();
            return error;
        });
    }

    private ErrorCode CreatePartitions(string name, int count)
    {
        var r = CoreClient.Answer(_client.Send(ApiKey.CreatePartitions, 1, w =>
        {
            w.Count(1);
            w.String(name);
            w.Int32(count);
            w.NullArray();
            w.Int32(1000);
            w.Bool(false);
        }));
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            return (ErrorCode)x.Int16();
        })[0];
    }

    [Fact]
    public void Many_topics_in_one_request_are_created_as_far_as_there_is_room()
    {
        var names = Enumerable.Range(0, Many).Select(i => $"n{i}").Append("n7").Append("n7").ToList();
        var errors = Create(names, 1);
        Assert.Equal(4998, errors.Count(e => e == ErrorCode.None));
        Assert.Equal([ErrorCode.InvalidRequest, ErrorCode.InvalidRequest, ErrorCode.InvalidRequest], [errors[7], errors[^1], errors[^2]]);
        Assert.Equal(ErrorCode.InvalidPartitions, errors[6000]);
        // All of them at once are deleted in one request, with the offsets that were committed for them.
        var r = CoreClient.Answer(_client.Send(ApiKey.DeleteTopics, 1, w =>
        {
            w.Count(names.Count);
            foreach (var name in names) w.String(name);
            w.Int32(1000);
        }));
        r.Int32();
        Assert.Equal(4998, r.Array(static (ref ProtocolReader x) => (x.String(), (ErrorCode)x.Int16())).Count(e => e.Item2 == ErrorCode.None));
        Assert.Equal(ErrorCode.None, _client.CreateTopic("n7"));
    }

    [Fact]
    public void What_is_only_checked_is_counted_too() =>
        Assert.Equal(49, Create([.. Enumerable.Range(0, 60).Select(i => $"n{i}")], 100, validateOnly: true).Count(e => e == ErrorCode.None));

    [Fact]
    public void Counts_that_would_overflow_find_no_room()
    {
        Assert.Equal([ErrorCode.InvalidPartitions], Create(["new"], int.MaxValue));
        Assert.Equal(ErrorCode.InvalidPartitions, CreatePartitions("t", int.MaxValue));
    }

    [Fact]
    public void A_request_has_a_bounded_number_of_items()
    {
        var error = Assert.Throws<ProtocolException>(() => Create([.. Enumerable.Range(0, 150_001).Select(i => $"n{i}")], 1));
        Assert.Contains("items", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_has_a_bounded_length()
    {
        var error = Assert.Throws<ProtocolException>(() => _client.Send(ApiKey.DescribeConfigs, 4, w =>
        {
            w.Count(Many);
            for (var i = 0; i < Many; i++)
            {
                w.Int8(2);
                w.String("t");
                w.NullArray();
                w.Tags();
            }
            w.Bool(false);
            w.Bool(false);
        }));
        Assert.Contains("answer", error.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.None, _client.CreateTopic("still-alive"));
    }

    [Fact]
    public void A_partition_that_joins_a_transaction_many_times_gets_one_marker()
    {
        var (_, id, epoch) = _client.InitProducerId("a");
        _client.Send(ApiKey.AddPartitionsToTxn, 3, w =>
        {
            w.String("a");
            w.Int64(id);
            w.Int16(epoch);
            w.Count(1);
            w.String("t");
            w.Int32Array([.. Enumerable.Range(0, Many).Select(i => i % 2)]);
            w.Tags();
        });
        Assert.Equal(ErrorCode.None, _client.End("a", id, epoch, commit: true));
        Assert.Equal([1L, 1L], new[] { 0, 1 }.Select(p => _client.Fetch("t", 0, partition: p).HighWatermark));
    }

    [Fact]
    public void A_transaction_holds_a_bounded_number_of_groups()
    {
        var (_, id, epoch) = _client.InitProducerId("a");
        for (var i = 0; i < 1000; i++) Assert.Equal(ErrorCode.None, _client.AddOffsets("a", id, epoch, $"g{i}"));
        Assert.Equal(ErrorCode.InvalidRequest, _client.AddOffsets("a", id, epoch, "one too many"));
        Assert.Equal(ErrorCode.None, _client.AddOffsets("a", id, epoch, "g3"));
    }

    [Fact]
    public void A_partition_is_read_once_in_a_request()
    {
        for (var i = 0; i < 100; i++) _client.Produce("t", Batches.Make(size: 100));
        var r = CoreClient.Answer(_client.Send(ApiKey.ListOffsets, 3, w =>
        {
            w.Int32(-1);
            w.Int8(0);
            w.Count(1);
            w.String("t");
            w.Count(3);
            foreach (var partition in new[] { 0, 1, 0 })
            {
                w.Int32(partition);
                w.Int64(1000);
            }
        }));
        r.Int32();
        Assert.Equal([ErrorCode.None, ErrorCode.None, ErrorCode.InvalidRequest], r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            return x.Array(static (ref ProtocolReader y) =>
            {
                y.Int32();
                var error = (ErrorCode)y.Int16();
                y.Int64();
                y.Int64();
                return error;
            });
        })[0]);
        CoreClient.Answer(_client.Send(ApiKey.DeleteRecords, 1, w =>
        {
            w.Count(1);
            w.String("t");
            w.Count(2);
            foreach (var offset in new[] { 10L, 20L })
            {
                w.Int32(0);
                w.Int64(offset);
            }
            w.Int32(1000);
        }));
        Assert.Equal(10, _client.Fetch("t", 10).StartOffset);
    }

    [Fact]
    public void Members_have_few_protocols_and_leave_a_few_at_a_time()
    {
        var r = CoreClient.Answer(_client.Send(ApiKey.JoinGroup, 0, w =>
        {
            w.String("g");
            w.Int32(10_000);
            w.String("");
            w.String("consumer");
            w.Count(33);
            for (var i = 0; i < 33; i++)
            {
                w.String($"p{i}");
                w.Bytes([]);
            }
        }));
        Assert.Equal(ErrorCode.InvalidRequest, (ErrorCode)r.Int16());
        Assert.Throws<ProtocolException>(() => _client.Send(ApiKey.LeaveGroup, 3, w =>
        {
            w.String("g");
            w.Count(1001);
            for (var i = 0; i < 1001; i++)
            {
                w.String($"m{i}");
                w.NullableString(null);
            }
        }));
    }

    [Fact]
    public void Lists_are_filtered_by_many_names_at_once()
    {
        for (var i = 0; i < 2000; i++) _client.InitProducerId($"id{i}");
        var r = CoreClient.Answer(_client.Send(ApiKey.ListTransactions, 0, w =>
        {
            w.Count(1);
            w.String("Empty");
            w.Count(Many);
            for (var i = 0; i < Many; i++) w.Int64(1999 + i);
        }));
        r.Int32();
        Assert.Equal(ErrorCode.None, (ErrorCode)r.Int16());
        Assert.Empty(r.StringArray());
        Assert.Single(r.Array(static (ref ProtocolReader x) => (x.String(), x.Int64(), x.String())));
    }
}
