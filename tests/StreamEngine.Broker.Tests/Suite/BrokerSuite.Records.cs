using System.Text;
using Confluent.Kafka;

namespace StreamEngine.Broker.Suite;

public abstract partial class BrokerSuite
{
    [SkippableTheory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public async Task Records_come_back_as_they_were_sent(CompressionType codec)
    {
        var topic = await NewTopicAsync();
        using var producer = Producer(c =>
        {
            c.CompressionType = codec;
            c.LingerMs = 20;
        });
        var start = new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var sent = Enumerable.Range(0, 500).Select(i => new Message<byte[]?, byte[]?>
        {
            Key = i % 3 == 0 ? null : Encoding.UTF8.GetBytes($"key {i}"),
            Value = i % 50 == 7 ? null : Encoding.UTF8.GetBytes(new string((char)('a' + i % 26), i)),
            Timestamp = new Timestamp(start.AddMinutes(i)),
            Headers = [new Header("n", Encoding.UTF8.GetBytes($"{i}")), new Header("empty", null)],
        }).ToList();
        var reports = await Task.WhenAll(sent.Select(m => producer.ProduceAsync(topic, m)));
        Assert.Equal(Enumerable.Range(0, 500).Select(i => (long)i), reports.Select(r => r.Offset.Value));

        var read = ReadToEnd(topic);
        Assert.Equal(500, read.Count);
        for (var i = 0; i < 500; i++)
        {
            Assert.Equal(i, read[i].Offset.Value);
            Assert.Equal(sent[i].Key, read[i].Message.Key);
            Assert.Equal(sent[i].Value, read[i].Message.Value);
            Assert.Equal(sent[i].Timestamp.UnixTimestampMs, read[i].Message.Timestamp.UnixTimestampMs);
            Assert.Equal(TimestampType.CreateTime, read[i].Message.Timestamp.Type);
            Assert.Equal(["n", "empty"], read[i].Message.Headers.Select(h => h.Key));
        }
        // From the middle of a batch as well.
        Assert.Equal(250, ReadToEnd(topic, from: 250).Count);
    }
}
