using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>The connections over which questions were answered, a few for each broker: the next question needs no login.</summary>
/// <param name="most">Of one broker.</param>
internal sealed class KeptConnections(int most) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BrokerAddress, Stack<BrokerConnection>> _connections = [];
    private bool _disposed;

    /// <summary>One that may be used on, which is the caller's from then on; null where there is none.</summary>
    public BrokerConnection? Take(BrokerAddress address)
    {
        lock (_lock)
        {
            if (!_connections.TryGetValue(address, out var kept)) return null;
            while (kept.TryPop(out var connection))
            {
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
            if (!_connections.TryGetValue(connection.Address, out var kept)) _connections[connection.Address] = kept = [];
            if (_disposed || kept.Count >= most) connection.Dispose();
            else kept.Push(connection);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var connection in _connections.Values.SelectMany(c => c)) connection.Dispose();
            _connections.Clear();
        }
    }
}
