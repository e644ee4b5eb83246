namespace StreamEngine.Kafka.Fetching;

/// <summary>A transaction that was aborted, as a fetch response lists it.</summary>
internal readonly record struct AbortedTransaction(long ProducerId, long FirstOffset);

/// <summary>
/// Which batches of a response belong to aborted transactions, decided as Kafka's own consumer does: a transaction of the list begins with the first batch that reaches
/// its first offset, and the producer's abort marker ends it.
/// </summary>
internal sealed class AbortedTransactions
{
    private readonly HashSet<long> _open = [];
    private AbortedTransaction[] _listed = [];
    private int _next;

    /// <summary>Begins a response. Its list need not be in order.</summary>
    public void Open(AbortedTransaction[] listed)
    {
        _open.Clear();
        _next = 0;
        _listed = listed;
        Array.Sort(listed, static (a, b) => a.FirstOffset.CompareTo(b.FirstOffset));
    }

    /// <summary>Whether the batch is part of an aborted transaction. To be asked for every batch with a producer, in their order.</summary>
    public bool Contains(in RecordBatchHead head, bool isAbortMarker)
    {
        for (; _next < _listed.Length && _listed[_next].FirstOffset <= head.LastOffset; _next++) _open.Add(_listed[_next].ProducerId);
        if (!isAbortMarker) return head.IsTransactional && _open.Contains(head.ProducerId);
        _open.Remove(head.ProducerId);
        return false;
    }
}
