using StreamEngine.Cli.Bench;
using StreamEngine.Cli.Demo;

namespace StreamEngine.Cli.Tests.Bench;

/// <summary>What the benchmarks with topics hold their output against. 23 flights depart in each minute, dealt out to four partitions.</summary>
public sealed class FlightRowsTests
{
    private const int RowsOfHour = 23 * 60;
    private static readonly Flight[] Sample = [new("", 10, 100, "DTW", "LAS"), new("", 20, 200, "HNL", "SFO"), new("", 31, 300, "DTW", "OAK")];

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(3, 3, 0)]
    // The first hour closes when each partition has a row of its last minute but 60: the oldest of the last four rows is the one that decides.
    [InlineData(2 * RowsOfHour + 3, 2 * RowsOfHour + 3, 0)]
    [InlineData(2 * RowsOfHour + 4, RowsOfHour + 4, 1)]
    [InlineData(3 * RowsOfHour + 3, 2 * RowsOfHour + 3, 1)]
    [InlineData(3 * RowsOfHour + 4, RowsOfHour + 4, 2)]
    public void Hours_close_an_hour_behind_the_partition_that_is_last(long rows, long held, int hours)
    {
        var flights = new FlightRows(Sample, rows, 4);
        Assert.Equal(held, flights.Held);
        var closed = flights.Hours();
        Assert.Equal(hours, closed.Keys.Select(h => h.Start).Distinct().Count());
        Assert.Equal(rows - held, closed.Keys.Sum(h => h.Flights));
    }

    [Fact]
    public void An_hour_and_a_copy_have_the_values_of_their_flights()
    {
        var flights = new FlightRows(Sample, 3 * RowsOfHour, 4);
        var start = new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        // 1380 flights, two of three from DTW, with 10 and 31 minutes by turns.
        Assert.Contains(new HourRow(start, "DTW", 920, 20.5, 31), flights.Hours().Keys);
        Assert.Contains(new HourRow(start, "HNL", 460, 20, 20), flights.Hours().Keys);
        var copies = flights.Copies(15);
        Assert.Equal(2 * RowsOfHour, copies.Values.Sum());
        // Of the 23 flights of the first minute eight are the second one of the sample.
        Assert.Equal(8, copies[new CopyRow(start, 20, 200, "HNL", "SFO")]);
        Assert.DoesNotContain(copies.Keys, c => c.Delay == 10);
    }

    [Fact]
    public async Task Output_is_right_where_each_row_is_there_as_often_as_it_has_to_be()
    {
        Dictionary<string, int> expected = new() { ["a"] = 2, ["b"] = 1 };
        Task<string?> Of(params string[] output) => FlightRows.DifferenceAsync(expected, output.ToAsyncEnumerable());
        Assert.Null(await Of("a", "b", "a"));
        Assert.Equal("1 rows are missing, the first is a; 0 are doubled or wrong", await Of("a", "b"));
        Assert.Equal("0 rows are missing; 1 are doubled or wrong, the first is b", await Of("a", "b", "b", "a"));
        Assert.Equal("2 rows are missing, the first is a; 1 are doubled or wrong, the first is c", await Of("c", "a"));
    }
}
