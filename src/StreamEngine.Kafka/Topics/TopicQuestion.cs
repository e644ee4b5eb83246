using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Authentication;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Topics;

/// <summary>
/// Asks the brokers for a topic by Kafka's own protocol, each question by a connection and a thread of its own. Confluent.Kafka's client (2.16) cannot be asked: where a
/// partition has no replica in sync at that moment (KIP-966: its only broker was fenced and comes back) it follows a null pointer as it reads the answer, never gives
/// one, and destroys its queue a second time when it is disposed, with the process.
/// </summary>
/// <param name="connection">The cluster.</param>
internal sealed class TopicQuestion(KafkaConnection connection)
{
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MostPause = TimeSpan.FromSeconds(1);

    private volatile FetchSettings? _settings;
    private volatile IReadOnlyList<BrokerAddress>? _known;

    /// <summary>What a broker says of the topic.</summary>
    /// <exception cref="SocketException">No broker answers within that time, as all of <see cref="IsSilence"/>.</exception>
    /// <exception cref="LoginException">The login is refused, also by the others.</exception>
    /// <exception cref="AuthenticationException">TLS fails, also with the others.</exception>
    /// <exception cref="FetchException">It is answered by something else than is understood, also by the others.</exception>
    /// <exception cref="StartupException">A setting is wrong.</exception>
    public Task<ClusterMetadata> AskAsync(string topic, TimeSpan timeout, CancellationToken cancellation) =>
        Task.Factory.StartNew(() => Ask(topic, timeout, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>No broker has answered.</summary>
    public static bool IsSilence(Exception e) => e is SocketException or IOException or ObjectDisposedException;

    private ClusterMetadata Ask(string topic, TimeSpan timeout, CancellationToken cancellation)
    {
        var settings = Settings().ForQuestion(timeout);
        var addresses = _known ?? settings.Bootstrap;
        // Of one attempt each step has a limit, and a broker that answers drop by drop stays below it for ever: the whole is bounded as well.
        using var limit = new CancellationTokenSource(timeout, TimeProvider.System);
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        var pause = LeastPause;
        Exception? refusal = null;
        for (var tried = 1; ; tried++)
        {
            var address = addresses[(tried - 1) % addresses.Count];
            try
            {
                var answer = Ask(address, topic, settings, bounded.Token);
                // Who has answered is asked first the next time. Those of the configuration stay in: all others may have moved while nobody could be reached.
                _known = [.. answer.Brokers.Values.Prepend(address).Union(settings.Bootstrap)];
                return answer;
            }
            catch (Exception e) when (IsSilence(e) || e is LoginException or AuthenticationException or FetchException)
            {
                // A connection that is closed in the middle fails in any of these ways.
                if (cancellation.IsCancellationRequested) throw new OperationCanceledException("the question was given up", e, cancellation);
                if (bounded.IsCancellationRequested)
                {
                    if (refusal is not null) ExceptionDispatchInfo.Throw(refusal);
                    throw new IOException($"no broker has answered in {timeout.TotalSeconds:0.#} s", e);
                }
                // One that refuses may be the only one that does.
                if (!IsSilence(e)) refusal = e;
                if (refusal == e && tried >= addresses.Count) throw;
                // Everyone is tried once before the first pause.
                if (tried % addresses.Count == 0 && !bounded.Token.WaitHandle.WaitOne(pause)) pause = pause * 2 < MostPause ? pause * 2 : MostPause;
            }
        }
    }

    // Files of certificates are read anew, since they are exchanged. That they are away, or half written, for a moment is no reason to take a question for refused.
    private FetchSettings Settings()
    {
        try
        {
            return _settings = FetchSettings.Of(connection);
        }
        catch (StartupException) when (_settings is not null)
        {
            return _settings;
        }
    }

    private static ClusterMetadata Ask(BrokerAddress address, string topic, FetchSettings settings, CancellationToken cancellation)
    {
        using var broker = new BrokerConnection(address, settings, TimeProvider.System, cancellation);
        using var registration = cancellation.Register(broker.Dispose);
        try
        {
            broker.Open();
            return ClusterMetadata.Ask(broker, topic);
        }
        catch (MalformedException e)
        {
            throw new FetchException($"broker {address} has answered the question for topic {topic} with {e.Message}", e);
        }
    }
}
