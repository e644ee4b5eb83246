using System.Globalization;
using Spectre.Console;
using StreamEngine.Cli.Commands;
using StreamEngine.Cli.Terminal;
using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Demo;

/// <summary>
/// The end of the demo: the independent count, the top airports, the dead letters, the conservation line. Answers whether all of it is as it has to be.
/// </summary>
internal sealed class DemoReport(DemoRun run, DemoScreen screen)
{
    public async Task<bool> ShowAsync(ExpectedRows expected, CancellationToken cancellation)
    {
        var rows = new CommittedRows(new TopicReader(run.Connection));
        var (hourlyTopic, routesTopic) = (run.Definition.Sinks[0].Topic, run.Definition.Sinks[1].Topic);
        var hourly = await rows.HourlyAsync(hourlyTopic, expected.Hourly, cancellation);
        var routes = await rows.RoutesAsync(routesTopic, expected.Routes, cancellation);
        var aborted = await rows.CountAsync(hourlyTopic, committed: false, cancellation) - hourly.Rows;
        screen.Say("a separate read_committed consumer counts, against the rows that plain C# makes of the same flights:");
        var good = Tell(hourlyTopic, expected.Hourly.Count, hourly) & Tell(routesTopic, expected.Routes.Count, routes);
        if (aborted > 0) screen.Print($"         {aborted:N0} rows of the killed worker lie in {hourlyTopic}, in a transaction that was aborted: no committed reader sees them");
        screen.Print("");
        ShowAirports(rows);
        good &= await ShowDeadLettersAsync(expected, cancellation);
        return good & ShowConservation(expected);
    }

    private bool Tell(string topic, int expected, Difference found)
    {
        screen.Print(string.Create(CultureInfo.InvariantCulture,
            $"         {topic,-16} {found.Rows,7:N0} committed rows, {expected:N0} expected, {found.Missing} lost, {found.Extra} doubled or wrong"));
        return found.IsNone;
    }

    private void ShowAirports(CommittedRows rows)
    {
        var table = Tables.Create(("airport", false), ("flights", true), ("average delay, min", true), ("worst delay, min", true));
        foreach (var (name, airport) in rows.Airports.OrderByDescending(a => a.Value.Flights).ThenBy(a => a.Key, StringComparer.Ordinal).Take(8))
            table.AddRow(new Text(name), Number(airport.Flights, "N0"), Number(airport.DelaySum / airport.Flights, "0.0"), Number(airport.Worst, "N0"));
        screen.Print("the busiest airports, from the committed hourly rows");
        screen.Print(Tables.Render(table).TrimEnd() + "\n");
    }

    private static Text Number(IFormattable value, string format) => new(value.ToString(format, CultureInfo.InvariantCulture));

    private async Task<bool> ShowDeadLettersAsync(ExpectedRows expected, CancellationToken cancellation)
    {
        var summary = new DeadLetterSummary();
        var places = new HashSet<SourcePlace?>();
        await foreach (var record in new TopicReader(run.Connection).ReadAsync(new ReadRequest(run.Definition.DeadLetterTopic) { ReadCommitted = true }, cancellation))
        {
            var letter = DeadLetter.Of(record);
            summary.Add(letter);
            places.Add(letter.Source);
        }
        screen.Print($"the dead letters, each once: {summary.Count:N0} of {expected.Dirty:N0} spoilt flights");
        screen.Print(Tables.Render(DlqCommands.TableOf(summary)).TrimEnd() + "\n");
        return summary.Count == expected.Dirty && places.Count == expected.Dirty;
    }

    private bool ShowConservation(ExpectedRows expected)
    {
        var good = true;
        screen.Print($"conservation, summed over {run.Manifests.Count} committed epochs of {run.Manifests.Claims} workers: every row is somewhere");
        foreach (var sink in run.Definition.Sinks)
        {
            var (line, holds) = run.Manifests.Total(sink.Name);
            good &= holds && line.In == expected.Clean + expected.Dirty && line.DeadLettered == expected.Dirty;
            screen.Print(string.Create(CultureInfo.InvariantCulture,
                $"  {sink.Name,-8} in {line.In:N0} = done {line.Done:N0} + filtered {line.Filtered:N0} + late {line.Late:N0} + dead-lettered {line.DeadLettered:N0} + held in open windows {line.HeldAfter:N0}{(holds ? "" : "   DOES NOT HOLD")}"));
        }
        screen.Print("");
        return good;
    }
}
