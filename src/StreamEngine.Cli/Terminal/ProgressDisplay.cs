using System.Globalization;
using StreamEngine.Core;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Terminal;

/// <summary>One line per pipeline on a terminal, redrawn: rate, rows, lag, epoch, watermark, dead letters.</summary>
internal sealed class ProgressDisplay : IAsyncDisposable
{
    private readonly IReadOnlyList<PipelineWorker> _workers;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly long[] _rows;
    private long _last;
    private bool _drawn;

    public ProgressDisplay(IReadOnlyList<PipelineWorker> workers, TimeProvider time)
    {
        _workers = workers;
        _time = time;
        _rows = new long[workers.Count];
        _last = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Draw(), null, TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(500));
    }

    /// <summary>Standard error is a terminal.</summary>
    public static bool IsPossible => !Console.IsErrorRedirected;

    private void Draw()
    {
        var seconds = _time.GetElapsedTime(_last).TotalSeconds;
        _last = _time.GetTimestamp();
        if (_drawn) Console.Error.Write($"\u001b[{_workers.Count}A");
        _drawn = true;
        for (var i = 0; i < _workers.Count; i++)
        {
            var worker = _workers[i];
            var rows = worker.RowsIn;
            var rate = (rows - _rows[i]) / Math.Max(seconds, 0.001);
            _rows[i] = rows;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"\u001b[2K{worker.Name}  {worker.Phase.ToString().ToLowerInvariant()}  {rate,10:N0} rows/s  {rows,12:N0} read  lag {(worker.Behind is { } behind ? behind.ToString("N0", CultureInfo.InvariantCulture) : "-")}  epoch {worker.Progress?.Epoch ?? 0}  watermark {Watermark.TextOf(worker.Progress?.WatermarkTime ?? Watermark.None)}  dead letters {worker.Progress?.DeadLetters ?? 0}  late {worker.Progress?.Late ?? 0}"));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        Draw();
    }
}
