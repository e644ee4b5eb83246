namespace StreamEngine.Formats.Tests.Suite;

/// <summary>A stream that gives at most so many bytes at once.</summary>
internal sealed class Trickle(byte[] bytes, int most) : MemoryStream(bytes, writable: false)
{
    public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, most));
}
