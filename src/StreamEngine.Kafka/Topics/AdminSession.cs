using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Topics;

/// <summary>
/// What is asked of the admin client, and a new client where one is lost. The client has its own time limit; some of its answers it loses all the same (a failed
/// DeleteRecords is cast to what it is not), and where it fails within an answer it destroys itself and gives none any more.
/// </summary>
/// <param name="bootstrap">Whom it asks, for people.</param>
/// <param name="build">Makes a client.</param>
/// <param name="logger">Is told of a loss.</param>
internal sealed class AdminSession(string bootstrap, Func<IAdminClient> build, ILogger logger) : IDisposable
{
    private readonly Lock _lock = new();
    private IAdminClient? _client;

    /// <summary>The client that is asked now, made where there is none.</summary>
    public IAdminClient Client
    {
        get { lock (_lock) return _client ??= Build(); }
    }

    private IAdminClient Build()
    {
        try
        {
            return build();
        }
        catch (Exception e) when (e is KafkaException or InvalidOperationException or ArgumentException)
        {
            // A file of certificates may be exchanged at this moment.
            throw new StartupException($"Kafka's admin client for {bootstrap} cannot be made of its settings: {e.Message}\n  look at kafka.settings", e) { MayPass = true };
        }
    }

    /// <summary>Asks, and waits for the answer for so long, which is to be longer than the client itself does.</summary>
    /// <exception cref="StartupException">The answer was lost: it may be asked again.</exception>
    public async Task<T> AskAsync<T>(Func<IAdminClient, Task<T>> ask, TimeSpan longest, CancellationToken cancellation)
    {
        var client = Client;
        try
        {
            return await ask(client).WaitAsync(longest, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or ObjectDisposedException)
        {
            // One that has lost an answer and lives on is kept: it answers what is asked next, and each one that is left behind keeps its threads.
            if (e is ObjectDisposedException) Leave(client);
            logger.LogWarning("Kafka's admin client has lost an answer of {Bootstrap}", bootstrap);
            throw new StartupException($"an answer of the brokers on {bootstrap} was lost within Kafka's client\n  try again", e) { MayPass = true };
        }
    }

    // Not disposed: one that has destroyed itself, or is about to, would do it a second time, on memory that is no longer its own.
    private void Leave(IAdminClient client)
    {
        lock (_lock)
            if (_client == client) _client = null;
    }

    public void Dispose()
    {
        if (_client is not { } client) return;
        try
        {
            // That one has destroyed itself after an answer that nobody waited for shows by its name alone, which is not to be read before: it is kept from then on.
            _ = client.Name;
        }
        catch (ObjectDisposedException)
        {
            return;
        }
        client.Dispose();
    }
}
