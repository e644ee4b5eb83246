using Microsoft.Extensions.Logging;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Warnings about what is tried again and again: the first is written, then at most one a minute of each kind.</summary>
internal sealed class QuietLog(ILogger logger, TimeProvider time)
{
    private const int MostKinds = 1000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (long At, int Untold)> _last = [];

    /// <summary>A warning of a kind.</summary>
    public void Warn(string kind, string text)
    {
        int untold;
        lock (_lock)
        {
            var known = _last.TryGetValue(kind, out var last);
            if (known && time.GetElapsedTime(last.At) < TimeSpan.FromMinutes(1))
            {
                _last[kind] = (last.At, last.Untold + 1);
                return;
            }
            if (_last.Count > MostKinds) _last.Clear();
            untold = last.Untold;
            _last[kind] = (time.GetTimestamp(), 0);
        }
        if (untold > 0) logger.LogWarning("{Text} (and {Untold} times since the last such line)", text, untold);
        else logger.LogWarning("{Text}", text);
    }

    /// <summary>It is over: the next one of that kind is written at once.</summary>
    public void Over(string kind, string text)
    {
        lock (_lock)
            if (!_last.Remove(kind)) return;
        logger.LogInformation("{Text}", text);
    }
}
