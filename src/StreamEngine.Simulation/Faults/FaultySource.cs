using StreamEngine.Core;

namespace StreamEngine.Simulation.Faults;

/// <summary>A source whose messages come late, those of different partitions in another order.</summary>
internal sealed class FaultySource(IBoundedSource inner, FaultyBroker broker) : IBoundedSource, ISourceListener
{
    private ISourceListener? _listener;
    private bool _disposed;

    public string Name => inner.Name;

    public Task<SourceLayout> OpenAsync(CancellationToken cancellation) => inner.OpenAsync(cancellation);

    public void Start(IReadOnlyDictionary<int, long> offsets, ISourceListener listener)
    {
        _listener = listener;
        inner.Start(offsets, this);
    }

    public bool TryTake(int partition, out Batch? batch) => inner.TryTake(partition, out batch);

    public void QueryEnds(int partition) => inner.QueryEnds(partition);

    public long EndOf(int partition) => inner.EndOf(partition);

    private void Later(Action<ISourceListener> tell) => broker.After(broker.Plan.SourceDelay, () =>
    {
        if (!_disposed) tell(_listener!);
    });

    void ISourceListener.OnReady(int partition) => Later(l => l.OnReady(partition));

    void ISourceListener.OnEndOfPartition(int partition, long offset) => Later(l => l.OnEndOfPartition(partition, offset));

    void ISourceListener.OnEnds(int partition, long lastStableOffset, long highWatermark) => Later(l => l.OnEnds(partition, lastStableOffset, highWatermark));

    void ISourceListener.OnFailed(Exception cause) => Later(l => l.OnFailed(cause));

    public ValueTask DisposeAsync()
    {
        _disposed = true;
        return inner.DisposeAsync();
    }
}
