using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>The connections over which questions were answered, a few for each broker: the next question needs no login.</summary>
/// <param name="most">Of one broker.</param>
/// <param name="time">The clock of their age.</param>
internal sealed class KeptConnections(int most, TimeProvider time) : IDisposable
{
    /// <summary>Without a question for so long one is closed, by us rather than by its broker, as soon as another one is kept.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly List<Kept> _kept = [];
    private bool _disposed;

    /// <summary>The one that was used last and may be used on, which is the caller's from then on; null where there is none.</summary>
    public BrokerConnection? Take(BrokerAddress address)
    {
        lock (_lock)
        {
            while (_kept.FindLastIndex(k => k.Connection.Address == address) is >= 0 and var last)
            {
                var connection = _kept[last].Connection;
                _kept.RemoveAt(last);
                if (!connection.IsLoginOver) return connection;
                connection.Dispose();
            }
            return null;
        }
    }

    /// <summary>Keeps one on which nothing is asked any more.</summary>
    public void Keep(BrokerConnection connection)
    {
        lock (_lock)
        {
            Close(k => time.GetElapsedTime(k.Since) > Longest);
            if (_disposed || _kept.Count(k => k.Connection.Address == connection.Address) >= most) connection.Dispose();
            else _kept.Add(new Kept(connection, time.GetTimestamp()));
        }
    }

    /// <summary>A broker is silent on one of them: the others are not tried one after the other.</summary>
    public void Drop(BrokerAddress address)
    {
        lock (_lock) Close(k => k.Connection.Address == address);
    }

    private void Close(Func<Kept, bool> isClosed)
    {
        foreach (var kept in _kept.Where(isClosed).ToList())
        {
            _kept.Remove(kept);
            kept.Connection.Dispose();
        }
    }

    private sealed record Kept(BrokerConnection Connection, long Since);

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            Close(_ => true);
        }
    }
}
