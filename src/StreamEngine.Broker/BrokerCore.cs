using StreamEngine.Broker.Api;
using StreamEngine.Broker.Fetching;
using StreamEngine.Broker.Groups;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;
using StreamEngine.Broker.Topics;
using StreamEngine.Broker.Transactions;

namespace StreamEngine.Broker;

/// <summary>
/// A Kafka-protocol broker without sockets, threads or a clock: one caller at a time hands it requests and the time (milliseconds since 1970, UTC).
/// The same requests at the same times give the same answers, byte for byte.
/// </summary>
internal sealed class BrokerCore : IDisposable
{
    public const int NodeId = 1;

    private const int ExpiryInterval = 60_000;
    private readonly Journal _journal;
    private long _nextExpiry = long.MaxValue;
    private long _nextRetention = long.MaxValue;

    /// <summary>Opens what <paramref name="storage"/> holds; what a crash left behind is repaired, and <paramref name="note"/> is told of it.</summary>
    public BrokerCore(BrokerOptions options, ILogStorage storage, long now, Action<string>? note = null)
    {
        note ??= static _ => { };
        (Options, Storage) = (options, storage);
        _journal = new Journal(storage.Journal);
        Offsets = new GroupOffsets(_journal, options.MaxGroups);
        Topics = new TopicRegistry(storage, _journal, options.MaxPartitions, Offsets.RemoveTopics);
        Waits = new FetchWaits();
        var limits = new TransactionLimits((int)options.MaxTransactionTimeout.TotalMilliseconds, (long)options.TransactionalIdExpiration.TotalMilliseconds,
            options.MaxTransactionalIds);
        Transactions = new TransactionCoordinator(Topics, Offsets, _journal, limits, p => Waits.Grown(p), SyncIfAlways);
        var known = false;
        _journal.Replay((JournalEntry entry, byte version, ref ProtocolReader r) => known |= Replay(entry, version, ref r), note);
        if (!known)
        {
            Topics.Seed = options.Seed ?? (ulong)now;
            _journal.Append(JournalEntry.Identity, 0, WriteIdentity);
        }
        ClusterId = Convert.ToBase64String(TopicRegistry.DeriveId(Topics.Seed, 0).ToByteArray()).Replace('+', '-').Replace('/', '_').TrimEnd('=');
        Groups = new GroupCoordinator(Topics.Seed, now, options.MaxGroups);
        Topics.OpenAll(now, note);
        Transactions.Recover(now, note);
        _nextExpiry = now + ExpiryInterval;
        _nextRetention = now + RetentionInterval;
    }

    public BrokerOptions Options { get; }

    public ILogStorage Storage { get; }

    public TopicRegistry Topics { get; }

    public GroupOffsets Offsets { get; }

    public GroupCoordinator Groups { get; }

    public TransactionCoordinator Transactions { get; }

    public FetchWaits Waits { get; }

    public string ClusterId { get; }

    /// <summary>Where clients are told to connect to.</summary>
    public (string Host, int Port) Endpoint { get; set; } = ("127.0.0.1", 9092);

    /// <summary>When <see cref="Advance"/> has something to do, if no request comes before.</summary>
    public long NextDeadline => Math.Min(Math.Min(Waits.NextDeadline, Transactions.NextDeadline), Math.Min(Groups.NextDeadline, Math.Min(_nextExpiry, _nextRetention)));

    private long RetentionInterval => Math.Max(1, (long)Options.RetentionCheckInterval.TotalMilliseconds);

    /// <summary>
    /// Answers a request, or leaves it pending until a later call completes it. Throws <see cref="ProtocolException"/> for bytes that are no request
    /// this broker serves: the sender's connection has to be closed.
    /// </summary>
    public void Handle(BrokerExchange exchange, long now)
    {
        Advance(now);
        ApiTable.Dispatch(this, exchange, now);
        Settle();
    }

    /// <summary>Completes what waited for the time to pass: fetches, transactions that timed out, records that are kept no longer.</summary>
    public void Advance(long now)
    {
        if (now < NextDeadline) return;
        Waits.Advance(now);
        Transactions.Advance(now);
        Groups.Advance(now);
        if (now >= _nextExpiry)
        {
            _nextExpiry = now + ExpiryInterval;
            var before = now - (long)Options.ProducerIdExpiration.TotalMilliseconds;
            foreach (var topic in Topics.All)
                foreach (var partition in topic.Partitions) partition.Log.Producers.Expire(before);
        }
        if (now >= _nextRetention)
        {
            _nextRetention = now + RetentionInterval;
            Topics.Retain(now);
        }
        Settle();
    }

    /// <summary>Forgets a pending exchange whose sender is gone.</summary>
    public void Cancel(BrokerExchange exchange) => Waits.Cancel(exchange);

    /// <summary>An orderly end: the next start need not replay the logs. Dropping the object without it is a crash, and loses nothing either.</summary>
    public void Dispose()
    {
        foreach (var topic in Topics.All)
            foreach (var partition in topic.Partitions) partition.Log.WriteCheckpoint();
        Storage.Sync();
    }

    private void SyncIfAlways()
    {
        if (Options.Fsync == FsyncPolicy.Always) Storage.Sync();
    }

    private void Settle()
    {
        SyncIfAlways();
        Waits.Settle();
        if (!_journal.WantsCompaction) return;
        _journal.Compact([(JournalEntry.Identity, 0, WriteIdentity), .. Topics.Snapshot(), .. Transactions.Snapshot(), .. Offsets.Snapshot()]);
    }

    private bool Replay(JournalEntry entry, byte version, ref ProtocolReader r)
    {
        if (version > (entry == JournalEntry.Transaction ? TransactionEntry.Version : 0))
            throw new Log.BrokerStorageException($"the journal has a record {entry} of version {version}: it was written by a newer broker, use that one");
        if (entry == JournalEntry.Identity)
        {
            Topics.Seed = (ulong)r.Int64();
            Topics.Created = r.Int64();
            return true;
        }
        Topics.Replay(entry, ref r);
        Transactions.Replay(entry, version, ref r);
        Offsets.Replay(entry, ref r);
        return false;
    }

    private void WriteIdentity(ProtocolWriter w)
    {
        w.Int64((long)Topics.Seed);
        w.Int64(Topics.Created);
    }
}
