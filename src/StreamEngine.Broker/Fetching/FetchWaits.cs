using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Fetching;

/// <summary>The fetches that wait for bytes: by partition, to look only at those that an append concerns, and by deadline.</summary>
internal sealed class FetchWaits
{
    private readonly PriorityQueue<WaitingFetch, (long Deadline, long Order)> _byDeadline = new();
    private readonly Dictionary<BrokerExchange, WaitingFetch> _waiting = [];
    private readonly List<Partition> _grown = [];
    private long _order;

    public int Count => _waiting.Count;

    public long NextDeadline
    {
        get
        {
            while (_byDeadline.TryPeek(out var first, out var at))
            {
                if (_waiting.ContainsKey(first.Exchange)) return at.Deadline;
                _byDeadline.Dequeue();
            }
            return long.MaxValue;
        }
    }

    public void Add(WaitingFetch fetch)
    {
        _waiting[fetch.Exchange] = fetch;
        _byDeadline.Enqueue(fetch, (fetch.Deadline, _order++));
        foreach (var partition in PartitionsOf(fetch)) partition.Waiting.Add(fetch);
    }

    /// <summary>The partition's log, or its last stable offset, has moved on; its readers are looked at when the request is through.</summary>
    public void Grown(Partition partition)
    {
        if (partition.Waiting.Count > 0 && !_grown.Contains(partition)) _grown.Add(partition);
    }

    /// <summary>Answers the readers of what has grown: once for all that one request did, and after it was made durable.</summary>
    public void Settle()
    {
        if (_grown.Count == 0) return;
        // A fetch that waits for many partitions is measured once, however many of them have grown.
        var seen = new HashSet<WaitingFetch>();
        var concerned = new List<WaitingFetch>();
        foreach (var partition in _grown)
            foreach (var fetch in partition.Waiting)
                if (seen.Add(fetch)) concerned.Add(fetch);
        _grown.Clear();
        foreach (var fetch in concerned)
            if (fetch.Request.Available() >= fetch.Request.MinBytes) Complete(fetch);
    }

    /// <summary>The partition is gone: its readers are answered at once, and their next request says so.</summary>
    public void Gone(Partition partition)
    {
        foreach (var fetch in partition.Waiting.ToList()) Complete(fetch);
    }

    public void Advance(long now)
    {
        while (NextDeadline <= now) Complete(_byDeadline.Dequeue());
    }

    public void Cancel(BrokerExchange exchange)
    {
        if (_waiting.TryGetValue(exchange, out var fetch)) Remove(fetch);
    }

    private void Complete(WaitingFetch fetch)
    {
        Remove(fetch);
        fetch.Exchange.Complete(Api.FetchApi.Encode(fetch.Exchange, fetch.Request));
    }

    private void Remove(WaitingFetch fetch)
    {
        _waiting.Remove(fetch.Exchange);
        foreach (var partition in PartitionsOf(fetch)) partition.Waiting.Remove(fetch);
    }

    private static IEnumerable<Partition> PartitionsOf(WaitingFetch fetch) =>
        fetch.Request.Topics.SelectMany(t => t.Partitions).Where(t => t.Partition is not null).Select(t => t.Partition!).Distinct();
}
