using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Authentication;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>
/// Asks the brokers by Kafka's own protocol, each question on a thread of its own, a few at a time. Confluent.Kafka's client (2.16) is not asked: as it learns of the
/// brokers it may close its first connection with a question on it, and repeats that half a second later; where a partition has no replica in sync at that moment
/// (KIP-966: its only broker was fenced and comes back) it follows a null pointer, never answers, and destroys its queue a second time when it is disposed, with the
/// process.
/// </summary>
/// <param name="connection">The cluster.</param>
internal sealed class ClusterQuestions(KafkaConnection connection) : IDisposable
{
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MostPause = TimeSpan.FromSeconds(1);

    /// <summary>Questions at a time: a source asks for each of its partitions where those are idle.</summary>
    private const int MostAtOnce = 4;

    private readonly KeptConnections _kept = new(MostAtOnce, TimeProvider.System);
    private readonly KnownEpochs _epochs = new();
    private readonly SemaphoreSlim _turn = new(MostAtOnce);
    private volatile FetchSettings? _settings;
    private volatile IReadOnlyList<BrokerAddress>? _known;

    /// <summary>What the brokers answer. It is asked again, of each broker in turn, while none of them is reached, and while an error is one that passes.</summary>
    /// <param name="about">What it is about, for messages.</param>
    /// <param name="ask">Asks it; called again for each attempt.</param>
    /// <param name="timeout">For all attempts together.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="SocketException">No broker answers within that time, as all of <see cref="IsSilence"/>.</exception>
    /// <exception cref="LoginException">The login is refused, also by the others.</exception>
    /// <exception cref="AuthenticationException">TLS fails, also with the others.</exception>
    /// <exception cref="FetchException">It is answered by something else than is understood, also by the others.</exception>
    /// <exception cref="RefusedException">It is refused, for good or until that time was over.</exception>
    /// <exception cref="StartupException">A setting is wrong.</exception>
    public async Task<T> AskAsync<T>(string about, Func<QuestionRound, T> ask, TimeSpan timeout, CancellationToken cancellation)
    {
        var begun = TimeProvider.System.GetTimestamp();
        if (!await _turn.WaitAsync(timeout, cancellation))
            throw new StartupException($"the brokers on {connection.Bootstrap} cannot be asked for {about}: other questions have waited {timeout.TotalSeconds:0.#} s for their answers")
            {
                MayPass = true,
            };
        try
        {
            return await Task.Factory.StartNew(() => Ask(about, ask, timeout, begun, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>No broker has answered.</summary>
    public static bool IsSilence(Exception e) => e is SocketException or IOException or ObjectDisposedException;

    private T Ask<T>(string about, Func<QuestionRound, T> ask, TimeSpan timeout, long begun, CancellationToken cancellation)
    {
        var settings = Settings().ForQuestion(timeout);
        var addresses = _known ?? settings.Bootstrap;
        // Of one attempt each step has a limit, and a broker that answers drop by drop stays below it for ever: the whole is bounded as well.
        var left = timeout - TimeProvider.System.GetElapsedTime(begun);
        using var limit = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, TimeProvider.System);
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        var pause = LeastPause;
        Exception? refusal = null;
        for (var tried = 1; ; tried++)
        {
            var address = addresses[(tried - 1) % addresses.Count];
            using var round = new QuestionRound(_kept, _epochs, address, settings, bounded.Token);
            try
            {
                var answer = AskOnce(about, ask, round);
                // Who has answered is asked first the next time. Those of the configuration stay in: all others may have moved while nobody could be reached.
                if (round.Brokers.Count > 0) _known = [.. round.Brokers.Values.Prepend(address).Union(settings.Bootstrap)];
                round.Keep();
                return answer;
            }
            catch (Exception e) when (IsSilence(e) || e is LoginException or AuthenticationException or FetchException or RefusedException { IsPassing: true })
            {
                // A connection that is closed in the middle fails in any of these ways.
                if (cancellation.IsCancellationRequested) throw new OperationCanceledException("the question was given up", e, cancellation);
                if (bounded.IsCancellationRequested)
                {
                    if (refusal is not null) ExceptionDispatchInfo.Throw(refusal);
                    throw new IOException($"no broker has answered in {timeout.TotalSeconds:0.#} s", e);
                }
                if (round.IsOnKept && IsSilence(e))
                {
                    _kept.Drop(round.Last);
                    round.KeepOthers();
                    // That a connection of an earlier question was closed meanwhile says nothing of its broker.
                    if (!IsTimeout(e))
                    {
                        tried--;
                        continue;
                    }
                }
                // What has answered so far is of use for the next attempt.
                if (e is RefusedException) round.Keep();
                else round.KeepOthers();
                // One that refuses may be the only one that does.
                if (!IsSilence(e)) refusal = e;
                if (refusal == e && e is not RefusedException && tried >= addresses.Count) throw;
                // Everyone is tried once before the first pause.
                if (tried % addresses.Count == 0 && !bounded.Token.WaitHandle.WaitOne(pause)) pause = pause * 2 < MostPause ? pause * 2 : MostPause;
            }
        }
    }

    private static bool IsTimeout(Exception e) => (e as SocketException ?? e.InnerException as SocketException)?.SocketErrorCode == SocketError.TimedOut;

    private static T AskOnce<T>(string about, Func<QuestionRound, T> ask, QuestionRound round)
    {
        try
        {
            return ask(round);
        }
        catch (MalformedException e)
        {
            throw new FetchException($"broker {round.Last} has answered the question for {about} with {e.Message}", e);
        }
    }

    /// <summary>
    /// The settings that connections are made with. Files of certificates are read anew, since they are exchanged. That they are away, or half written, for a moment is
    /// no reason to take a question for refused.
    /// </summary>
    /// <exception cref="StartupException">One is wrong.</exception>
    public FetchSettings Settings()
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

    public void Dispose() => _kept.Dispose();
}
