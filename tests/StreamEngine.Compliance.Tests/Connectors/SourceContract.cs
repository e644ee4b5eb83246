using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Compliance.Tests.Connectors;

/// <summary>What every source keeps to: see <see cref="ISource"/>.</summary>
public abstract class SourceContract : IAsyncLifetime
{
    private static int _names;

    private readonly MemoryScope _scope = new();
    private readonly string _topic = $"source-{Interlocked.Increment(ref _names)}-{Environment.ProcessId}";
    private readonly List<ISource> _sources = [];
    private IConnectorWorld _world = null!;

    internal abstract Task<IConnectorWorld> CreateAsync();

    public async Task InitializeAsync() => _world = await CreateAsync();

    public async Task DisposeAsync()
    {
        foreach (var source in _sources)
            await _world.CallAsync(async () =>
            {
                await source.DisposeAsync();
                return true;
            });
        await _world.DisposeAsync();
        // Whatever was read and not taken has been given back.
        Assert.Equal(0, _scope.BlocksOut);
        _scope.Dispose();
    }

    private async Task<(ISource Source, SourceLayout Layout, Heard Heard)> OpenAsync(params long[] offsets)
    {
        var source = _world.Source(_topic, _scope);
        _sources.Add(source);
        var layout = await _world.CallAsync(() => source.OpenAsync(CancellationToken.None));
        var heard = new Heard();
        await _world.CallAsync(() =>
        {
            source.Start(offsets.Index().ToDictionary(o => o.Index, o => new OffsetAndEpoch(o.Item)), heard);
            return Task.FromResult(true);
        });
        return (source, layout, heard);
    }

    private static string[] Numbers(int from, int count) => [.. Enumerable.Range(from, count).Select(i => $"{i}")];

    private Task WriteAsync(int partition, params string[] values) => _world.WriteAsync(_topic, partition, null, [.. values.Select(v => new Sample(v))]);

    private static unsafe IEnumerable<string> Shown(Batch batch)
    {
        var shown = new List<string>();
        for (var i = 0; i < batch.Count; i++)
            shown.Add($"{batch.Records!.Offsets[i]}:{(batch.Records.Values[i].IsNull ? "null" : Encoding.UTF8.GetString(batch.Records.Values[i].Span))}");
        return shown;
    }

    /// <summary>Takes all that is ready of a partition, until so many were read in all.</summary>
    private async Task<List<string>> TakeAsync(ISource source, int partition, int count)
    {
        var read = new List<string>();
        while (read.Count < count)
        {
            Batch? batch = null;
            await _world.UntilAsync(() => (batch = Take(source, partition)) is not null, $"record {read.Count + 1} of {count}");
            Assert.Equal((partition, BatchRole.Raw), (batch!.Records!.Partition, batch.Role));
            Assert.InRange(batch.Count, 1, Batch.MaxRows);
            // Control records behind the last one may be counted in.
            Assert.True(batch.Records.NextOffset > LastOffset(batch));
            read.AddRange(Shown(batch));
            batch.Dispose();
        }
        return read;
    }

    private static Batch? Take(ISource source, int partition) => source.TryTake(partition, out var batch) ? batch : null;

    private static unsafe long LastOffset(Batch batch) => batch.Records!.Offsets[batch.Count - 1];

    [SkippableFact]
    public async Task Every_record_comes_once_in_order_from_the_positions_given()
    {
        await _world.CreateAsync(_topic, 3);
        await WriteAsync(0, Numbers(0, 500));
        await WriteAsync(1, "a", "b", "c");
        var (source, layout, _) = await OpenAsync(0, 1, 0);
        Assert.Equal((_topic, 3), (layout.Topic, layout.Partitions));
        Assert.Equal([0L, 0L, 0L], layout.Starts.OrderBy(s => s.Key).Select(s => s.Value));
        Assert.Equal(["1:b", "2:c"], await TakeAsync(source, 1, 2));
        Assert.Equal(Numbers(0, 500).Select(n => $"{n}:{n}"), await TakeAsync(source, 0, 500));
        Assert.Null(Take(source, 0));
        Assert.Null(Take(source, 2));
    }

    [SkippableFact]
    public async Task What_is_written_later_is_told_and_comes()
    {
        await _world.CreateAsync(_topic, 1);
        var (source, _, heard) = await OpenAsync(0);
        for (var round = 0; round < 5; round++)
        {
            Assert.Null(Take(source, 0));
            var told = heard.Of<Heard.Ready>().Count;
            await WriteAsync(0, Numbers(round * 3, 3));
            await _world.UntilAsync(() => heard.Of<Heard.Ready>().Count > told, "being told");
            Assert.Equal(Numbers(round * 3, 3).Select(n => $"{n}:{n}"), await TakeAsync(source, 0, 3));
        }
    }

    [SkippableFact]
    public async Task The_end_of_a_partition_is_told_behind_its_last_batch()
    {
        await _world.CreateAsync(_topic, 2);
        await WriteAsync(0, Numbers(0, 30));
        var (source, _, heard) = await OpenAsync(0, 0);
        await _world.UntilAsync(() => heard.Of<Heard.EndOfPartition>().Any(e => e == new Heard.EndOfPartition(1, 0)), "the end of the empty partition");
        Assert.DoesNotContain(heard.Of<Heard.EndOfPartition>(), e => e.Partition == 0);
        await TakeAsync(source, 0, 30);
        await _world.UntilAsync(() => heard.Of<Heard.EndOfPartition>().Any(e => e == new Heard.EndOfPartition(0, 30)), "the end");
        await WriteAsync(0, "more");
        await TakeAsync(source, 0, 1);
        await _world.UntilAsync(() => heard.Of<Heard.EndOfPartition>().Any(e => e == new Heard.EndOfPartition(0, 31)), "the next end");
    }

    [SkippableFact]
    public async Task A_partition_that_is_not_taken_from_holds_no_other_back_and_a_bounded_amount()
    {
        await _world.CreateAsync(_topic, 2);
        var big = new string('x', 2_000);
        for (var i = 0; i < 25; i++) await WriteAsync(0, [.. Enumerable.Repeat(big, 400)]);
        await WriteAsync(1, Numbers(0, 40));
        var (source, _, _) = await OpenAsync(0, 0);
        Assert.Equal(Numbers(0, 40).Select(n => $"{n}:{n}"), await TakeAsync(source, 1, 40));
        await WriteAsync(1, Numbers(40, 40));
        Assert.Equal(Numbers(40, 40).Select(n => $"{n}:{n}"), await TakeAsync(source, 1, 40));
        // Twenty million bytes wait in the log: those of a few batches are here.
        Assert.InRange(_scope.BytesOut, 0, 12 << 20);
        Assert.Equal(Enumerable.Range(0, 10_000).Select(n => $"{n}:{big}"), await TakeAsync(source, 0, 10_000));
    }

    [SkippableFact]
    public async Task Keys_timestamps_and_nulls_are_kept()
    {
        await _world.CreateAsync(_topic, 1);
        await _world.WriteAsync(_topic, 0, null, new Sample("v", "k", 1_234), new Sample(null, "gone", 5_678), new Sample("", "", 9));
        var (source, _, _) = await OpenAsync(0);
        var read = new List<string>();
        while (read.Count < 3)
        {
            Batch? batch = null;
            await _world.UntilAsync(() => (batch = Take(source, 0)) is not null, "the records");
            read.AddRange(Whole(batch!));
            batch!.Dispose();
        }
        Assert.Equal(["1234 k v", "5678 gone null", "9  "], read);
    }

    private static unsafe List<string> Whole(Batch batch)
    {
        static string Text(Bytes bytes) => bytes.IsNull ? "null" : Encoding.UTF8.GetString(bytes.Span);
        var whole = new List<string>();
        for (var i = 0; i < batch.Count; i++)
            whole.Add($"{batch.Records!.Timestamps[i]} {Text(batch.Records.KeyAt(i))} {Text(batch.Records.Values[i])}");
        return whole;
    }

    [SkippableFact]
    public async Task Aborted_records_are_never_seen_and_markers_move_the_end()
    {
        Skip.IfNot(_world.HasTransactions, "there are no other writers' transactions");
        await _world.CreateAsync(_topic, 1);
        await _world.WriteAsync(_topic, 0, true, new Sample("a"));
        await _world.WriteAsync(_topic, 0, false, new Sample("lost"), new Sample("lost"));
        await WriteAsync(0, "b");
        await _world.WriteAsync(_topic, 0, false, new Sample("lost"));
        var (source, _, heard) = await OpenAsync(0);
        Assert.Equal(["0:a", "5:b"], await TakeAsync(source, 0, 2));
        await _world.UntilAsync(() => heard.Of<Heard.EndOfPartition>().Any(e => e.Offset == 8), "the end behind the last marker");
        Assert.Null(Take(source, 0));
    }

    [SkippableFact]
    public async Task The_ends_of_a_partition_are_answered()
    {
        await _world.CreateAsync(_topic, 2);
        await WriteAsync(1, Numbers(0, 7));
        var (source, _, heard) = await OpenAsync(0, 0);
        await _world.CallAsync(() =>
        {
            source.QueryEnds(1);
            source.QueryEnds(0);
            return Task.FromResult(true);
        });
        await _world.UntilAsync(() => heard.Of<Heard.Ends>().Count == 2, "the answers");
        Assert.Equal([new Heard.Ends(0, 0, 0), new Heard.Ends(1, 7, 7)], heard.Of<Heard.Ends>().OrderBy(e => e.Partition));
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task It_may_be_ended_at_any_moment(int taken)
    {
        await _world.CreateAsync(_topic, 2);
        await WriteAsync(0, Numbers(0, 3_000));
        await WriteAsync(1, Numbers(0, 3_000));
        var (source, _, heard) = await OpenAsync(0, 0);
        for (var i = 0; i < taken; i++)
        {
            Batch? batch = null;
            await _world.UntilAsync(() => (batch = Take(source, i % 2)) is not null, "a batch");
            batch!.Dispose();
        }
        await _world.CallAsync(async () =>
        {
            await source.DisposeAsync();
            return true;
        });
        _sources.Remove(source);
        Assert.Empty(heard.Of<Exception>());
        var told = heard.All.Count;
        await WriteAsync(0, "nobody reads it");
        Assert.Equal(told, heard.All.Count);
    }
}
