using System.Numerics;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// The generator's random numbers: SplitMix (Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014), one instance per event, so that every event
/// depends on its number alone.
/// </summary>
internal struct SplittableRandom(long seed)
{
    private ulong _state = (ulong)seed;

    public int NextInt()
    {
        var z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 33)) * 0x62a9d9ed799705f5;
        z = (z ^ (z >> 28)) * 0xcb24d0a5c88c35b3;
        return (int)(uint)(z >> 32);
    }

    public long NextLong()
    {
        var z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (long)(z ^ (z >> 31));
    }

    public double NextDouble() => ((ulong)NextLong() >> 11) * (1.0 / (1L << 53));

    public int NextInt(int bound)
    {
        var r = NextInt();
        if (BitOperations.IsPow2(bound)) return r & (bound - 1);
        var u = (int)((uint)r >> 1);
        // Values of the last, incomplete run of the bound are drawn again: the sum overflows for them.
        for (r = u % bound; unchecked(u - r + (bound - 1)) < 0; r = u % bound) u = (int)((uint)NextInt() >> 1);
        return r;
    }
}
