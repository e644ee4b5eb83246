using System.Buffers.Binary;
using System.IO.Hashing;
using FsCheck.Xunit;
using StreamEngine.Core;

namespace StreamEngine.Streams.Chains;

/// <summary>Records of the state topic: one of version 1 is kept, and a changed or torn one is known as such.</summary>
public sealed class StateFramesTests : IDisposable
{
    private readonly MemoryScope _scope = new();

    public void Dispose() => _scope.Dispose();

    private unsafe byte[] Write(string id, long epoch, int keyGroup, StateKind kind, byte[] payload)
    {
        using var frames = new StateFrames(_scope);
        frames.For(id, epoch).Write(keyGroup, kind, payload);
        Assert.True(frames.TryTake(out var batch));
        var bytes = batch!.Records!.Values[0].Span.ToArray();
        batch.Dispose();
        return bytes;
    }

    [Fact]
    public void A_record_of_version_1_is_read()
    {
        var frame = Convert.FromHexString(FrameOne);
        Assert.True(StateFrames.TryRead(frame, out var id, out var epoch, out var part, out var error), error);
        Assert.Equal(("hourly.window.9a61585b", 42L, 7, StateKind.FullMore), (id, epoch, part.KeyGroup, part.Kind));
        Assert.Equal([1, 2, 3], part.Payload.ToArray());
    }

    private const string FrameOne = "010207002a000000000000001600686f75726c792e77696e646f772e39613631353835620102033cfbaf829a3a329f";

    [Property(MaxTest = 500, EndSize = Seeds.All)]
    public void What_is_written_is_read(int seed)
    {
        var random = new Random(seed);
        using var frames = new StateFrames(_scope);
        var written = new List<(string Id, long Epoch, int Group, StateKind Kind, byte[] Payload)>();
        for (var i = random.Next(1, 20); i > 0; i--)
        {
            var payload = new byte[random.Next(20) == 0 ? IStateWriter.MaxPiece : random.Next(200)];
            random.NextBytes(payload);
            written.Add((string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => "az.ß-日"[random.Next(6)])), random.NextInt64(), random.Next(-1, 128),
                (StateKind)random.Next(3), payload));
            frames.For(written[^1].Id, written[^1].Epoch).Write(written[^1].Group, written[^1].Kind, payload);
        }
        Assert.True(frames.TryTake(out var batch));
        Assert.False(frames.TryTake(out _));
        var records = Values(batch!);
        Assert.Equal(written.Count, records.Count);
        foreach (var (record, expected) in records.Zip(written))
        {
            Assert.True(StateFrames.TryRead(record, out var id, out var epoch, out var part, out var error), error);
            Assert.Equal((expected.Id, expected.Epoch, expected.Group, expected.Kind), (id, epoch, part.KeyGroup, part.Kind));
            Assert.True(part.Payload.SequenceEqual(expected.Payload));
        }
        batch!.Dispose();
        Assert.Equal(0, _scope.BlocksOut);
    }

    private static unsafe List<byte[]> Values(Batch batch)
    {
        var values = new List<byte[]>();
        for (var i = 0; i < batch.Records!.Count; i++) values.Add(batch.Records.Values[i].Span.ToArray());
        return values;
    }

    [Fact]
    public void A_piece_that_is_longer_than_a_record_is_continued_in_the_next_ones()
    {
        using var frames = new StateFrames(_scope);
        var payload = new byte[2 * IStateWriter.MaxPiece + 1];
        new Random(1).NextBytes(payload);
        frames.For("a", 1).Write(5, StateKind.FullFirst, payload);
        Assert.True(frames.TryTake(out var batch));
        var records = Values(batch!);
        batch!.Dispose();
        Assert.Equal([2, 2, 1], records.Select(r => r[0]));
        Assert.Equal([true, true, false], records.Select(r => StateFrames.IsContinued(r)));
        var read = new List<byte>();
        foreach (var record in records)
        {
            Assert.True(StateFrames.IsWhole(record));
            Assert.True(StateFrames.TryRead(record, out _, out _, out var part, out var error), error);
            Assert.Equal((5, StateKind.FullFirst), (part.KeyGroup, part.Kind));
            read.AddRange(part.Payload);
        }
        Assert.Equal(payload, read);
    }

    [Fact]
    public void Any_changed_bit_and_any_prefix_is_refused()
    {
        var frame = Write("op", 1, StatePart.AnyGroup, StateKind.Delta, [9, 8, 7]);
        Assert.True(StateFrames.TryRead(frame, out _, out _, out _, out _));
        for (var i = 0; i < frame.Length * 8; i++)
        {
            var changed = frame.ToArray();
            changed[i / 8] ^= (byte)(1 << (i % 8));
            Assert.False(StateFrames.TryRead(changed, out _, out _, out _, out var error));
            Assert.NotEmpty(error);
        }
        for (var i = 0; i < frame.Length; i++) Assert.False(StateFrames.TryRead(frame.AsSpan(0, i), out _, out _, out _, out _));
    }

    [Fact]
    public void A_record_of_a_newer_version_is_refused_although_it_is_whole()
    {
        var frame = Write("op", 1, StatePart.AnyGroup, StateKind.Delta, [9, 8, 7]);
        frame[0] = 3;
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(frame.Length - 8), XxHash3.HashToUInt64(frame.AsSpan(0, frame.Length - 8)));
        Assert.False(StateFrames.TryRead(frame, out _, out _, out _, out var error));
        Assert.Equal("it has version 3; this engine reads versions 1 and 2", error);
    }
}
