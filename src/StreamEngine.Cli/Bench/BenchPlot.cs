using System.Globalization;
using System.Text;

namespace StreamEngine.Cli.Bench;

/// <summary>What a figure is held against, in rows per second of processor time.</summary>
/// <param name="Bench">The benchmark.</param>
/// <param name="Asked">What the project has set itself.</param>
/// <param name="Limit">What a prototype that does nothing else reached on one core.</param>
/// <param name="Peers">What other systems do on such a machine.</param>
internal sealed record BenchGoal(string Bench, double Asked, double Limit, params (string Name, double Rate)[] Peers)
{
    /// <summary>From docs/performance.md, which names the sources.</summary>
    public static IReadOnlyList<BenchGoal> All { get; } =
    [
        new("json-decode", 10e6, 0, ("simdjson", 9e6), ("Utf8JsonReader", 3.75e6), ("DuckDB", 2.5e6)),
        new("filter", 500e6, 963e6),
        new("group-window", 80e6, 196e6, ("DuckDB", 26e6)),
        new("sliding", 40e6, 73e6),
        new("topic-to-topic", 1e6, 0, ("Flink 2.3", 66e3), ("Kafka Streams 4.3", 58e3)),
        new("pass", 1.5e6, 0, ("Kafka Streams 4.3", 223e3), ("Flink 2.3", 157e3)),
    ];
}

/// <summary>Figures beside what was asked, the hardware's limit and peers, as an SVG: a row a benchmark, rates on a logarithmic scale.</summary>
internal static class BenchPlot
{
    private const int Left = 130;
    private const int Width = 900;
    private const int Top = 64;
    private const int Row = 46;
    private const double Least = 4;
    private const double Most = 9.6;

    public static string Draw(IReadOnlyList<BenchResult> results)
    {
        var rows = BenchGoal.All.Select(goal => (Goal: goal, Result: results.FirstOrDefault(r => r.Name == goal.Bench)))
            .Where(r => r.Result is { CpuSeconds: > 0 }).ToList();
        var height = Top + rows.Count * Row + 40;
        var svg = new StringBuilder();
        Line(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" font-family=\"sans-serif\" font-size=\"12\">");
        Line(svg, $"<rect width=\"{Width}\" height=\"{height}\" fill=\"#ffffff\"/>");
        Line(svg, $"<text x=\"{Left}\" y=\"22\" font-size=\"15\" fill=\"#222222\">Rows per second of processor time (logarithmic)</text>");
        Line(svg, $"<rect x=\"{Left}\" y=\"33\" width=\"14\" height=\"10\" fill=\"#2f6db3\"/><text x=\"{Left + 20}\" y=\"42\" fill=\"#222222\">StreamEngine</text>");
        Line(svg, $"<path d=\"M{Left + 130} 31v14\" stroke=\"#c0392b\" stroke-width=\"2.5\"/><text x=\"{Left + 138}\" y=\"42\" fill=\"#222222\">asked</text>");
        Line(svg, $"<path d=\"M{Left + 200} 31v14\" stroke=\"#222222\" stroke-width=\"2.5\" stroke-dasharray=\"3 2\"/><text x=\"{Left + 208}\" y=\"42\" fill=\"#222222\">prototype on one core</text>");
        Line(svg, $"<circle cx=\"{Left + 360}\" cy=\"38\" r=\"4\" fill=\"#888888\"/><text x=\"{Left + 370}\" y=\"42\" fill=\"#222222\">other systems, named in order, on a machine of two thirds the speed</text>");
        Axis(svg, height - 34);
        for (var i = 0; i < rows.Count; i++) Draw(svg, Top + i * Row, rows[i].Goal, rows[i].Result!.Rows / rows[i].Result!.CpuSeconds);
        Line(svg, $"</svg>");
        return svg.ToString();
    }

    private static void Axis(StringBuilder svg, int bottom)
    {
        string[] names = ["10 k", "100 k", "1 M", "10 M", "100 M", "1 G"];
        for (var i = 0; i < names.Length; i++)
        {
            var x = X(Math.Pow(10, Least + i));
            Line(svg, $"<path d=\"M{x:0.#} {Top - 6}V{bottom}\" stroke=\"#dddddd\"/><text x=\"{x:0.#}\" y=\"{bottom + 16}\" text-anchor=\"middle\" fill=\"#555555\">{names[i]}</text>");
        }
    }

    private static void Draw(StringBuilder svg, int y, BenchGoal goal, double rate)
    {
        Line(svg, $"<text x=\"{Left - 8}\" y=\"{y + 15}\" text-anchor=\"end\" fill=\"#222222\">{goal.Bench}</text>");
        Line(svg, $"<rect x=\"{Left}\" y=\"{y + 2}\" width=\"{X(rate) - Left:0.#}\" height=\"18\" fill=\"#2f6db3\"/>");
        Line(svg, $"<text x=\"{X(rate) - 6:0.#}\" y=\"{y + 15}\" text-anchor=\"end\" fill=\"#ffffff\">{Text(rate)}</text>");
        Line(svg, $"<path d=\"M{X(goal.Asked):0.#} {y - 2}v26\" stroke=\"#c0392b\" stroke-width=\"2.5\"/>");
        if (goal.Limit > 0) Line(svg, $"<path d=\"M{X(goal.Limit):0.#} {y - 2}v26\" stroke=\"#222222\" stroke-width=\"2.5\" stroke-dasharray=\"3 2\"/>");
        if (goal.Peers.Length == 0) return;
        foreach (var (_, peer) in goal.Peers) Line(svg, $"<circle cx=\"{X(peer):0.#}\" cy=\"{y + 30}\" r=\"4\" fill=\"#888888\"/>");
        // In the order of the dots, where there is always room: right of the last.
        Line(svg, $"<text x=\"{X(goal.Peers.Max(p => p.Rate)) + 10:0.#}\" y=\"{y + 34}\" font-size=\"11\" fill=\"#555555\">{string.Join(", ", goal.Peers.OrderBy(p => p.Rate).Select(p => p.Name))}</text>");
    }

    private static double X(double rate) => Left + (Math.Log10(rate) - Least) / (Most - Least) * (Width - Left - 20);

    private static string Text(double rate) => rate >= 1e7 ? string.Create(CultureInfo.InvariantCulture, $"{rate / 1e6:0} M")
        : string.Create(CultureInfo.InvariantCulture, $"{rate / 1e6:0.00} M");

    private static void Line(StringBuilder svg, FormattableString text) => svg.Append(FormattableString.Invariant(text)).Append('\n');
}
