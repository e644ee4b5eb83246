using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>A part of a date, time or interval.</summary>
internal enum TimeField : byte
{
    Microseconds, Milliseconds, Second, Minute, Hour, Day, Week, Month, Quarter, Year, Decade, Century, Millennium, Dow, IsoDow, Doy, IsoYear, Epoch,
}

/// <summary>Parts of times as PostgreSQL's extract and date_trunc define them.</summary>
internal static class TimeFields
{
    private static readonly (string Name, TimeField Field)[] Names =
    [
        ("microseconds", TimeField.Microseconds), ("microsecond", TimeField.Microseconds), ("milliseconds", TimeField.Milliseconds),
            ("millisecond", TimeField.Milliseconds), ("second", TimeField.Second),
        ("seconds", TimeField.Second), ("minute", TimeField.Minute), ("minutes", TimeField.Minute), ("hour", TimeField.Hour), ("hours", TimeField.Hour),
            ("day", TimeField.Day), ("days", TimeField.Day),
        ("week", TimeField.Week), ("weeks", TimeField.Week), ("month", TimeField.Month), ("months", TimeField.Month), ("quarter", TimeField.Quarter),
            ("year", TimeField.Year), ("years", TimeField.Year),
        ("decade", TimeField.Decade), ("century", TimeField.Century), ("millennium", TimeField.Millennium), ("dow", TimeField.Dow), ("isodow", TimeField.IsoDow),
            ("doy", TimeField.Doy),
        ("isoyear", TimeField.IsoYear), ("epoch", TimeField.Epoch),
    ];

    public static IEnumerable<string> All => Names.Select(n => n.Name);

    public static bool TryParse(ReadOnlySpan<byte> name, out TimeField field)
    {
        foreach (var (text, value) in Names)
        {
            if (!Ascii.EqualsIgnoreCase(name, text)) continue;
            field = value;
            return true;
        }
        field = default;
        return false;
    }

    /// <summary>Digits after the point of the field's exact value; 0 for whole fields.</summary>
    public static int ScaleOf(TimeField field) => field switch { TimeField.Second or TimeField.Epoch => 6, TimeField.Milliseconds => 3, _ => 0 };

    /// <summary>The field of a timestamp, scaled by <see cref="ScaleOf"/>.</summary>
    public static long Of(long micros, TimeField field)
    {
        var days = Calendar.DaysOf(micros);
        var ofDay = micros - days * Calendar.MicrosPerDay;
        switch (field)
        {
            case TimeField.Microseconds or TimeField.Milliseconds or TimeField.Second: return ofDay % Calendar.MicrosPerMinute;
            case TimeField.Minute: return ofDay / Calendar.MicrosPerMinute % 60;
            case TimeField.Hour: return ofDay / Calendar.MicrosPerHour;
            case TimeField.Epoch: return micros;
            case TimeField.Dow: return IsoDayOfWeek(days) % 7;
            case TimeField.IsoDow: return IsoDayOfWeek(days);
            case TimeField.Week: return IsoWeek(days, out _);
            case TimeField.IsoYear:
                IsoWeek(days, out var isoYear);
                return isoYear;
        }
        Calendar.FromDays(days, out var year, out var month, out var day);
        return field switch
        {
            TimeField.Day => day,
            TimeField.Month => month,
            TimeField.Quarter => (month + 2) / 3,
            TimeField.Doy => days - Calendar.ToDays(year, 1, 1) + 1,
            TimeField.Decade => Calendar.FloorDivide(year, 10),
            TimeField.Century => year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100),
            TimeField.Millennium => year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000),
            _ => year > 0 ? year : year - 1,
        };
    }

    /// <summary>The field of an interval, scaled; false for one that an interval does not have.</summary>
    public static bool TryOf(Interval interval, TimeField field, out long value)
    {
        var micros = interval.Microseconds;
        value = field switch
        {
            TimeField.Microseconds or TimeField.Milliseconds or TimeField.Second => micros % Calendar.MicrosPerMinute,
            TimeField.Minute => micros / Calendar.MicrosPerMinute % 60,
            TimeField.Hour => micros / Calendar.MicrosPerHour,
            TimeField.Day => interval.Days,
            TimeField.Month => interval.Months % 12,
            TimeField.Quarter => interval.Months % 12 / 3 + 1,
            TimeField.Year => interval.Months / 12,
            TimeField.Decade => interval.Months / 120,
            TimeField.Century => interval.Months / 1200,
            TimeField.Millennium => interval.Months / 12000,
            // A year counts 365.25 days, as in PostgreSQL.
            TimeField.Epoch => (long)((Int128)(interval.Months / 12) * 31_557_600_000_000
                + (Int128)(interval.Months % 12 * 30L + interval.Days) * Calendar.MicrosPerDay + micros),
            _ => 0,
        };
        return field is not (TimeField.Week or TimeField.Dow or TimeField.IsoDow or TimeField.Doy or TimeField.IsoYear);
    }

    /// <summary>The start of the field's unit that the time lies in; false for fields that are no unit.</summary>
    public static bool TryTruncate(long micros, TimeField field, out long result)
    {
        var unit = field switch
        {
            TimeField.Microseconds => 1,
            TimeField.Milliseconds => 1000,
            TimeField.Second => Calendar.MicrosPerSecond,
            TimeField.Minute => Calendar.MicrosPerMinute,
            TimeField.Hour => Calendar.MicrosPerHour,
            TimeField.Day => Calendar.MicrosPerDay,
            _ => 0
        };
        if (unit != 0)
        {
            result = Calendar.FloorDivide(micros, unit) * unit;
            return true;
        }
        var days = Calendar.DaysOf(micros);
        Calendar.FromDays(days, out var year, out var month, out _);
        var start = field switch
        {
            TimeField.Week => days - (IsoDayOfWeek(days) - 1),
            TimeField.Month => Calendar.ToDays(year, month, 1),
            TimeField.Quarter => Calendar.ToDays(year, (month - 1) / 3 * 3 + 1, 1),
            TimeField.Year => Calendar.ToDays(year, 1, 1),
            TimeField.Decade => Calendar.ToDays((int)Calendar.FloorDivide(year, 10) * 10, 1, 1),
            TimeField.Century => Calendar.ToDays((int)Calendar.FloorDivide(year - 1, 100) * 100 + 1, 1, 1),
            TimeField.Millennium => Calendar.ToDays((int)Calendar.FloorDivide(year - 1, 1000) * 1000 + 1, 1, 1),
            _ => int.MinValue,
        };
        result = start * Calendar.MicrosPerDay;
        return start != int.MinValue;
    }

    /// <summary>1 for Monday to 7 for Sunday; 1970-01-01 was a Thursday.</summary>
    public static int IsoDayOfWeek(int days) => (int)((days + 3L) % 7 + 7) % 7 + 1;

    /// <summary>ISO 8601: the week and the year that the Thursday of the day's week lies in.</summary>
    public static int IsoWeek(int days, out int year)
    {
        var thursday = days - IsoDayOfWeek(days) + 4;
        Calendar.FromDays(thursday, out year, out _, out _);
        return (thursday - Calendar.ToDays(year, 1, 1)) / 7 + 1;
    }
}
