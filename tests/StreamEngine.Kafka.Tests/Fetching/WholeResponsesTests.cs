using System.Buffers.Binary;
using FsCheck.Fluent;
using FsCheck.Xunit;
using StreamEngine.Core;
using StreamEngine.Kafka.Questions;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Whole answers to what is asked of a cluster, in every version: what is written is read, and whatever else comes is refused with a reason.</summary>
public sealed class WholeResponsesTests
{
    private const int Longest = 1 << 20;

    public enum Kind
    {
        Fetch,
        Metadata,
        Offsets,
        Coordinator,
        GroupOffsets,
        Settings,
    }

    /// <summary>The versions that are spoken, and the first of them with the compact form.</summary>
    private static (short Oldest, short Newest, short FirstFlexible) Versions(Kind kind) => kind switch
    {
        Kind.Fetch => (FetchMessages.Oldest, FetchMessages.Newest, FetchMessages.FirstFlexible),
        Kind.Metadata => (4, 12, 9),
        Kind.Offsets => (2, 7, 6),
        Kind.Coordinator => (1, 3, 3),
        Kind.GroupOffsets => (2, 7, 6),
        _ => (1, 4, 4),
    };

    /// <summary>A connection that gives what has come so far, a few bytes at a time.</summary>
    private sealed class Trickle(byte[] bytes, Random random) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 1 + random.Next(buffer.Length))]);
    }

    private static FsCheck.Property ForAll(Kind kind, Action<Random, short, byte[], string> check) => Prop.ForAll(Gen.Choose(0, Seeds.All).ToArbitrary(), seed =>
    {
        var random = new Random(seed);
        var (oldest, newest, _) = Versions(kind);
        var version = (short)random.Next(oldest, newest + 1);
        var responses = new RandomResponses(random);
        var bytes = kind switch
        {
            Kind.Fetch => responses.Fetch(version),
            Kind.Metadata => responses.Metadata(version),
            Kind.Offsets => responses.Offsets(version),
            Kind.Coordinator => responses.Coordinator(version),
            Kind.GroupOffsets => responses.GroupOffsets(version),
            _ => responses.Settings(version),
        };
        check(random, version, bytes, responses.Said);
    });

    /// <summary>What it says; it keeps no memory, whatever comes.</summary>
    private static string Read(Kind kind, Stream stream, short version)
    {
        var r = new ResponseReader(stream, Longest) { Flexible = version >= Versions(kind).FirstFlexible };
        using var scope = new MemoryScope();
        try
        {
            r.Begin(RandomResponses.Correlation);
            r.Tags();
            if (kind != Kind.Fetch) return Answer(kind, r, version);
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

    /// <summary>What it says, or that it refuses.</summary>
    private static string Answer(Kind kind, ResponseReader r, short version)
    {
        try
        {
            return kind switch
            {
                Kind.Metadata => RandomResponses.Text(ClusterMetadata.Read(r, version, RandomResponses.Topic)),
                Kind.Offsets => RandomResponses.Text(LeaderOffsets.Read(r, version, RandomResponses.Topic, RandomResponses.Partitions)),
                Kind.Coordinator => GroupOffsets.ReadCoordinator(r, RandomResponses.Group).ToString(),
                Kind.GroupOffsets => string.Join(' ', GroupOffsets.ReadOffsets(r, version, RandomResponses.Group)),
                _ => RandomResponses.Text(ConfigEntries.Read(r, version, "topic", RandomResponses.Described)),
            };
        }
        catch (RefusedException e)
        {
            return e.Message;
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
        // Nor is there more than what was asked for.
        byte[] longer = [.. bytes, 0];
        BinaryPrimitives.WriteInt32BigEndian(longer, longer.Length - 4);
        Assert.Throws<MalformedException>(() => Read(kind, new MemoryStream(longer), version));
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

    [Property(MaxTest = 200)]
    public FsCheck.Property Offsets_say_what_was_written() =>
        ForAll(Kind.Offsets, (random, version, bytes, said) => RoundTrips(Kind.Offsets, random, version, bytes, said));

    [Property(MaxTest = 100)]
    public FsCheck.Property A_coordinator_is_who_was_written() =>
        ForAll(Kind.Coordinator, (random, version, bytes, said) => RoundTrips(Kind.Coordinator, random, version, bytes, said));

    [Property(MaxTest = 200)]
    public FsCheck.Property Offsets_of_a_group_say_what_was_written() =>
        ForAll(Kind.GroupOffsets, (random, version, bytes, said) => RoundTrips(Kind.GroupOffsets, random, version, bytes, said));

    [Property(MaxTest = 200)]
    public FsCheck.Property Settings_say_what_was_written() =>
        ForAll(Kind.Settings, (random, version, bytes, said) => RoundTrips(Kind.Settings, random, version, bytes, said));

    [Property(MaxTest = 50)]
    public FsCheck.Property Every_prefix_of_offsets_is_refused() =>
        ForAll(Kind.Offsets, (random, version, bytes, _) => PrefixesAreRefused(Kind.Offsets, random, version, bytes));

    [Property(MaxTest = 50)]
    public FsCheck.Property Every_prefix_of_a_coordinator_is_refused() =>
        ForAll(Kind.Coordinator, (random, version, bytes, _) => PrefixesAreRefused(Kind.Coordinator, random, version, bytes));

    [Property(MaxTest = 50)]
    public FsCheck.Property Every_prefix_of_offsets_of_a_group_is_refused() =>
        ForAll(Kind.GroupOffsets, (random, version, bytes, _) => PrefixesAreRefused(Kind.GroupOffsets, random, version, bytes));

    [Property(MaxTest = 50)]
    public FsCheck.Property Every_prefix_of_settings_is_refused() =>
        ForAll(Kind.Settings, (random, version, bytes, _) => PrefixesAreRefused(Kind.Settings, random, version, bytes));

    [Property(MaxTest = 300)]
    public FsCheck.Property Changed_bytes_of_offsets_are_read_or_refused() =>
        ForAll(Kind.Offsets, (random, version, bytes, _) => ChangesAreReadOrRefused(Kind.Offsets, random, version, bytes));

    [Property(MaxTest = 200)]
    public FsCheck.Property Changed_bytes_of_a_coordinator_are_read_or_refused() =>
        ForAll(Kind.Coordinator, (random, version, bytes, _) => ChangesAreReadOrRefused(Kind.Coordinator, random, version, bytes));

    [Property(MaxTest = 300)]
    public FsCheck.Property Changed_bytes_of_offsets_of_a_group_are_read_or_refused() =>
        ForAll(Kind.GroupOffsets, (random, version, bytes, _) => ChangesAreReadOrRefused(Kind.GroupOffsets, random, version, bytes));

    [Property(MaxTest = 300)]
    public FsCheck.Property Changed_bytes_of_settings_are_read_or_refused() =>
        ForAll(Kind.Settings, (random, version, bytes, _) => ChangesAreReadOrRefused(Kind.Settings, random, version, bytes));
}
