using System.Net.Sockets;
using System.Security.Authentication;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Finds out who leads the partitions, at the start, after errors, and now and then; on a thread of its own, by a connection for each question.</summary>
internal sealed class LeaderLookup
{
    private static readonly TimeSpan LeastBetween = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan MostBetween = TimeSpan.FromSeconds(1);

    private readonly FetchClient _client;
    private readonly Thread _thread;
    private IReadOnlyList<BrokerAddress> _known = [];
    private BrokerConnection? _connection;
    private bool _asked = true;
    private BrokerAddress? _silent;
    private int _turn;

    public LeaderLookup(FetchClient client)
    {
        _client = client;
        _thread = new Thread(Run) { IsBackground = true, Name = $"kafka leaders {client.Name}" };
    }

    public void Start() => _thread.Start();

    /// <summary>To be asked soon. The caller holds the client's lock.</summary>
    /// <param name="silent">A broker that just did not answer, which is not the one to be asked first.</param>
    public void Ask(BrokerAddress? silent = null)
    {
        _asked = true;
        _silent = silent ?? _silent;
        Monitor.PulseAll(_client.Gate);
    }

    private void Run()
    {
        var pause = LeastBetween;
        var failures = 0;
        try
        {
            while (WaitUntilAsked())
            {
                var (answered, complete) = AskOnce();
                if (!answered)
                {
                    // Everyone is tried once before the first pause.
                    if (++failures % Math.Max(1, Addresses().Count) == 0) pause = Pause(pause, _client.Settings.ReconnectBackoffMost);
                }
                else if (!complete) pause = Pause(pause, MostBetween);
                else
                {
                    failures = 0;
                    pause = LeastBetween;
                    _client.Stopping.WaitHandle.WaitOne(LeastBetween);
                    continue;
                }
                lock (_client.Gate) _asked = true;
            }
        }
        catch (Exception e)
        {
            _client.Fail(e);
        }
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private TimeSpan Pause(TimeSpan pause, TimeSpan most)
    {
        _client.Stopping.WaitHandle.WaitOne(pause < most ? pause : most);
        return pause * 2 < most ? pause * 2 : most > LeastBetween ? most : LeastBetween;
    }

    private bool WaitUntilAsked()
    {
        var since = _client.Time.GetTimestamp();
        lock (_client.Gate)
        {
            // Also where it is asked on and on, since a partition has no leader.
            _client.LookForOverdue();
            while (!_client.IsStopped && !_asked)
            {
                var left = _client.Settings.MetadataAge - _client.Time.GetElapsedTime(since);
                _client.LookForOverdue();
                if (left <= TimeSpan.Zero || _asked) break;
                Monitor.Wait(_client.Gate, Least(left, Look));
            }
            _asked = false;
            return !_client.IsStopped;
        }
    }

    private IReadOnlyList<BrokerAddress> Addresses() => _known.Count > 0 ? _known : _client.Settings.Bootstrap;

    private (bool Answered, bool Complete) AskOnce()
    {
        var addresses = Addresses();
        lock (_client.Gate)
        {
            // What the silent ones know may be old, and they would only be waited for.
            BrokerAddress[] silent = _silent is { } last ? [last, .. _client.Overdue] : [.. _client.Overdue];
            for (var i = 0; i < addresses.Count && silent.Contains(addresses[_turn % addresses.Count]); i++) _turn++;
            _silent = null;
        }
        var address = addresses[_turn % addresses.Count];
        var connection = new BrokerConnection(address, _client.Settings.ForQuestion(_client.Settings.LongestMetadata), _client.Time, _client.Stopping);
        lock (_client.Gate)
        {
            if (_client.IsStopped) return (false, false);
            _connection = connection;
        }
        try
        {
            connection.Open();
            var metadata = ClusterMetadata.Ask(connection, _client.Topic);
            _client.Log.Over($"metadata {address}", $"broker {address} answers again");
            // The ones of the configuration stay in: all others may have moved while nobody could be reached.
            _known = [.. metadata.Brokers.Values.Union(_client.Settings.Bootstrap)];
            return (true, _client.Apply(metadata));
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or AuthenticationException or LoginException)
        {
            _turn++;
            if (!_client.IsStopped) _client.Log.Warn($"metadata {address}", $"broker {address} cannot be asked for the leaders of {_client.Topic}: {e.Message}");
            return (false, false);
        }
        catch (MalformedException e)
        {
            throw new FetchException($"broker {address} has answered the question for the leaders of {_client.Topic} with {e.Message}", e);
        }
        finally
        {
            connection.Dispose();
        }
    }

    /// <summary>Ends what blocks. The caller holds the client's lock, which says that it is stopped.</summary>
    public void Close() => _connection?.Dispose();

    public bool Join(TimeSpan patience) => !_thread.IsAlive || _thread.Join(patience);
}
