using System.Buffers.Binary;
using FsCheck.Fluent;
using FsCheck.Xunit;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Whole answers to the two questions that a source asks, in every version: what is written is read, and whatever else comes is refused with a reason.</summary>
public sealed class WholeResponsesTests
{
    private const int Longest = 1 << 20;

    public enum Kind
    {
        Fetch,
        Metadata,
    }

    /// <summary>A connection that gives what has come so far, a few bytes at a time.</summary>
    private sealed class Trickle(byte[] bytes, Random random) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 1 + random.Next(buffer.Length))]);
    }

    private static FsCheck.Property ForAll(Kind kind, Action<Random, short, byte[], string> check) => Prop.ForAll(Gen.Choose(0, Seeds.All).ToArbitrary(), seed =>
    {
        var random = new Random(seed);
        var version = (short)(kind == Kind.Fetch ? random.Next(FetchMessages.Oldest, FetchMessages.Newest + 1) : random.Next(4, 13));
        var responses = new RandomResponses(random);
        var bytes = kind == Kind.Fetch ? responses.Fetch(version) : responses.Metadata(version);
        check(random, version, bytes, responses.Said);
    });

    /// <summary>What it says; it keeps no memory, whatever comes.</summary>
    private static string Read(Kind kind, Stream stream, short version)
    {
        var r = new ResponseReader(stream, Longest) { Flexible = kind == Kind.Fetch ? version >= FetchMessages.FirstFlexible : version >= 9 };
        using var scope = new MemoryScope();
        try
        {
            r.Begin(RandomResponses.Correlation);
            r.Tags();
            if (kind == Kind.Metadata) return RandomResponses.Text(ClusterMetadata.Read(r, version, RandomResponses.Topic));
            var said = new List<string>();
            var (throttle, error) = FetchMessages.Read(r, version, version >= FetchMessages.FirstWithTopicId ? RandomResponses.TopicId.ToString() : RandomResponses.Topic,
                scope, answer =>
                {
                    said.Add(RandomResponses.Text(answer, answer.Block is null ? [] : answer.Block.GetSpan()[..answer.Length]));
                    answer.Block?.Release();
                });
            return string.Join('\n', [$"{throttle} {(short)error}", .. said]);
        }
        finally
        {
            Assert.Equal(0, scope.BlocksOut);
        }
    }

    private static void RoundTrips(Kind kind, Random random, short version, byte[] bytes, string said) =>
        Assert.Equal(said, Read(kind, new Trickle(bytes, random), version));

    [Property(MaxTest = 300)]
    public FsCheck.Property A_fetch_says_what_was_written() => ForAll(Kind.Fetch, (random, version, bytes, said) => RoundTrips(Kind.Fetch, random, version, bytes, said));

    [Property(MaxTest = 300)]
    public FsCheck.Property Metadata_says_what_was_written() =>
        ForAll(Kind.Metadata, (random, version, bytes, said) => RoundTrips(Kind.Metadata, random, version, bytes, said));

    // A connection that ends, and a response that says it is as short as that. Of long records not every byte is tried.
    private static void PrefixesAreRefused(Kind kind, Random random, short version, byte[] bytes)
    {
        for (var length = 0; length < bytes.Length; length += length > 2000 ? 1 + random.Next(2000) : 1)
        {
            Assert.Throws<EndOfStreamException>(() => Read(kind, new MemoryStream(bytes[..length]), version));
            if (length < 8) continue;
            var shorter = bytes[..length];
            BinaryPrimitives.WriteInt32BigEndian(shorter, length - 4);
            Assert.Throws<MalformedException>(() => Read(kind, new MemoryStream(shorter), version));
        }
    }

    [Property(MaxTest = 40)]
    public FsCheck.Property Every_prefix_of_a_fetch_is_refused() =>
        ForAll(Kind.Fetch, (random, version, bytes, _) => PrefixesAreRefused(Kind.Fetch, random, version, bytes));

    [Property(MaxTest = 100)]
    public FsCheck.Property Every_prefix_of_metadata_is_refused() =>
        ForAll(Kind.Metadata, (random, version, bytes, _) => PrefixesAreRefused(Kind.Metadata, random, version, bytes));

    private static void ChangesAreReadOrRefused(Kind kind, Random random, short version, byte[] bytes)
    {
        for (var tries = 0; tries < 20; tries++)
        {
            var changed = (byte[])bytes.Clone();
            for (var changes = random.Next(1, 5); changes > 0; changes--)
            {
                // Most bytes may be records: the head of the response is changed as often as all the rest.
                var at = random.Next(2) == 0 ? random.Next(Math.Min(bytes.Length, 100)) : random.Next(bytes.Length);
                changed[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(random.Next(2) * 255), _ => (byte)(changed[at] ^ 1 << random.Next(8)) };
            }
            try
            {
                Read(kind, new MemoryStream(changed), version);
            }
            catch (Exception e) when (e is MalformedException or EndOfStreamException)
            {
                Assert.NotEmpty(e.Message);
            }
        }
    }

    [Property(MaxTest = 300)]
    public FsCheck.Property Changed_bytes_of_a_fetch_are_read_or_refused() =>
        ForAll(Kind.Fetch, (random, version, bytes, _) => ChangesAreReadOrRefused(Kind.Fetch, random, version, bytes));

    [Property(MaxTest = 500)]
    public FsCheck.Property Changed_bytes_of_metadata_are_read_or_refused() =>
        ForAll(Kind.Metadata, (random, version, bytes, _) => ChangesAreReadOrRefused(Kind.Metadata, random, version, bytes));
}
