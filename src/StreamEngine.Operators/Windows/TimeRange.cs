using System.Runtime.Intrinsics;
using StreamEngine.Compute.Evaluation;

namespace StreamEngine.Operators.Windows;

/// <summary>The least and the greatest of the times of some rows.</summary>
internal static unsafe class TimeRange
{
    /// <summary>Of one row at least.</summary>
    public static (long Least, long Greatest) Of(long* times, RowSet rows) => rows.Rows is null ? OfAll(times, rows.Count) : OfSelected(times, rows);

    private static (long Least, long Greatest) OfAll(long* times, int count)
    {
        var (least, greatest) = (Vector512.Create(long.MaxValue), Vector512.Create(long.MinValue));
        var row = 0;
        for (; row <= count - Vector512<long>.Count; row += Vector512<long>.Count)
        {
            var values = Vector512.Load(times + row);
            least = Vector512.Min(least, values);
            greatest = Vector512.Max(greatest, values);
        }
        var (min, max) = (long.MaxValue, long.MinValue);
        for (var lane = 0; lane < Vector512<long>.Count; lane++)
        {
            min = Math.Min(min, least[lane]);
            max = Math.Max(max, greatest[lane]);
        }
        for (; row < count; row++)
        {
            min = Math.Min(min, times[row]);
            max = Math.Max(max, times[row]);
        }
        return (min, max);
    }

    private static (long Least, long Greatest) OfSelected(long* times, RowSet rows)
    {
        var (min, max) = (long.MaxValue, long.MinValue);
        for (var i = 0; i < rows.Count; i++)
        {
            var time = times[rows.Rows[i]];
            min = Math.Min(min, time);
            max = Math.Max(max, time);
        }
        return (min, max);
    }
}
