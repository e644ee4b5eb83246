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
}
