using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>Deletes what a slot never reads again from its partitions of the state and epochs topics. What cannot be deleted now is tried again later.</summary>
/// <param name="topics">To delete with.</param>
/// <param name="epochs">The slot's manifests.</param>
/// <param name="options">The slot, and how long manifests are kept.</param>
/// <param name="time">The clock of that.</param>
/// <param name="logger">For what could not be deleted.</param>
internal sealed class SlotTrim(KafkaTopics topics, EpochsReader epochs, KafkaCommitLogOptions options, TimeProvider time, ILogger logger)
{
    private long _stateFrom;
    private long _manifestsAt;

    /// <summary>Whether it is time again to look for old manifests.</summary>
    public bool IsDue => time.GetElapsedTime(_manifestsAt) >= options.ManifestTrims;

    /// <summary>Manifests older than they are kept go when an incarnation starts and once an hour; the last one stays.</summary>
    /// <param name="last">The last manifest's offset; null to look it up.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task ManifestsAsync(long? last, CancellationToken cancellation)
    {
        _manifestsAt = time.GetTimestamp();
        try
        {
            var old = time.GetUtcNow() - options.ManifestsKeep;
            var before = await topics.OffsetOfTimeAsync(options.EpochsTopic, options.Slot, old.ToUnixTimeMilliseconds(), cancellation);
            // Without a record of that age or younger all are old.
            var kept = Math.Min(before ?? long.MaxValue, last ?? (await epochs.ReadLastAsync(cancellation)).Offset);
            if (kept > 0) await topics.DeleteRecordsAsync(options.EpochsTopic, options.Slot, kept, cancellation);
        }
        catch (Exception e) when (e is Confluent.Kafka.KafkaException or StartupException { MayPass: true } or OperationCanceledException or KafkaClientException)
        {
            logger.LogWarning(e, "old manifests of {Topic} could not be deleted; it is tried again", options.EpochsTopic);
        }
    }

    /// <summary>State behind the older of the two newest snapshots is never read again.</summary>
    public async Task StateAsync(EpochManifest manifest, CancellationToken cancellation)
    {
        if (manifest.State.Full.Count < 2 || manifest.State.Full[0] <= _stateFrom) return;
        try
        {
            await topics.DeleteRecordsAsync(options.StateTopic, options.Slot, manifest.State.Full[0], cancellation);
            _stateFrom = manifest.State.Full[0];
        }
        catch (Exception e) when (e is Confluent.Kafka.KafkaException or StartupException { MayPass: true } or OperationCanceledException)
        {
            logger.LogWarning(e, "state before offset {Offset} of {Topic} could not be deleted; it is tried again after the next snapshot", manifest.State.Full[0],
                options.StateTopic);
        }
    }
}
