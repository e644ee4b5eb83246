using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Pipelines.Commands.Preview;

/// <summary>What a preview shows.</summary>
/// <param name="Role">Output, Late or DeadLetter.</param>
/// <param name="Topic">Where it would go.</param>
/// <param name="Value">The record's value.</param>
/// <param name="Stage">For a fault: where it failed.</param>
/// <param name="Reason">For a fault: why.</param>
/// <param name="Position">For a fault: the original record, topic-partition@offset.</param>
internal sealed record PreviewRow(BatchRole Role, string Topic, byte[]? Value, string? Stage, string? Reason, string? Position);

/// <summary>
/// A commit log that shows the first so many rows of each output, and at most as many faults, and writes nothing: no topics, no transaction, no group. State is kept
/// nowhere, since nothing comes after it.
/// </summary>
internal sealed class PreviewLog(long most, int outputs, Action<PreviewRow> show) : ICommitLog
{
    private readonly Dictionary<string, long> _rows = [];
    private readonly TaskCompletionSource _full = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ICommitLogListener? _listener;

    /// <summary>Rows that were shown.</summary>
    public long Rows => _rows.Values.Sum();

    /// <summary>Dead letters and late rows that were shown.</summary>
    public long Faults { get; private set; }

    /// <summary>Ends when each output has shown as many rows as were asked for.</summary>
    public Task Full => _full.Task;

    public long StateEnd { get; private set; }

    public EpochClaim? Claim => null;

    public Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation) => Task.FromResult(new CommitLogState(1, null));

    public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation) => Task.CompletedTask;

    public void Listen(ICommitLogListener listener) => _listener = listener;

    public unsafe bool TryAppend(Batch batch)
    {
        var records = batch.Records!;
        if (batch.Role == BatchRole.Changelog) StateEnd += records.Count;
        else
            for (var i = 0; i < records.Count && Count(batch.Role, records.Topic); i++) show(RowOf(batch.Role, records, i));
        batch.Dispose();
        return true;
    }

    /// <summary>Whether one more of these is shown; faults alone fill nothing, or they would be all that is seen of a dirty topic.</summary>
    private bool Count(BatchRole role, string topic)
    {
        if (role != BatchRole.Output) return Faults < most && ++Faults > 0;
        var shown = _rows.GetValueOrDefault(topic);
        if (shown == most) return false;
        _rows[topic] = shown + 1;
        if (shown + 1 == most && _rows.Count == outputs && _rows.Values.All(n => n == most)) _full.TrySetResult();
        return true;
    }

    private static unsafe PreviewRow RowOf(BatchRole role, LogRecords records, int i)
    {
        var value = records.Values[i].IsNull ? null : records.Values[i].Span.ToArray();
        if (role == BatchRole.Output) return new PreviewRow(role, records.Topic, value, null, null, null);
        var headers = records.HeadersAt(i).Span;
        var position = Text(headers, "__streams.errors.topic"u8) is { } topic
            ? $"{topic}-{Text(headers, "__streams.errors.partition"u8)}@{Text(headers, "__streams.errors.offset"u8)}" : null;
        var rule = Text(headers, "streamengine.rule"u8);
        return new PreviewRow(role, records.Topic, value, Text(headers, "streamengine.stage"u8) + (rule is null ? "" : $" {rule}"),
            Text(headers, "streamengine.reason"u8), position);
    }

    private static string? Text(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> name) => RecordHeaders.TryGetLast(headers, name, out var value)
        ? Encoding.UTF8.GetString(value) : null;

    public void Commit(EpochManifest manifest) => _listener!.OnCommitted(manifest.Epoch);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
