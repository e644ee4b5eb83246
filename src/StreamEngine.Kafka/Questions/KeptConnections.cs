using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>The connections over which questions were answered, one for each broker: the next question needs no login.</summary>
internal sealed class KeptConnections : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BrokerAddress, BrokerConnection> _connections = [];
    private bool _disposed;

    /// <summary>One that may be used on, which is the caller's from then on; null where there is none.</summary>
    public BrokerConnection? Take(BrokerAddress address)
    {
        BrokerConnection? connection;
        lock (_lock) _connections.Remove(address, out connection);
        if (connection is { IsLoginOver: false }) return connection;
        connection?.Dispose();
        return null;
    }

    /// <summary>Keeps one on which nothing is asked any more.</summary>
    public void Keep(BrokerConnection connection)
    {
        BrokerConnection? spare = connection;
        lock (_lock)
            if (!_disposed && _connections.TryAdd(connection.Address, connection)) spare = null;
        spare?.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var connection in _connections.Values) connection.Dispose();
            _connections.Clear();
        }
    }
}
