using StreamEngine.Core;

namespace StreamEngine.Operators.Windows;

/// <summary>
/// Windows [start, start + Size) that start at every multiple of Slide since 1970-01-01T00:00Z, in microseconds. Rows are kept by pane: the longest stretch that lies
/// wholly inside or outside of every window, for which the greatest common divisor of size and slide will do (Li et al., No Pane, No Gain, 2005).
/// </summary>
internal sealed record WindowSpec(long Size, long Slide)
{
    public bool IsTumbling => Size == Slide;

    /// <summary>The length of a pane.</summary>
    public long Pane { get; } = (long)System.Numerics.BigInteger.GreatestCommonDivisor(Size, Slide);

    public long PaneOf(long time) => FloorTo(time, Pane);

    /// <summary>The end of the last window that holds the time: the one that starts latest at or before it.</summary>
    public long LastEnd(long time) => FloorTo(time, Slide) + Size;

    /// <summary>The end of the first window, of those that hold the time, that ends after the watermark; past the last end when there is none.</summary>
    public long FirstEndAfter(long time, long watermark)
    {
        var first = FloorTo(time - Size, Slide) + Slide + Size;
        if (watermark < first) return first;
        return first + (FloorTo(watermark - first, Slide) + Slide);
    }

    private static long FloorTo(long value, long unit) => Calendar.FloorDivide(value, unit) * unit;
}
