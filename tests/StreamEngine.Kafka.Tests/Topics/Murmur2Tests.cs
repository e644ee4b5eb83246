using System.Text;

namespace StreamEngine.Kafka.Topics;

/// <summary>The values that Kafka's own UtilsTest.testMurmur2 (clients, org.apache.kafka.common.utils) expects of Java's client.</summary>
public class Murmur2Tests
{
    [Theory]
    [InlineData("21", -973932308)]
    [InlineData("foobar", -790332482)]
    [InlineData("a-little-bit-long-string", -985981536)]
    [InlineData("a-little-bit-longer-string", -1486304829)]
    [InlineData("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)]
    [InlineData("abc", 479470107)]
    [InlineData("", 275646681)]
    public void Hashes_are_those_of_Javas_client(string key, int hash)
    {
        Assert.Equal(hash, Murmur2.Hash(Encoding.UTF8.GetBytes(key)));
        // Utils.toPositive clears the sign rather than taking the absolute value.
        Assert.Equal((hash & 0x7fffffff) % 7, Murmur2.PartitionOf(Encoding.UTF8.GetBytes(key), 7));
    }

    [Fact]
    public void Every_partition_is_reached_and_none_beyond()
    {
        foreach (var count in new[] { 1, 2, 3, 16, 100 })
            Assert.Equal(Enumerable.Range(0, count), Enumerable.Range(0, 5_000).Select(i => Murmur2.PartitionOf(BitConverter.GetBytes(i), count)).Distinct().Order());
    }
}
