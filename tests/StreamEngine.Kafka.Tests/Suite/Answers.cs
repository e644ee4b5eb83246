using System.Threading.Channels;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Suite;

/// <summary>What a commit log or a source calls back, one after the other; a test that waits for what never comes fails after its patience.</summary>
internal sealed class Answers : ICommitLogListener, ISourceListener
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Channel<object> _answers = Channel.CreateUnbounded<object>();

    public sealed record Writable;

    public sealed record Committed(long Epoch);

    public sealed record Ready(int Partition);

    public sealed record EndOfPartition(int Partition, long Offset);

    public sealed record Ends(int Partition, long Stable, long High);

    /// <summary>The next answer of that kind; others are passed over, but for a failure.</summary>
    public async Task<T> NextAsync<T>()
        where T : class
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var answer = await _answers.Reader.ReadAsync(patience.Token);
            if (answer is T wanted) return wanted;
            if (answer is Exception failure) throw new InvalidOperationException($"failed: {failure.Message}", failure);
        }
    }

    public void OnWritable() => _answers.Writer.TryWrite(new Writable());

    public void OnCommitted(long epoch) => _answers.Writer.TryWrite(new Committed(epoch));

    public void OnReady(int partition) => _answers.Writer.TryWrite(new Ready(partition));

    public void OnEndOfPartition(int partition, long offset) => _answers.Writer.TryWrite(new EndOfPartition(partition, offset));

    public void OnEnds(int partition, long lastStableOffset, long highWatermark) => _answers.Writer.TryWrite(new Ends(partition, lastStableOffset, highWatermark));

    public void OnFailed(Exception cause) => _answers.Writer.TryWrite(cause);
}
