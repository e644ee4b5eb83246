using Microsoft.Extensions.Logging;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// Fetches partitions of one topic from their leaders, a bounded amount ahead. A partition whose records are not taken is not asked for, and the others go on. Nothing is
/// committed and no group is joined: positions are given by whoever starts it.
/// </summary>
internal sealed class FetchClient : IDisposable
{
    /// <summary>With a partition that may get room at any time a broker must not keep the connection long.</summary>
    private const int ShortWaitMs = 20;
    private const int MostCorruptTries = 3;
    private const int MostNamed = 10;

    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan OverdueAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Dictionary<int, FetchedPartition> _partitions = [];
    private readonly Dictionary<int, BrokerFetcher> _fetchers = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Action _arrived;
    private readonly Action<Exception> _failed;
    private readonly LeaderLookup _lookup;
    private Guid _topicId;
    private bool _started;

    public FetchClient(string name, string topic, Guid topicId, FetchSettings settings, IReadOnlyDictionary<int, OffsetAndEpoch> positions,
        MemoryScope memory, TimeProvider time, ILogger logger, Action arrived, Action<Exception> failed)
    {
        Name = name;
        Topic = topic;
        _topicId = topicId;
        Settings = settings;
        Memory = memory;
        Time = time;
        Log = new QuietLog(logger, time);
        _arrived = arrived;
        _failed = failed;
        _lookup = new LeaderLookup(this);
        foreach (var (index, position) in positions) _partitions[index] = new FetchedPartition(index, position, settings.PartitionBytes);
    }

    public string Name { get; }

    public string Topic { get; }

    /// <summary>The topic's id; empty where no broker has told one.</summary>
    public Guid TopicId
    {
        get { lock (Gate) return _topicId; }
    }

    public FetchSettings Settings { get; }

    public MemoryScope Memory { get; }

    public TimeProvider Time { get; }

    public QuietLog Log { get; }

    /// <summary>Guards what is asked for and what came; pulsed when there may be something to do.</summary>
    public object Gate { get; } = new();

    public CancellationToken Stopping => _stopping.Token;

    public bool IsStopped => _stopping.IsCancellationRequested;

    public void Start()
    {
        _started = true;
        _lookup.Start();
    }

    /// <summary>The next that came of a partition, in order; the caller owns its memory.</summary>
    public bool TryTake(int index, out RawRecords? raw)
    {
        lock (Gate)
        {
            var partition = _partitions[index];
            if (!partition.Raw.TryDequeue(out raw)) return false;
            partition.RawBytes -= raw.Length;
            Monitor.PulseAll(Gate);
            return true;
        }
    }

    /// <summary>More came and was not taken yet.</summary>
    public bool HasMore(int index)
    {
        lock (Gate) return _partitions[index].Raw.Count > 0;
    }

    /// <summary>The end of the log when it was last fetched; -1 before.</summary>
    public long HighWatermarkOf(int index)
    {
        lock (Gate) return _partitions[index].HighWatermark;
    }

    /// <summary>The epoch of the leader that took the record before an offset that was taken; -1 for not known.</summary>
    public int LeaderEpochBefore(int index, long offset)
    {
        lock (Gate) return _partitions[index].Epochs.Before(offset);
    }

    /// <summary>Nothing more is wanted of the partition.</summary>
    public void Finish(int index)
    {
        lock (Gate)
        {
            var partition = _partitions[index];
            partition.IsFinished = true;
            while (partition.Raw.TryDequeue(out var raw)) raw.Block?.Release();
        }
    }

    /// <summary>Waits until partitions of a broker have room, and says what to ask it and on which terms; false when all is over.</summary>
    public bool WaitForQuestions(BrokerFetcher fetcher, List<PartitionQuestion> questions, out FetchTerms terms)
    {
        lock (Gate)
        {
            IsIdle(fetcher);
            while (!IsStopped)
            {
                var now = Time.GetTimestamp();
                var least = TimeSpan.MaxValue;
                var heldBack = false;
                questions.Clear();
                foreach (var partition in _partitions.Values)
                {
                    if (partition.Replica >= 0 && now >= partition.ReplicaUntil)
                    {
                        partition.Replica = -1;
                        // The leader's thread may be waiting without an end: it reads the partition again.
                        Monitor.PulseAll(Gate);
                    }
                    if (partition.Replica >= 0 && partition.Leader == fetcher.Node)
                    {
                        var until = Time.GetElapsedTime(now, partition.ReplicaUntil);
                        least = until < least ? until : least;
                    }
                    if (partition.Node != fetcher.Node || partition.IsFinished) continue;
                    if (partition.NotBefore > now)
                    {
                        heldBack = true;
                        var left = Time.GetElapsedTime(now, partition.NotBefore);
                        least = left < least ? left : least;
                    }
                    else if (partition.RawBytes > 0 && partition.RawBytes + partition.MostBytes > Settings.WaitingBytes) heldBack = true;
                    else questions.Add(new PartitionQuestion(partition, partition.Next, partition.Leader, partition.LeaderEpoch, partition.LastEpoch,
                        partition.MostBytes));
                }
                if (questions.Count > 0)
                {
                    var waitMs = heldBack ? Math.Min(ShortWaitMs, Settings.MaxWaitMs) : Settings.MaxWaitMs;
                    // A leader that knows the rack would name the replica that hangs again, and give no records.
                    terms = new FetchTerms(waitMs, _fetchers.Values.Any(f => f.IsOverdue) ? "" : Settings.Rack);
                    Rotate(questions, fetcher.Turn++);
                    LookLater(fetcher, terms);
                    return true;
                }
                if (least == TimeSpan.MaxValue) Monitor.Wait(Gate);
                else Monitor.Wait(Gate, least + TimeSpan.FromMilliseconds(1));
            }
            terms = default;
            return false;
        }
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * Time.TimestampFrequency);

    /// <summary>A broker is connected with and was asked: its time begins.</summary>
    public void Asked(BrokerFetcher fetcher, FetchTerms terms)
    {
        lock (Gate) LookLater(fetcher, terms);
    }

    private void LookLater(BrokerFetcher fetcher, FetchTerms terms) => (fetcher.LookAt, fetcher.ReceivedBefore) =
        (Time.GetTimestamp() + Ticks(TimeSpan.FromMilliseconds(terms.WaitMs) + Settings.Overdue), -1);

    /// <summary>A broker has answered what it was asked, all of it.</summary>
    public void Answered(BrokerFetcher fetcher)
    {
        lock (Gate) IsIdle(fetcher);
    }

    private static void IsIdle(BrokerFetcher fetcher) => (fetcher.LookAt, fetcher.IsOverdue) = (long.MaxValue, false);

    /// <summary>
    /// Tells which brokers hang, once, and lets the others be asked, now and again, who leads their partitions: a process that stands still keeps its connections. The
    /// caller holds the lock.
    /// </summary>
    public void LookForOverdue()
    {
        var now = Time.GetTimestamp();
        foreach (var fetcher in _fetchers.Values.Where(f => f.LookAt <= now))
        {
            fetcher.LookAt = now + Ticks(OverdueAgain);
            // A long answer comes bit by bit; and what came while this process itself stood still is yet to be read.
            var received = fetcher.Received;
            if (fetcher.ReceivedBefore != received)
            {
                fetcher.ReceivedBefore = received;
                continue;
            }
            if (!fetcher.IsOverdue) Log.Warn($"fetch {fetcher.Node}", TextOfOverdue(fetcher));
            fetcher.IsOverdue = true;
            ReadFromLeaders(fetcher);
            _lookup.Ask();
        }
    }

    private string TextOfOverdue(BrokerFetcher fetcher)
    {
        var partitions = string.Join(", ", fetcher.Questions.Take(MostNamed).Select(q => $"{Topic}-{q.Partition.Index}"));
        var more = fetcher.Questions.Count > MostNamed ? $" and {fetcher.Questions.Count - MostNamed} more" : "";
        return $"{fetcher.Described} does not answer a fetch of {partitions}{more}: the others are asked who leads";
    }

    /// <summary>The brokers that should have answered. The caller holds the lock.</summary>
    public IEnumerable<BrokerAddress> Overdue => _fetchers.Values.Where(f => f.IsOverdue).Select(f => f.Address);

    private void ReadFromLeaders(BrokerFetcher replica)
    {
        foreach (var partition in _partitions.Values)
            if (partition.Replica == replica.Node) partition.Replica = -1;
        Monitor.PulseAll(Gate);
    }

    // A response is filled in the order of the request, and only its first batch may be larger than what was asked for.
    private static void Rotate(List<PartitionQuestion> questions, int turn)
    {
        var first = (int)((uint)turn % (uint)questions.Count);
        if (first == 0) return;
        var front = questions[..first];
        questions.RemoveRange(0, first);
        questions.AddRange(front);
    }

    /// <summary>Takes over what a broker has answered for a partition.</summary>
    public void Deliver(BrokerFetcher fetcher, in PartitionQuestion question, in PartitionAnswer answer)
    {
        var place = $"{Topic}-{question.Partition.Index}";
        var owned = answer.Block;
        try
        {
            // What nobody wants must not end the pipeline either, whatever it is.
            lock (Gate)
                if (!IsWanted(question)) return;
            if (answer.Error != KafkaError.None)
            {
                OnError(fetcher, question, answer, place);
                return;
            }
            // A new incarnation would not know of the epoch, and read on behind the gap: this is for a person to decide.
            if (answer.DivergingEpoch >= 0)
                throw new StartupException($"{place}: the log of {fetcher.Described} was cut off below what was read of it: offset {question.Offset} was next, in leader epoch "
                    + $"{question.LastEpoch}, and the log's epoch {answer.DivergingEpoch} ends at offset {answer.DivergingEnd} (an unclean election of a leader does that)\n"
                    + "  what was computed from the records that are gone stays; to compute it anew:    ./engine run FILE --reset");
            var scanned = owned is null ? new RawRecords.Scanned(0, question.Offset, 0, -1, false, 0) : RawRecords.Scan(owned, answer.Length, question.Offset);
            if (scanned.CutOff > FetchSettings.LargestBatch)
                throw new MalformedException($"a batch of {scanned.CutOff} bytes, {FetchSettings.LargestBatch} are accepted");
            lock (Gate)
                if (Accept(fetcher, question, answer, scanned)) owned = scanned.Length > 0 ? null : owned;
        }
        catch (MalformedException e)
        {
            throw new FetchException($"{fetcher.Described} has sent of {place} from offset {question.Offset}: {e.Message}", e);
        }
        finally
        {
            owned?.Release();
        }
        _arrived();
    }

    // Nobody wants it any more, or it was asked of two brokers while its leader moved: the old one may have what the new one does not.
    private bool IsWanted(in PartitionQuestion question) => question.Partition is var partition && !IsStopped && !partition.IsFinished
        && partition.Next == question.Offset && (partition.Leader, partition.LeaderEpoch) == (question.Leader, question.LeaderEpoch);

    private bool Accept(BrokerFetcher fetcher, in PartitionQuestion question, in PartitionAnswer answer, in RawRecords.Scanned scanned)
    {
        var partition = question.Partition;
        if (!IsWanted(question)) return false;
        (partition.UnknownSince, partition.CorruptTries) = (null, 0);
        partition.HighWatermark = answer.HighWatermark;
        if (answer.PreferredReplica >= 0 && answer.PreferredReplica != fetcher.Node && fetcher.Node == partition.Leader) ReadFrom(partition, answer.PreferredReplica);
        partition.MostBytes = scanned.Length == 0 && scanned.CutOff > 0 ? (int)Math.Max(Settings.PartitionBytes, scanned.CutOff) : Settings.PartitionBytes;
        // A broker that keeps no last stable offset says -1.
        var stable = answer.StableOffset >= 0 ? answer.StableOffset : answer.HighWatermark;
        var isEnd = scanned.Next >= stable && scanned.CutOff == 0;
        if (scanned.Length == 0 && (!isEnd || partition.KnownEnd == scanned.Next)) return true;
        partition.Next = scanned.Next;
        if (scanned.Length > 0)
        {
            RawRecords.AddEpochs(answer.Block!, scanned, partition.Epochs);
            partition.IsEpochForgotten = false;
        }
        partition.KnownEnd = isEnd ? scanned.Next : -1;
        partition.RawBytes += scanned.Length;
        partition.Raw.Enqueue(new RawRecords(fetcher.Described, scanned.Length > 0 ? answer.Block : null, scanned.Length, scanned.Next, scanned.Records,
            stable, answer.Aborted));
        return true;
    }

    private void ReadFrom(FetchedPartition partition, int node)
    {
        if (!_fetchers.TryGetValue(node, out var fetcher) || fetcher.IsOverdue)
        {
            // The leader was asked before it was known, and would say the same at once.
            partition.NotBefore = Time.GetTimestamp() + Ticks(ErrorPause);
            _lookup.Ask();
            return;
        }
        partition.Replica = node;
        partition.ReplicaUntil = Time.GetTimestamp() + Ticks(Settings.MetadataAge);
        Monitor.PulseAll(Gate);
    }

    private void OnError(BrokerFetcher fetcher, in PartitionQuestion question, in PartitionAnswer answer, string place)
    {
        lock (Gate)
        {
            var partition = question.Partition;
            if (!IsWanted(question)) return;
            var wasLeader = fetcher.Node == partition.Leader;
            var error = answer.Error;
            var mayPass = error.IsPassing() || !wasLeader;
            partition.Replica = -1;
            if (error == KafkaError.OffsetOutOfRange && wasLeader && question.LastEpoch >= 0)
            {
                // The broker may only have forgotten the epoch: without it the offset alone decides.
                partition.IsEpochForgotten = true;
                mayPass = true;
            }
            else if (error == KafkaError.OffsetOutOfRange && wasLeader)
                throw new OffsetGoneException(partition.Index, question.Offset, $"{fetcher.Described}: {error.Described()}");
            if (error == KafkaError.CorruptMessage) mayPass = ++partition.CorruptTries <= MostCorruptTries;
            if (error is KafkaError.UnknownTopicOrPartition or KafkaError.UnknownTopicId) CheckKnown(partition);
            if (!mayPass) throw new FetchException($"{place}: {fetcher.Described} refuses to be read from offset {question.Offset}: {error.Described()}{AdviceFor(error)}");
            partition.NotBefore = Time.GetTimestamp() + Ticks(ErrorPause);
            Log.Warn($"{place} {error}", $"{place}: {fetcher.Described} cannot be read from offset {question.Offset} now: {error.Described()}");
            _lookup.Ask();
        }
    }

    private static string AdviceFor(KafkaError error) => error switch
    {
        KafkaError.TopicAuthorizationFailed => "\n  the user of the pipeline's connection needs the right to read the topic (READ and DESCRIBE)",
        KafkaError.CorruptMessage => "\n  the broker's copy of the batch is damaged; a replica that is not may lead instead",
        _ => "",
    };

    private void CheckKnown(FetchedPartition partition)
    {
        partition.UnknownSince ??= Time.GetTimestamp();
        if (Time.GetElapsedTime(partition.UnknownSince.Value) > Settings.UnknownTopic)
            throw new FetchException($"{Topic}-{partition.Index} does not exist any more: for {Settings.UnknownTopic.TotalSeconds:0.#} s the brokers have not known it");
    }

    /// <summary>Where the partitions are to be fetched; true when every one has a leader.</summary>
    public bool Apply(ClusterMetadata metadata)
    {
        lock (Gate)
        {
            if (IsStopped) return true;
            if (metadata.TopicError is KafkaError.TopicAuthorizationFailed or KafkaError.InvalidTopic)
                throw new FetchException($"topic '{Topic}' cannot be read: {metadata.TopicError.Described()}{AdviceFor(metadata.TopicError)}");
            if (metadata.TopicError == KafkaError.UnknownTopicOrPartition)
                foreach (var partition in _partitions.Values) CheckKnown(partition);
            CheckTopicId(metadata.TopicId);
            foreach (var fetcher in _fetchers.Values)
                if (metadata.Brokers.TryGetValue(fetcher.Node, out var address)) fetcher.Address = address;
            foreach (var leader in metadata.Leaders) Apply(leader, metadata);
            Monitor.PulseAll(Gate);
            return _partitions.Values.All(p => p.IsFinished || (_fetchers.ContainsKey(p.Leader) && metadata.Leaders.Any(l => l.Partition == p.Index && l.Node >= 0)));
        }
    }

    private void CheckTopicId(Guid id)
    {
        if (id == Guid.Empty) return;
        if (_topicId == Guid.Empty) _topicId = id;
        else if (_topicId != id)
            throw new StartupException($"topic '{Topic}' was deleted and created again while it was read: what its offsets mean has changed\n  to start anew:    ./engine run FILE --reset");
    }

    private void Apply(ClusterMetadata.Leader leader, ClusterMetadata metadata)
    {
        if (!_partitions.TryGetValue(leader.Partition, out var partition)) return;
        // A broker that lags behind names a leader of the past.
        if (leader.Node < 0 || (leader.Epoch >= 0 && leader.Epoch < partition.LeaderEpoch)) return;
        if (!metadata.Brokers.ContainsKey(leader.Node)) return;
        // Also the others, since one of them may be nearer (KIP-392).
        foreach (var (node, address) in Settings.Rack.Length > 0 ? metadata.Brokers : metadata.Brokers.Where(b => b.Key == leader.Node)) Ensure(node, address);
        if (partition.Leader != leader.Node || !metadata.Brokers.ContainsKey(partition.Replica)) partition.Replica = -1;
        (partition.Leader, partition.LeaderEpoch) = (leader.Node, leader.Epoch);
    }

    private void Ensure(int node, BrokerAddress address)
    {
        if (_fetchers.ContainsKey(node)) return;
        var fetcher = new BrokerFetcher(this, node, address);
        _fetchers[node] = fetcher;
        fetcher.Start();
    }

    /// <summary>A broker cannot be read from: what it was read for as the nearer replica is its leader's again, and who leads is asked anew.</summary>
    public void Lost(BrokerFetcher fetcher)
    {
        lock (Gate)
        {
            IsIdle(fetcher);
            ReadFromLeaders(fetcher);
            _lookup.Ask(fetcher.Address);
        }
    }

    /// <summary>It cannot go on. What comes after the first time, or after the end, is of no interest.</summary>
    public void Fail(Exception cause)
    {
        lock (Gate)
        {
            if (IsStopped) return;
            Stop();
        }
        _failed(cause);
    }

    private void Stop()
    {
        _stopping.Cancel();
        Monitor.PulseAll(Gate);
        _lookup.Close();
        foreach (var fetcher in _fetchers.Values) fetcher.Close();
    }

    /// <summary>Ends the connections and the threads, then frees what was not taken.</summary>
    public void Dispose()
    {
        lock (Gate)
            if (!IsStopped) Stop();
        // They write into memory that the worker frees next: the process ends before that happens.
        var ended = !_started || _lookup.Join(Patience);
        foreach (var fetcher in _fetchers.Values) ended &= fetcher.Join(Patience);
        if (!ended) Environment.FailFast($"a client thread of source {Name} did not end in {Patience.TotalSeconds:0} s");
        foreach (var partition in _partitions.Values)
            while (partition.Raw.TryDequeue(out var raw)) raw.Block?.Release();
        _stopping.Dispose();
    }
}
