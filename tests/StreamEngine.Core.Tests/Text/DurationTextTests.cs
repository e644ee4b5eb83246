using StreamEngine.Core;

namespace StreamEngine.Core.Tests.Text;

public class DurationTextTests
{
    [Theory]
    [InlineData(0, "0s")]
    [InlineData(1, "1us")]
    [InlineData(-1, "-1us")]
    [InlineData(1_500, "1.5ms")]
    [InlineData(250_000, "250ms")]
    [InlineData(30_000_000, "30s")]
    [InlineData(90_000_000, "90s")]
    [InlineData(5_400_000_000, "90m")]
    [InlineData(3_600_000_000, "1h")]
    [InlineData(86_400_000_000, "1d")]
    [InlineData(604_800_000_000, "7d")]
    [InlineData(3_661_000_000, "3661s")]
    [InlineData(26_590_123_000, "7.386h")]
    [InlineData(-26_590_123_000, "-7.386h")]
    public void A_duration_is_shown_as_a_file_has_it(long micros, string expected) => Assert.Equal(expected, DurationText.OfMicros(micros));

    [Fact]
    public void Infinite_is_said_so() => Assert.Equal("infinite", DurationText.Of(TimeSpan.MaxValue));
}
