using System.IO.Hashing;

namespace StreamEngine.Simulation.Scheduling;

/// <summary>Hashes that are the same in every process.</summary>
internal static class Mixing
{
    /// <summary>Steele, Lea and Flood's SplitMix64 finalizer: each bit of the input changes half of the output's.</summary>
    public static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    public static ulong Hash(ReadOnlySpan<byte> bytes) => XxHash3.HashToUInt64(bytes);
}
