using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>
/// Whether another worker has taken over a slot. The claims tell what the client cannot: the first sign of having been fenced may be a record that it purged, and a
/// worker that starts again without looking would fence its own successor.
/// </summary>
/// <param name="topics">To ask for the topics.</param>
/// <param name="epochs">The slot's claims and manifests.</param>
/// <param name="options">The slot.</param>
/// <param name="logger">For what cannot be read.</param>
/// <param name="stopping">Ends all looking.</param>
internal sealed class Succession(KafkaTopics topics, EpochsReader epochs, KafkaCommitLogOptions options, ILogger logger, CancellationToken stopping)
{
    // For how long a successor may be about to write its claim when a client has learnt that its epoch is old.
    private const int Longest = 2000;

    private long _seenEnd = -1;

    /// <summary>Whether the topic of the claim is gone or another one.</summary>
    public async Task<FencedException?> ReplacedAsync(EpochClaim own, CancellationToken cancellation)
    {
        var topic = await topics.FindAsync(options.EpochsTopic, cancellation);
        return topic?.Id == own.TopicId ? null
            : new FencedException($"topic '{options.EpochsTopic}' was deleted{(topic is null ? "" : " and created again")} while incarnation {own.Incarnation} of slot {own.Slot} ran: the pipeline was cancelled or reset by somebody else");
    }

    /// <summary>A later worker's taking over; null where there is none. It blocks.</summary>
    public FencedException? Find(EpochClaim own, CancellationToken cancellation, Exception? cause = null)
    {
        var last = epochs.ReadLast(cancellation);
        if (last.Claim is null && last.Incarnation > own.Incarnation) last = epochs.ReadLast(cancellation, toClaim: true);
        return last.SuccessorOf(own, cause);
    }

    /// <summary>Both of them; what cannot be read is the caller's. It blocks.</summary>
    public FencedException? Look(EpochClaim own, CancellationToken cancellation, Exception? cause) =>
        ReplacedAsync(own, cancellation).GetAwaiter().GetResult() ?? Find(own, cancellation, cause);

    /// <summary>
    /// What a failure of the client means: a taking over, or just itself. Where the client knows that its epoch is old (fenced, or timed out) the successor may still be
    /// about to write its claim, so that it is looked for during a growing delay. It blocks.
    /// </summary>
    public Exception Explain(EpochClaim own, KafkaClientException cause, bool isFatal)
    {
        var longest = isFatal || cause.Code is LibRdKafka.Fenced or LibRdKafka.InvalidProducerEpoch or LibRdKafka.ProducerFenced ? Longest : 0;
        for (var wait = 0; wait <= longest && !stopping.IsCancellationRequested; wait = wait * 2 + 250)
        {
            if (wait > 0) stopping.WaitHandle.WaitOne(wait);
            if (TryFind(own, cause) is { } end) return end;
        }
        return cause;
    }

    /// <summary>
    /// The look of one who has written nothing for a while: two copies that both wait for rows would live side by side until one has something to commit.
    /// </summary>
    public async Task<FencedException?> LookAsync(EpochClaim own)
    {
        try
        {
            if (await ReplacedAsync(own, stopping) is { } replaced) return replaced;
            var (end, _) = await topics.EndsAsync(options.EpochsTopic, options.Slot, stopping);
            if (end == _seenEnd) return null;
            var successor = await Task.Factory.StartNew(() => Find(own, stopping), stopping, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            _seenEnd = end;
            return successor;
        }
        catch (Exception e) when (e is Confluent.Kafka.KafkaException or KafkaClientException or StartupException or OperationCanceledException
            or InvalidOperationException)
        {
            // No broker, or the log is being closed: whoever writes next learns of it.
            logger.LogDebug(e, "the end of {Topic} cannot be asked", options.EpochsTopic);
            return null;
        }
    }

    private FencedException? TryFind(EpochClaim own, KafkaClientException cause)
    {
        try
        {
            return ReplacedAsync(own, stopping).GetAwaiter().GetResult() ?? FindOrNewer(own, cause);
        }
        catch (Exception e) when (e is KafkaClientException or OperationCanceledException or StartupException or Confluent.Kafka.KafkaException)
        {
            logger.LogWarning("the claims of {Topic} cannot be read: {Why}", options.EpochsTopic, e.Message);
            return null;
        }
    }

    private FencedException? FindOrNewer(EpochClaim own, KafkaClientException cause)
    {
        try
        {
            return Find(own, stopping, cause);
        }
        catch (StartupException e) when (e.InnerException is FormatException)
        {
            // Only a newer engine writes what this one cannot read: it has taken over.
            return new FencedException($"incarnation {own.Incarnation} of slot {own.Slot} was fenced by a newer engine: {e.Message}", e);
        }
    }
}
