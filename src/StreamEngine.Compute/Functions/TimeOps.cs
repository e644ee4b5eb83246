using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Arithmetic of dates, timestamps and intervals as PostgreSQL's (src/backend/utils/adt/timestamp.c): months move in the calendar and end at the month's last
/// day, then days, then time.</summary>
internal static unsafe class Times
{
    public const string OutOfRange = "TIMESTAMP out of range";

    /// <summary>The first and last day that a timestamp in microseconds reaches, with a margin: years -290000 to 290000.</summary>
    private const int MaxDay = 106_000_000;

    /// <summary>A date in the range that timestamps have, so that one can be made of it.</summary>
    public static Outcome Date(long days, int* result, OpState state)
    {
        if (days is < -MaxDay or > MaxDay) return state.Fail("DATE out of range");
        *result = (int)days;
        return Outcome.Value;
    }

    public static bool TryAdd(long timestamp, Interval interval, out long result)
    {
        result = 0;
        var days = (long)Calendar.DaysOf(timestamp);
        var ofDay = timestamp - days * Calendar.MicrosPerDay;
        if (interval.Months != 0)
        {
            Calendar.FromDays((int)days, out var year, out var month, out var day);
            var months = year * 12L + (month - 1) + interval.Months;
            year = (int)Calendar.FloorDivide(months, 12);
            if (year is < -289_000 or > 289_000) return false;
            month = (int)(months - year * 12L) + 1;
            days = Calendar.ToDays(year, month, Math.Min(day, Calendar.DaysInMonth(year, month)));
        }
        days += interval.Days;
        if (days is < -MaxDay or > MaxDay) return false;
        var sum = (Int128)days * Calendar.MicrosPerDay + ofDay + interval.Microseconds;
        result = (long)sum;
        return sum == result;
    }

    public static Interval Negate(Interval i) => new(unchecked(-i.Months), unchecked(-i.Days), unchecked(-i.Microseconds));

    public static bool TryAdd(Interval a, Interval b, out Interval sum)
    {
        var months = (long)a.Months + b.Months;
        var days = (long)a.Days + b.Days;
        var micros = (Int128)a.Microseconds + b.Microseconds;
        sum = new Interval((int)months, (int)days, (long)micros);
        return sum.Months == months && sum.Days == days && sum.Microseconds == micros;
    }

    /// <summary>Fractions of a month go on as days (30 to a month), fractions of a day as time.</summary>
    public static bool TryMultiply(Interval interval, double factor, out Interval product)
    {
        product = default;
        var months = interval.Months * factor;
        var wholeMonths = Math.Truncate(months);
        // Rounded to microseconds, so that 0.1 * 3 is no day less.
        var fromMonths = Math.Round((months - wholeMonths) * 30, 9);
        var days = interval.Days * factor + fromMonths;
        var wholeDays = Math.Truncate(days);
        var micros = Math.Round(interval.Microseconds * factor + Math.Round((days - wholeDays) * Calendar.MicrosPerDay), MidpointRounding.ToEven);
        if (!(Math.Abs(wholeMonths) <= int.MaxValue && Math.Abs(wholeDays) <= int.MaxValue && Math.Abs(micros) < 9.2e18)) return false;
        product = new Interval((int)wholeMonths, (int)wholeDays, (long)micros);
        return true;
    }
}

internal readonly unsafe struct AddInterval : IBinary<long, Interval, long>
{
    public static Outcome Apply(long* a, Interval* b, long* result, OpState state) => Times.TryAdd(*a, *b, out *result) ? Outcome.Value : state.Fail(Times.OutOfRange);
}

internal readonly unsafe struct SubtractInterval : IBinary<long, Interval, long>
{
    public static Outcome Apply(long* a, Interval* b, long* result, OpState state)
        => Times.TryAdd(*a, Times.Negate(*b), out *result) ? Outcome.Value : state.Fail(Times.OutOfRange);
}

internal readonly unsafe struct AddDays : IBinary<int, int, int>
{
    public static Outcome Apply(int* a, int* b, int* result, OpState state) => Times.Date((long)*a + *b, result, state);
}

internal readonly unsafe struct SubtractDays : IBinary<int, int, int>
{
    public static Outcome Apply(int* a, int* b, int* result, OpState state) => Times.Date((long)*a - *b, result, state);
}

internal readonly unsafe struct SubtractDates : IBinary<int, int, int>
{
    public static Outcome Apply(int* a, int* b, int* result, OpState state) => Integers.Narrow((long)*a - *b, result, state);
}

/// <summary>Days and time, no months: as PostgreSQL's timestamp_mi.</summary>
internal readonly unsafe struct SubtractTimestamps : IBinary<long, long, Interval>
{
    public static Outcome Apply(long* a, long* b, Interval* result, OpState state)
    {
        var micros = (Int128)(*a) - *b;
        var days = micros / Calendar.MicrosPerDay;
        *result = new Interval(0, (int)days, (long)(micros - days * Calendar.MicrosPerDay));
        return Outcome.Value;
    }
}

internal readonly unsafe struct AddIntervals : IBinary<Interval, Interval, Interval>
{
    public static Outcome Apply(Interval* a, Interval* b, Interval* result, OpState state) => Times.TryAdd(*a, *b, out *result) ? Outcome.Value : state.OutOfRange();
}

internal readonly unsafe struct SubtractIntervals : IBinary<Interval, Interval, Interval>
{
    public static Outcome Apply(Interval* a, Interval* b, Interval* result, OpState state)
        => Times.TryAdd(*a, Times.Negate(*b), out *result) ? Outcome.Value : state.OutOfRange();
}

internal readonly unsafe struct NegateInterval : IUnary<Interval, Interval>
{
    public static Outcome Apply(Interval* a, Interval* result, OpState state)
    {
        *result = Times.Negate(*a);
        return Outcome.Value;
    }
}

internal readonly unsafe struct MultiplyInterval : IBinary<Interval, double, Interval>
{
    public static Outcome Apply(Interval* a, double* b, Interval* result, OpState state) => Times.TryMultiply(*a, *b, out *result) ? Outcome.Value : state.OutOfRange();
}

internal readonly unsafe struct DivideInterval : IBinary<Interval, double, Interval>
{
    public static Outcome Apply(Interval* a, double* b, Interval* result, OpState state)
    {
        if (*b == 0) return state.Fail(Integers.DivisionByZero);
        return Times.TryMultiply(*a, 1 / *b, out *result) ? Outcome.Value : state.OutOfRange();
    }
}
