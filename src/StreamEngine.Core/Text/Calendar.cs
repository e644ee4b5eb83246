namespace StreamEngine.Core;

/// <summary>
/// The proleptic Gregorian calendar in whole days since 1970-01-01, by the era arithmetic of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": no tables, no
/// allocation, valid for every year that a timestamp in microseconds can reach.
/// </summary>
internal static class Calendar
{
    public const long MicrosPerSecond = 1_000_000;
    public const long MicrosPerMinute = 60 * MicrosPerSecond;
    public const long MicrosPerHour = 60 * MicrosPerMinute;
    public const long MicrosPerDay = 24 * MicrosPerHour;

    /// <summary>0001-01-01T00:00:00Z and the last microsecond of 9999: what a text can say, so that what is read can be written and read again.</summary>
    public const long FirstMicros = -719_162 * MicrosPerDay;

    /// <inheritdoc cref="FirstMicros"/>
    public const long LastMicros = 2_932_897 * MicrosPerDay - 1;

    /// <summary>Whether a timestamp lies in the years 0001 to 9999.</summary>
    public static bool IsInRange(long micros) => micros is >= FirstMicros and <= LastMicros;

    /// <summary>Days since 1970-01-01 of a date that exists.</summary>
    public static int ToDays(int year, int month, int day)
    {
        var y = month <= 2 ? year - 1 : year;
        var era = (y >= 0 ? y : y - 399) / 400;
        var yearOfEra = y - era * 400;
        var dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        var dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
        return era * 146097 + dayOfEra - 719468;
    }

    /// <summary>The date of so many days since 1970-01-01.</summary>
    public static void FromDays(int days, out int year, out int month, out int day)
    {
        var z = (long)days + 719468;
        var era = (z >= 0 ? z : z - 146096) / 146097;
        var dayOfEra = (int)(z - era * 146097);
        var yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
        var dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        var mp = (5 * dayOfYear + 2) / 153;
        day = dayOfYear - (153 * mp + 2) / 5 + 1;
        month = mp < 10 ? mp + 3 : mp - 9;
        year = (int)(yearOfEra + era * 400) + (month <= 2 ? 1 : 0);
    }

    /// <summary>Days since 1970-01-01 that a timestamp lies in, rounded down also before 1970.</summary>
    public static int DaysOf(long micros) => (int)FloorDivide(micros, MicrosPerDay);

    public static long FloorDivide(long value, long by)
    {
        var quotient = value / by;
        return value % by < 0 ? quotient - 1 : quotient;
    }

    public static bool IsLeap(int year) => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    public static int DaysInMonth(int year, int month) => month switch { 2 => IsLeap(year) ? 29 : 28, 4 or 6 or 9 or 11 => 30, _ => 31 };

    public static bool Exists(int year, int month, int day) => month is >= 1 and <= 12 && day >= 1 && day <= DaysInMonth(year, month);
}
