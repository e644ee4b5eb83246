using System.Globalization;

namespace StreamEngine.Cli.Soak;

/// <summary>
/// The memory of a role over a campaign, in which one process follows another: the slope is taken within the processes, of each without its first seconds, so that what
/// they start with does not hide what they lose.
/// </summary>
internal sealed class MemorySeries
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(20);

    private readonly Dictionary<int, Life> _lives = [];

    private sealed class Life
    {
        public double Born;
        public double N, T, M, TT, TM;
    }

    public double? First { get; private set; }

    public double Last { get; private set; }

    public double Most { get; private set; }

    /// <summary>A sample; nothing where the process is gone.</summary>
    public void Add(int process, double seconds, double? megabytes)
    {
        if (megabytes is not { } mb) return;
        First ??= mb;
        Last = mb;
        Most = Math.Max(Most, mb);
        if (!_lives.TryGetValue(process, out var life)) _lives[process] = life = new Life { Born = seconds };
        if (seconds - life.Born < WarmUp.TotalSeconds) return;
        life.N++;
        life.T += seconds;
        life.M += mb;
        life.TT += seconds * seconds;
        life.TM += seconds * mb;
    }

    /// <summary>Megabytes an hour; null where no process lived long enough to tell.</summary>
    public double? Slope
    {
        get
        {
            var lives = _lives.Values.Where(l => l.N > 1).ToList();
            var time = lives.Sum(l => l.TT - l.T * l.T / l.N);
            // A minute of samples at least: less says nothing.
            return lives.Sum(l => l.N) < 12 || time <= 0 ? null : lives.Sum(l => l.TM - l.T * l.M / l.N) / time * 3600;
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"first {First ?? 0:0} MB, last {Last:0} MB, most {Most:0} MB, {(Slope is { } slope ? $"slope {slope:+0.0;-0.0} MB an hour within a process" : "too short a life for a slope")}");
}
