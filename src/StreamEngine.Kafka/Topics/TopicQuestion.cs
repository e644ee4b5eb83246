using System.Net.Sockets;
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

    private volatile IReadOnlyList<BrokerAddress>? _known;

    /// <summary>What a broker says of the topic.</summary>
    /// <exception cref="SocketException">No broker answers within that time, as all of <see cref="IsSilence"/>.</exception>
    /// <exception cref="LoginException">The login is refused.</exception>
    /// <exception cref="AuthenticationException">TLS fails.</exception>
    /// <exception cref="FetchException">It is answered by something else than is understood.</exception>
    /// <exception cref="StartupException">A setting is wrong.</exception>
    public Task<ClusterMetadata> AskAsync(string topic, TimeSpan timeout, CancellationToken cancellation) =>
        Task.Factory.StartNew(() => Ask(topic, timeout, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>No broker has answered.</summary>
    public static bool IsSilence(Exception e) => e is SocketException or IOException or ObjectDisposedException;

    private ClusterMetadata Ask(string topic, TimeSpan timeout, CancellationToken cancellation)
    {
        var settings = FetchSettings.Of(connection);
        settings = settings.ForQuestion(timeout < settings.LongestMetadata ? timeout : settings.LongestMetadata);
        var addresses = _known ?? settings.Bootstrap;
        var began = TimeProvider.System.GetTimestamp();
        var pause = LeastPause;
        for (var turn = 1; ; turn++)
        {
            try
            {
                var answer = Ask(addresses[(turn - 1) % addresses.Count], topic, settings, cancellation);
                // The ones of the configuration stay in: all others may have moved while nobody could be reached.
                _known = [.. answer.Brokers.Values.Union(settings.Bootstrap)];
                return answer;
            }
            catch (Exception e) when (IsSilence(e) && !cancellation.IsCancellationRequested && TimeProvider.System.GetElapsedTime(began) < timeout)
            {
                // Everyone is tried once before the first pause.
                if (turn % addresses.Count == 0 && !cancellation.WaitHandle.WaitOne(pause)) pause = pause * 2 < MostPause ? pause * 2 : MostPause;
            }
            catch (Exception e) when (IsSilence(e) && cancellation.IsCancellationRequested)
            {
                throw new OperationCanceledException("the question was given up", e, cancellation);
            }
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
