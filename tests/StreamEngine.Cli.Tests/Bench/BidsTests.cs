using System.Text;
using StreamEngine.Cli.Bench;

namespace StreamEngine.Cli.Tests.Bench;

public sealed class BidsTests
{
    [Fact]
    public void Random_numbers_are_the_ones_of_the_reference()
    {
        var random = new SplittableRandom(42);
        Assert.Equal((0, 1, 2481), (random.NextInt(2), random.NextInt(4), random.NextInt(10_000)));
        Assert.Equal(0.34419071652363753, random.NextDouble());
        Assert.Equal(701532786141963250, random.NextLong());
        random = new SplittableRandom(-1);
        Assert.Equal((-1607013479, 495956131), (random.NextInt(), random.NextInt()));
        random = new SplittableRandom(2);
        Assert.Equal(380578430, random.NextInt(1073741825));
    }

    [Fact]
    public void A_bid_has_about_180_bytes_and_is_the_same_each_time()
    {
        var (bids, buffer) = (new Bids(), new byte[512]);
        var length = Enumerable.Range(0, 1000).Sum(n => bids.WriteJson(n, buffer));
        Assert.InRange(length / 1000, 165, 200);
        var text = Encoding.UTF8.GetString(buffer, 0, bids.WriteJson(999, buffer));
        Assert.Equal(text, Encoding.UTF8.GetString(buffer, 0, new Bids().WriteJson(999, buffer)));
    }
}
