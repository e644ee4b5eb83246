using System.Globalization;
using System.Numerics;
using System.Text;
using FsCheck;
using FsCheck.Xunit;

namespace StreamEngine.Core.Tests.Text;

public sealed unsafe class TextTests
{
    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string Written(Func<byte[], int> format)
    {
        var to = new byte[64];
        return Encoding.UTF8.GetString(to, 0, format(to));
    }

    [Property(MaxTest = 1000, EndSize = Seeds.All)]
    public void Integers_are_read_and_written_as_by_dotnet(DoNotSize<long> any)
    {
        var value = any.Item;
        foreach (var number in (long[])[value, value * 1_000_003, long.MaxValue - value, long.MinValue + Math.Abs(value % 1000), value >> (int)(value & 63)])
        {
            var text = number.ToString(CultureInfo.InvariantCulture);
            Assert.Equal(text, Written(to => NumberText.Format(number, to)));
            Assert.True(NumberText.TryParseInt64(Utf8(text), out var read));
            Assert.Equal(number, read);
            Assert.Equal(long.TryParse(text + "7", NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var more),
                NumberText.TryParseInt64(Utf8(text + "7"), out read));
            Assert.Equal(more, read);
        }
    }

    [Property(MaxTest = 1000, EndSize = Seeds.All)]
    public void Texts_that_are_no_integer_are_none(int seed)
    {
        var random = new Random(seed);
        var text = string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => "0123456789+- .e"[random.Next(15)]));
        Assert.Equal(long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var expected), NumberText.TryParseInt64(Utf8(text),
            out var read));
        Assert.Equal(expected, read);
    }

    [Property(MaxTest = 1000)]
    public void Doubles_read_back_the_same(DoNotSize<long> bits)
    {
        var value = BitConverter.Int64BitsToDouble(bits.Item);
        if (!double.IsFinite(value)) return;
        var text = Written(to => NumberText.Format(value, to));
        Assert.True(NumberText.TryParseDouble(Utf8(text), out var read));
        Assert.Equal(BitConverter.DoubleToInt64Bits(value), BitConverter.DoubleToInt64Bits(read));
        Assert.Equal(value, System.Text.Json.JsonDocument.Parse(text).RootElement.GetDouble());
    }

    [Theory]
    [InlineData("1e400", false)]
    [InlineData("1e-400", true)]
    [InlineData("NaN", false)]
    [InlineData("", false)]
    [InlineData(" 1", false)]
    [InlineData("1 ", false)]
    public void Doubles_beyond_their_range_and_other_texts_are_refused(string text, bool good) => Assert.Equal(good, NumberText.TryParseDouble(Utf8(text), out _));

    [Property(MaxTest = 1000, EndSize = Seeds.All)]
    public void Decimals_are_exact(DoNotSize<long> high, DoNotSize<ulong> low, int seed)
    {
        var scale = (seed & int.MaxValue) % 39;
        // As often small as near the limits of 38 digits.
        var value = ((BigInteger)high.Item * ulong.MaxValue + low.Item) / BigInteger.Pow(10, new Random(seed).Next(38));
        var fits = BigInteger.Abs(value) < BigInteger.Pow(10, 38);
        var digits = BigInteger.Abs(value).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        var text = (value.Sign < 0 ? "-" : "") + (scale == 0 ? digits : $"{digits[..^scale]}.{digits[^scale..]}");
        Assert.Equal(fits, DecimalText.TryParse(Utf8(text), 38, scale, exact: true, out var read));
        if (!fits) return;
        Assert.Equal((Int128)value, read);
        Assert.Equal(text, Written(to => DecimalText.Format(read, scale, to)));
        Assert.True(DecimalText.TryParse(Utf8($"{value}e-{scale}"), 38, scale, exact: true, out var byExponent));
        Assert.Equal(read, byExponent);
    }

    [Property(MaxTest = 1000, EndSize = Seeds.All)]
    public void Rescaling_rounds_half_away_from_zero(DoNotSize<long> number, int from, int to)
    {
        // A few digits only now and then, so that halves come.
        var value = from % 2 == 0 ? number.Item : number.Item % 10_000;
        from = (from & int.MaxValue) % 20;
        to = (to & int.MaxValue) % 20;
        var expected = to >= from ? value * BigInteger.Pow(10, to - from) : Rounded(value, BigInteger.Pow(10, from - to));
        var fits = BigInteger.Abs(expected) <= (BigInteger)Int128.MaxValue;
        Assert.Equal(fits, DecimalText.TryRescale(value, from, to, out var result));
        if (fits) Assert.Equal((Int128)expected, result);
    }

    private static BigInteger Rounded(BigInteger value, BigInteger divisor)
    {
        var quotient = BigInteger.DivRem(BigInteger.Abs(value), divisor, out var rest);
        if (rest * 2 >= divisor) quotient++;
        return value.Sign < 0 ? -quotient : quotient;
    }

    [Property(MaxTest = 1000, EndSize = Seeds.All)]
    public void Dates_are_those_of_dotnet(int days)
    {
        days %= 700_000;
        if (days < -719_162) return;
        var date = new DateOnly(1970, 1, 1).AddDays(days);
        var text = date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        Assert.Equal(text, Written(to => TimeText.FormatDate(days, to)));
        Assert.True(TimeText.TryParseDate(Utf8(text), out var read));
        Assert.Equal(days, read);
        Assert.Equal(days, Calendar.ToDays(date.Year, date.Month, date.Day));
    }

    private static DateTime Time(int seed)
    {
        var random = new Random(seed);
        return new DateTime(1, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddTicks(random.NextInt64(DateTime.MaxValue.Ticks) / 10 * 10);
    }

    private static long Micros(DateTime time) => (time.Ticks - DateTime.UnixEpoch.Ticks) / 10;

    [Property(MaxTest = 1000, EndSize = Seeds.All)]
    public void Timestamps_are_those_of_dotnet(int seed)
    {
        var time = Time(seed);
        if (seed % 3 == 0) time = time.AddTicks(-(time.Ticks % TimeSpan.TicksPerSecond));
        var text = Written(to => TimeText.FormatTimestamp(Micros(time), to));
        Assert.Equal(time.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFF'Z'", CultureInfo.InvariantCulture), text);
        Assert.True(TimeText.TryParseTimestamp(Utf8(text), out var micros, out var zone) && zone);
        Assert.Equal(Micros(time), micros);
        Assert.True(TimeText.TryParseTimestamp(Utf8(time.ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture) + "+02:30"), out micros, out _));
        Assert.Equal(Micros(time) - 150 * Calendar.MicrosPerMinute, micros);
    }

    [Theory]
    [InlineData(null, "0001-01-01T00:00Z", true)]
    [InlineData(null, "0001-01-01T00:00+00:01", false)]
    [InlineData(null, "9999-12-31T23:59:59.999999Z", true)]
    [InlineData(null, "9999-12-31T23:59:59.999999-00:01", false)]
    [InlineData("yyyy-MM-dd HH:mm XXX", "0001-01-01 00:00 +01:00", false)]
    [InlineData("epoch-millis", "253402300799999", true)]
    [InlineData("epoch-millis", "253402300800000", false)]
    [InlineData("epoch-seconds", "-62135596800", true)]
    [InlineData("epoch-seconds", "-62135596801", false)]
    public void Timestamps_that_no_text_can_say_are_refused(string? format, string text, bool good)
        => Assert.Equal(good, TimestampPattern.TryCompile(format, out _)!.TryParse(Utf8(text), out _));

    [Property(MaxTest = 500, EndSize = Seeds.All)]
    public void Patterns_read_what_dotnet_writes_with_them(int seed)
    {
        var time = Time(seed);
        string[] patterns = ["yyyy/MM/dd HH:mm", "dd.MM.yyyy HH:mm:ss", "yyyyMMddHHmmssSSS", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS", "yyyy", "'at 'yyyy-MM",
            "yyyy-MM-dd HH:mm:ssXXX"];
        foreach (var text in patterns)
        {
            var pattern = TimestampPattern.TryCompile(text, out var error);
            Assert.Null(error);
            var written = time.ToString(text.Replace("SSSSSS", "ffffff").Replace("SSS", "fff").Replace("XXX", "'+00:00'").Replace("/", "'/'"),
                CultureInfo.InvariantCulture);
            var expected = text switch
            {
                "yyyy" => new DateTime(time.Year, 1, 1),
                "'at 'yyyy-MM" => new DateTime(time.Year, time.Month, 1),
                "yyyy/MM/dd HH:mm" => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerMinute)),
                "yyyyMMddHHmmssSSS" => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerMillisecond)),
                "yyyy-MM-dd'T'HH:mm:ss.SSSSSS" => time,
                _ => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerSecond)),
            };
            Assert.True(pattern!.TryParse(Utf8(written), out var micros), written);
            Assert.Equal(Micros(expected), micros);
            CheckFixed(pattern, written);
        }
    }

    [Property(MaxTest = 2000, EndSize = Seeds.All)]
    public void Fixed_positions_read_and_refuse_the_same_as_the_pattern(int seed)
    {
        var random = new Random(seed);
        var pattern = TimestampPattern.TryCompile(new[] { "yyyy/MM/dd HH:mm", "dd.MM.yyyy HH:mm:ss.SSS", "yyyy-MM-dd" }[random.Next(3)], out _)!;
        var text = new StringBuilder(Time(seed).ToString(pattern.Text.Replace("SSS", "fff").Replace("/", "'/'"), CultureInfo.InvariantCulture));
        for (var n = random.Next(3); n > 0; n--) text[random.Next(text.Length)] = "0123456789/:.- x"[random.Next(16)];
        if (random.Next(10) == 0) text.Append('0');
        CheckFixed(pattern, text.ToString());
    }

    private static void CheckFixed(TimestampPattern pattern, string text)
    {
        if (pattern.Fixed is not { } at) return;
        var padded = new byte[text.Length + 64];
        Utf8(text).CopyTo(padded, 0);
        var expected = pattern.TryParse(Utf8(text), out var micros);
        fixed (byte* p = padded)
        {
            Assert.True(expected == at.TryParse(p, text.Length, out var read), text);
            if (expected) Assert.Equal(micros, read);
        }
    }

    [Theory]
    [InlineData("hh:mm")]
    [InlineData("yy-MM-dd")]
    [InlineData("yyyy 'open")]
    [InlineData("MM-dd")]
    [InlineData("yyyy-MMM")]
    public void Patterns_that_are_none_say_why(string text)
    {
        Assert.Null(TimestampPattern.TryCompile(text, out var error));
        Assert.NotEmpty(error!);
    }

    [Fact]
    public void Epochs_are_numbers_within_the_range()
    {
        var millis = TimestampPattern.TryCompile("epoch-millis", out _)!;
        Assert.True(millis.IsEpoch && millis.Fixed is null);
        Assert.True(millis.TryParse("-1"u8, out var micros));
        Assert.Equal(-1000, micros);
        Assert.False(millis.TryParse(Utf8(long.MaxValue.ToString(CultureInfo.InvariantCulture)), out _));
        Assert.True(TimestampPattern.TryCompile("epoch-seconds", out _)!.TryFromEpoch(2, out micros));
        Assert.Equal(2_000_000, micros);
    }
}
