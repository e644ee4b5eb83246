using System.Runtime.InteropServices;

namespace StreamEngine.Core;

/// <summary>A SQL interval as PostgreSQL keeps it: months, days and microseconds do not convert into each other, since months and days have no fixed length.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct Interval(int Months, int Days, long Microseconds)
{
    /// <summary>The length in microseconds when it has one: no months (a day counts as 24 hours, as UTC days do).</summary>
    public long? FixedMicroseconds
    {
        get
        {
            if (Months != 0) return null;
            var total = (Int128)Days * 86_400_000_000 + Microseconds;
            return total > long.MaxValue || total < long.MinValue ? null : (long)total;
        }
    }
}
