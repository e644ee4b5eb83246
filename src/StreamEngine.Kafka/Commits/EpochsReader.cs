using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>Reads a slot's partition of an epochs topic: what was committed last, or all of it.</summary>
/// <param name="topics">The cluster.</param>
/// <param name="topic">The epochs topic.</param>
/// <param name="slot">The slot: its partition.</param>
/// <param name="timeout">Without an answer for so long it fails.</param>
/// <param name="time">The clock of that.</param>
/// <param name="logger">Is told of brokers that do not answer.</param>
internal sealed class EpochsReader(KafkaTopics topics, string topic, int slot, TimeSpan timeout, TimeProvider time, ILogger logger)
{
    private readonly PartitionReader _partition = new(topics, topic, slot, timeout, time, logger);

    /// <summary>
    /// The last committed manifest with its offset and the last claim, read backwards in growing steps, on the caller's thread. It ends where a manifest is found, since
    /// all claims behind that are known then and those before are of incarnations up to its own; on request it goes back to a claim, for its host and process.
    /// </summary>
    public LastEpoch ReadLast(CancellationToken cancellation, bool toClaim = false)
    {
        var (low, high) = _partition.Bounds(cancellation);
        EpochManifest? manifest = null;
        EpochClaim? claim = null;
        long at = -1;
        for (var step = 256L; high > low; step *= 4)
        {
            var from = Math.Max(low, high - step);
            Read(from, high, cancellation, (offset, m, c) =>
            {
                if (m is not null) at = offset;
                manifest = m ?? manifest;
                claim = c ?? claim;
            });
            if ((manifest is not null && (claim is not null || !toClaim)) || from == low) break;
        }
        return new LastEpoch(manifest, at, claim);
    }

    /// <summary>Hands every committed manifest that is still kept to the handler, oldest first, on a thread of its own.</summary>
    public Task ReadAllAsync(Action<EpochManifest> handle, CancellationToken cancellation) => OnThread(() =>
    {
        var (low, high) = _partition.Bounds(cancellation);
        Read(low, high, cancellation, (_, manifest, _) => Handle(manifest, handle));
        return true;
    }, cancellation);

    /// <summary>As <see cref="ReadLast"/>, on a thread of its own.</summary>
    public Task<LastEpoch> ReadLastAsync(CancellationToken cancellation) => OnThread(() => ReadLast(cancellation), cancellation);

    private static void Handle(EpochManifest? manifest, Action<EpochManifest> handle)
    {
        if (manifest is not null) handle(manifest);
    }

    private void Read(long from, long end, CancellationToken cancellation, Action<long, EpochManifest?, EpochClaim?> handle) =>
        _partition.ReadKept(from, end, (offset, value) =>
        {
            try
            {
                var (manifest, claim) = ManifestJson.Read(value.ToArray());
                handle(offset, manifest, claim);
            }
            catch (FormatException e)
            {
                throw new StartupException($"{topic}-{slot} offset {offset}: {e.Message}", e);
            }
        }, cancellation);

    // The client's calls block: they get a thread that nobody else waits for.
    private static Task<T> OnThread<T>(Func<T> call, CancellationToken cancellation) =>
        Task.Factory.StartNew(call, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
