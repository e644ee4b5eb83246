using System.Numerics;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Tests.Suite;
using StreamEngine.Operators.Windows;

namespace StreamEngine.Operators.Tests.Windows;

/// <summary>The windowed aggregation as one would write it without a thought of speed: a dictionary of lists.</summary>
internal sealed class NaiveWindows(WindowSpec window, int[] keys, IReadOnlyList<AggregateSpec> aggregates)
{
    private readonly Dictionary<(long End, string Key), List<object?[]>> _windows = [];
    private readonly List<long> _lastEnds = [];
    private long _watermark = Watermark.None;

    /// <summary>Rows in windows that are open.</summary>
    public long Held => _lastEnds.Count(e => e > _watermark);

    public void Add(object?[] row, long time, long watermark)
    {
        var ends = WindowSpecTests.EndsOf(window, time).Where(e => e > watermark).ToList();
        if (ends.Count == 0) return;
        _lastEnds.Add(ends[^1]);
        foreach (var end in ends)
        {
            var key = (end, Rows.Text(keys.Select(k => row[k])));
            if (!_windows.TryGetValue(key, out var rows)) _windows[key] = rows = [];
            rows.Add(row);
        }
    }

    /// <summary>The windows that end, as text rows.</summary>
    public List<string> Close(long watermark)
    {
        _watermark = watermark;
        var closed = _windows.Where(w => w.Key.End <= watermark).ToList();
        foreach (var (key, _) in closed) _windows.Remove(key);
        return closed.ConvertAll(w => Rows.Text([w.Key.End - window.Size, w.Key.End, .. keys.Select(k => w.Value[0][k]),
            .. aggregates.Select(a => Aggregate(a, w.Value))]));
    }

    private static object? Aggregate(AggregateSpec aggregate, List<object?[]> rows)
    {
        if (aggregate.Argument < 0) return (long)rows.Count;
        var values = rows.Select(r => r[aggregate.Argument]).OfType<object>().ToList();
        if (aggregate.Function == AggregateFunction.Count) return (long)(aggregate.Distinct ? values.Distinct().Count() : values.Count);
        if (values.Count == 0) return null;
        if (aggregate.Function is AggregateFunction.Min or AggregateFunction.Max)
        {
            var ordered = values[0] is string ? [.. values.Cast<string>().Order(StringComparer.Ordinal)] : values.Order().ToList<object>();
            return aggregate.Function == AggregateFunction.Min ? ordered[0] : ordered[^1];
        }
        var average = aggregate.Function == AggregateFunction.Avg;
        switch (values[0])
        {
            case double:
                var sum = values.Cast<double>().Sum();
                return average ? sum / values.Count : sum;
            case Int128:
                var scaled = values.Cast<Int128>().Aggregate(BigInteger.Zero, (s, v) => s + (BigInteger)v);
                return average ? (Int128)RoundedQuotient(scaled * BigInteger.Pow(10, aggregate.Type.Scale - aggregate.ArgumentType!.Scale), values.Count)
                    : (Int128)scaled;
            case int:
                var ints = values.Cast<int>().Sum(v => (long)v);
                return average ? (double)ints / values.Count : ints;
            default:
                var longs = values.Cast<long>().Aggregate(BigInteger.Zero, (s, v) => s + v);
                return average ? (double)(Int128)longs / values.Count : (Int128)longs;
        }
    }

    private static BigInteger RoundedQuotient(BigInteger value, long by)
    {
        var quotient = BigInteger.DivRem(BigInteger.Abs(value), by, out var remainder);
        if (remainder * 2 >= by) quotient++;
        return value < 0 ? -quotient : quotient;
    }
}
