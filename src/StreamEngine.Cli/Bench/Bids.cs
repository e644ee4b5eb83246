using System.Globalization;
using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Cli.Bench;

/// <summary>A bid of the Nexmark generator, without its texts.</summary>
internal readonly record struct Bid(long Auction, long Bidder, long Price, int Channel, long Time);

/// <summary>
/// Nexmark's bids, by number: the same ones on every machine. Hot auctions and bidders, prices and channels as the public generator draws them; the text of padding is
/// shortened, so that a bid has about 180 bytes as JSON, those of the measurement that we compare with.
/// </summary>
internal sealed class Bids
{
    public const string Schema =
        "auction BIGINT NOT NULL, bidder BIGINT NOT NULL, price BIGINT NOT NULL, channel STRING NOT NULL, url STRING NOT NULL, date_time TIMESTAMP NOT NULL, extra STRING NOT NULL";

    private const int Channels = 10_004;
    private const long BaseMillis = 1_436_918_400_000;
    private const int EventsPerMilli = 10;
    private const int FirstBid = 4;
    private const int BidsPerEpoch = 46;

    private readonly string[] _names = new string[Channels];
    private readonly string[] _urls = new string[Channels];

    public Bids()
    {
        var random = new SplittableRandom(-1);
        string[] hot = ["Google", "Facebook", "Baidu", "Apple"];
        for (var i = 0; i < Channels; i++)
        {
            _names[i] = i < hot.Length ? hot[i] : string.Create(CultureInfo.InvariantCulture, $"channel-{i - hot.Length}");
            _urls[i] = $"https://www.nexmark.com/{Word(ref random)}/{Word(ref random)}/{Word(ref random)}/item.htm?query=1";
        }
    }

    private static string Word(ref SplittableRandom random)
    {
        var text = new char[3 + random.NextInt(2)];
        for (var i = 0; i < text.Length; i++) text[i] = random.NextInt(13) == 0 ? '_' : (char)('a' + random.NextInt(26));
        return new string(text);
    }

    /// <summary>The n-th bid, at 10,000 events of all kinds a second of event time.</summary>
    public static Bid At(long n)
    {
        var (epoch, offset) = (n / BidsPerEpoch, n % BidsPerEpoch + FirstBid);
        var id = epoch * 50 + offset;
        var random = new SplittableRandom(id);
        var lastAuction = 3 * epoch + 2;
        var from = Math.Max(lastAuction - 100, 0);
        var auction = random.NextInt(2) > 0 ? lastAuction / 100 * 100 : from + random.NextInt((int)(lastAuction - from) + 11);
        var active = Math.Min(epoch + 1, 1000);
        var bidder = random.NextInt(4) > 0 ? epoch / 100 * 100 + 1 : epoch + 1 - active + random.NextInt((int)active + 10);
        var price = (long)Math.Floor(Math.Pow(10, random.NextDouble() * 6) * 100 + 0.5);
        var channel = random.NextInt(2) > 0 ? random.NextInt(4) : 4 + random.NextInt(10_000);
        return new Bid(auction + 1000, bidder + 1000, price, channel, (BaseMillis + id / EventsPerMilli) * 1000);
    }

    /// <summary>The bid as JSON; returns the length.</summary>
    public int WriteJson(long n, Span<byte> to)
    {
        var bid = At(n);
        Span<byte> time = stackalloc byte[TimeText.MaxTimestamp];
        var timeText = Encoding.ASCII.GetString(time[..TimeText.FormatTimestamp(bid.Time, time)]);
        var text = string.Create(CultureInfo.InvariantCulture,
            $$"""{"auction":{{bid.Auction}},"bidder":{{bid.Bidder}},"price":{{bid.Price}},"channel":"{{_names[bid.Channel]}}","url":"{{_urls[bid.Channel]}}","date_time":"{{timeText}}","extra":"{{"abcdefghij".AsSpan(0, 3 + (int)(n % 5))}}"}""");
        return Encoding.UTF8.GetBytes(text, to);
    }
}
