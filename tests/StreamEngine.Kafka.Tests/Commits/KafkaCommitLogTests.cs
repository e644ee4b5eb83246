using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Commits;

/// <summary>Epochs as transactions: what is committed is read back, what is not does not exist, and one incarnation alone writes.</summary>
public sealed class KafkaCommitLogTests(Cluster cluster) : IClassFixture<Cluster>, IDisposable
{
    private readonly MemoryScope _scope = new();
    private readonly string _pipeline = Cluster.Name("pipeline");

    public void Dispose()
    {
        Assert.Equal(0, _scope.BlocksOut);
        _scope.Dispose();
    }

    private KafkaCommitLogOptions Options => new(_pipeline) { Host = "here", Process = 11, Outputs = [new OutputTopic($"{_pipeline}.out", 4)] };

    private string Out => $"{_pipeline}.out";

    private KafkaCommitLog Log(KafkaCommitLogOptions? options = null, TimeProvider? time = null) =>
        new(cluster.Connection, options ?? Options, time ?? TimeProvider.System, NullLogger.Instance);

    private EpochManifest Manifest(CommitLogState state, long epoch, long stateEnd = 0, IReadOnlyList<long>? full = null, string? topic = null) => new()
    {
        Pipeline = "hash", Slot = 0, Incarnation = state.Incarnation, Epoch = epoch, At = DateTimeOffset.UnixEpoch.AddSeconds(epoch),
        Sources = new Dictionary<string, SourcePosition> { ["s"] = new(topic ?? $"{_pipeline}.out", "id", 99, new Dictionary<int,
            PartitionPosition> { [0] = new(epoch * 10, 5, [new WatermarkMove(3, 4)], true) }) },
        Inserts = new Dictionary<string, ConservationLine> { ["o"] = new(1, 0, 1, 0, 0, 0, 0) }, State = new StatePositions(full ?? [], stateEnd),
    };

    private static async Task<(CommitLogState State, Answers Answers)> OpenAsync(KafkaCommitLog log)
    {
        var state = await log.OpenAsync(null, CancellationToken.None);
        var answers = new Answers();
        log.Listen(answers);
        return (state, answers);
    }

    private static async Task CommitAsync(KafkaCommitLog log, Answers answers, EpochManifest manifest)
    {
        log.Commit(manifest);
        Assert.Equal(manifest.Epoch, (await answers.NextAsync<Answers.Committed>()).Epoch);
    }

    private async Task<List<string>> StateAsync(KafkaCommitLog log, long from = 0)
    {
        var read = new List<string>();
        await log.ReadStateAsync(from, (offset, value) => read.Add($"{offset}:{Encoding.UTF8.GetString(value)}"), CancellationToken.None);
        return read;
    }

    [Fact]
    public async Task A_new_pipeline_claims_and_makes_its_topics()
    {
        await using var log = Log();
        Assert.Equal(new CommitLogState(1, null), await log.OpenAsync(null, CancellationToken.None));
        var claim = Assert.Single(cluster.ReadCommitted($"{_pipeline}.epochs")).Message;
        Assert.Null(claim.Key);
        var written = ManifestJson.Read(claim.Value).Claim!;
        Assert.Equal((0, 1, "here", 11), (written.Slot, written.Incarnation, written.Host, written.Process));
        Assert.Equal(log.Claim! with { At = written.At, TopicId = "" }, written);
        using var topics = cluster.Topics();
        var settings = await topics.ConfigsAsync([$"{_pipeline}.state", $"{_pipeline}.epochs"], CancellationToken.None);
        Assert.Equal(2, settings.Count);
        Assert.All(settings.Values, of => Assert.Equal(("delete", "-1", "-1"), (of.Of("cleanup.policy"), of.Of("retention.ms"), of.Of("retention.bytes"))));
        Assert.Equal(4, (await topics.FindAsync(Out, CancellationToken.None))!.Partitions);
    }

    [Fact]
    public async Task A_committed_epoch_is_read_back_with_its_state_and_its_offsets()
    {
        var input = await cluster.NewTopicAsync();
        EpochManifest manifest;
        await using (var log = Log())
        {
            var (state, answers) = await OpenAsync(log);
            Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, new OutputRecord("a"), new OutputRecord("b"))));
            Assert.True(log.TryAppend(OutputBatch.State(_scope, "one", "two")));
            manifest = Manifest(state, 7, log.StateEnd, [0], input);
            await CommitAsync(log, answers, manifest);
        }
        Assert.Equal(["a", "b"], cluster.ReadCommitted(Out, 4).Select(r => Cluster.Text(r.Message.Value)).Order());
        using (var topics = cluster.Topics()) Assert.Equal([(input, 0, 70L)], await topics.GroupOffsetsAsync(_pipeline, CancellationToken.None));
        await using var next = Log();
        var found = await next.OpenAsync(null, CancellationToken.None);
        Assert.Equal(2, found.Incarnation);
        Assert.Equal(Encoding.UTF8.GetString(ManifestJson.Write(manifest)), Encoding.UTF8.GetString(ManifestJson.Write(found.Last!)));
        Assert.Equal(["0:one", "1:two"], await StateAsync(next));
        Assert.Equal(["1:two"], await StateAsync(next, 1));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(900)]
    public async Task A_transaction_timeout_may_be_shorter_or_longer_than_the_clients_own_patience(int seconds)
    {
        var options = Options with { TransactionTimeout = TimeSpan.FromSeconds(seconds) };
        // A call that ends a transaction gives up before the client would ask again.
        Assert.True(options.EndTimeout < TimeSpan.FromSeconds(Math.Min(60, seconds)), $"{options.EndTimeout}");
        await using var log = Log(options);
        var (state, answers) = await OpenAsync(log);
        Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, new OutputRecord("a"))));
        await CommitAsync(log, answers, Manifest(state, 1));
        Assert.Equal("a", Cluster.Text(Assert.Single(cluster.ReadCommitted(Out, 4)).Message.Value));
    }

    [Fact]
    public async Task The_end_of_the_state_is_exact_over_epochs_with_and_without_state()
    {
        await using var log = Log();
        var (state, answers) = await OpenAsync(log);
        var written = new List<string>();
        for (var epoch = 1; epoch <= 6; epoch++)
        {
            for (var i = 0; i < epoch % 3; i++)
            {
                written.Add($"{log.StateEnd}:{epoch}.{i}");
                Assert.True(log.TryAppend(OutputBatch.State(_scope, $"{epoch}.{i}")));
            }
            if (epoch == 4) Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, new OutputRecord("x"))));
            await CommitAsync(log, answers, Manifest(state, epoch));
            Assert.Equal(cluster.Bounds($"{_pipeline}.state").High, log.StateEnd);
        }
        Assert.Equal(written, await StateAsync(log));
    }

    [Fact]
    public async Task Records_keep_key_headers_and_time_and_go_where_Javas_client_puts_them()
    {
        string[] keys = ["21", "foobar", "abc", "", "a-little-bit-long-string"];
        await using (var log = Log())
        {
            var (state, answers) = await OpenAsync(log);
            Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out,
                [.. keys.Select(k => new OutputRecord("keyed", k) { Timestamp = 1_234, Headers = [("a", "1"), ("b", null), ("a", "")] })])));
            // The start of 1970 is a time as any other, although the client library takes 0 for now.
            Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, new OutputRecord(null, "tombstone") { Timestamp = 0, Partition = 3 })));
            Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, [.. Enumerable.Range(0, 8).Select(i => new OutputRecord($"{i}"))])));
            await CommitAsync(log, answers, Manifest(state, 1));
        }
        var records = cluster.ReadCommitted(Out, 4);
        foreach (var key in keys)
        {
            var record = Assert.Single(records, r => Cluster.Text(r.Message.Key) == key);
            Assert.Equal((Topics.Murmur2.PartitionOf(Encoding.UTF8.GetBytes(key), 4), 1_234L), (record.Partition.Value, record.Message.Timestamp.UnixTimestampMs));
            Assert.Equal(["a=1", "b=", "a="], record.Message.Headers.Select(h => $"{h.Key}={Cluster.Text(h.GetValueBytes())}"));
            Assert.Null(record.Message.Headers[1].GetValueBytes());
        }
        var tombstone = Assert.Single(records, r => Cluster.Text(r.Message.Key) == "tombstone");
        Assert.Equal((3, 0L), (tombstone.Partition.Value, tombstone.Message.Timestamp.UnixTimestampMs));
        Assert.Null(tombstone.Message.Value);
        // Without a key: round robin, stamped now.
        var keyless = records.Where(r => r.Message.Key is null).ToList();
        Assert.All(keyless.GroupBy(r => r.Partition.Value), g => Assert.Equal(2, g.Count()));
        Assert.All(keyless, r => Assert.True(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - r.Message.Timestamp.UnixTimestampMs < 600_000));
    }

    [Fact]
    public async Task A_second_incarnation_fences_the_first_and_nothing_of_its_open_transaction_exists()
    {
        await using var first = Log();
        var (state, answers) = await OpenAsync(first);
        await CommitAsync(first, answers, Manifest(state, 1));
        Assert.True(first.TryAppend(OutputBatch.State(_scope, "lost")));
        Assert.True(first.TryAppend(OutputBatch.Of(_scope, Out, new OutputRecord("lost"))));

        await using var second = Log(Options with { Host = "there", Process = 22 });
        var (next, nextAnswers) = await OpenAsync(second);
        Assert.Equal((2, 1), (next.Incarnation, next.Last!.Epoch));
        first.Commit(Manifest(state, 2));
        var fenced = Assert.IsType<FencedException>(await answers.NextAsync<Exception>());
        Assert.Contains("incarnation 1 of slot 0 was fenced by incarnation 2, process 22 on there", fenced.Message, StringComparison.Ordinal);
        // What comes after a failure is not taken; the batch stays the caller's.
        var refused = OutputBatch.State(_scope, "never");
        Assert.False(first.TryAppend(refused));
        refused.Dispose();

        Assert.True(second.TryAppend(OutputBatch.State(_scope, "kept")));
        await CommitAsync(second, nextAnswers, Manifest(next, 2));
        Assert.Equal(["kept"], (await StateAsync(second)).Select(s => s[(s.IndexOf(':', StringComparison.Ordinal) + 1)..]));
        Assert.Equal(cluster.Bounds($"{_pipeline}.state").High, second.StateEnd);
        Assert.Empty(cluster.ReadCommitted(Out, 4));
    }

    [Fact]
    public async Task A_worker_without_anything_to_write_learns_that_another_one_took_over()
    {
        await using var first = Log(Options with { IdleLook = TimeSpan.FromMilliseconds(100) });
        var (_, answers) = await OpenAsync(first);
        await using var second = Log(Options with { Host = "there", Process = 22 });
        await OpenAsync(second);
        var fenced = Assert.IsType<FencedException>(await answers.NextAsync<Exception>());
        Assert.Contains("fenced by incarnation 2, process 22 on there", fenced.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_successors_claim_before_anybody_listens_is_told_to_who_does()
    {
        await using var first = Log(Options with { IdleLook = TimeSpan.FromMilliseconds(100) });
        await first.OpenAsync(null, CancellationToken.None);
        await using (var second = Log(Options with { Host = "there", Process = 22 })) await OpenAsync(second);
        // As long as a restore may take: until the look around has found the successor.
        var took = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var rows = OutputBatch.Of(_scope, Out, new OutputRecord("a"));
            if (!first.TryAppend(rows))
            {
                rows.Dispose();
                break;
            }
            Assert.True(TimeProvider.System.GetElapsedTime(took) < TimeSpan.FromSeconds(30), "it has not noticed its successor");
            await Task.Delay(100);
        }
        var answers = new Answers();
        first.Listen(answers);
        Assert.Contains("fenced by incarnation 2", Assert.IsType<FencedException>(await answers.NextAsync<Exception>()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_waits_for_room_in_a_full_queue()
    {
        // Nothing is sent before somebody flushes.
        var connection = new KafkaConnection(cluster.Connection.Bootstrap, new Dictionary<string, string> { ["linger.ms"] = "20000" });
        await using var log = new KafkaCommitLog(connection, Options with { QueueRecords = 40 }, TimeProvider.System, NullLogger.Instance);
        var (state, answers) = await OpenAsync(log);
        var records = Enumerable.Range(0, 40).Select(i => new OutputRecord($"{i}") { Partition = 0 }).ToArray();
        Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, records)));
        var refused = OutputBatch.Of(_scope, Out, new OutputRecord("one too many"));
        Assert.False(log.TryAppend(refused));
        refused.Dispose();
        await CommitAsync(log, answers, Manifest(state, 1));
        Assert.Equal(40, cluster.ReadCommitted(Out, 4).Count);
    }

    [Fact]
    public async Task A_worker_whose_pipeline_was_reset_is_fenced_although_incarnations_are_counted_anew()
    {
        await using (var before = Log()) await OpenAsync(before);
        await using var old = Log();
        var (state, answers) = await OpenAsync(old);
        var own = old.Claim!;
        Assert.Equal(2, own.Incarnation);
        await KafkaCommitLog.ResetAsync(cluster.Connection, _pipeline, NullLogger.Instance, CancellationToken.None);
        await using var next = Log(Options with { Host = "there", Process = 22 });
        var (found, nextAnswers) = await OpenAsync(next);
        Assert.Equal(1, found.Incarnation);
        old.Commit(Manifest(state, 1));
        var fenced = Assert.IsType<FencedException>(await answers.NextAsync<Exception>());
        Assert.Contains($"topic '{_pipeline}.epochs' was deleted and created again while incarnation 2 of slot 0 ran", fenced.Message, StringComparison.Ordinal);
        await using (var again = Log()) await Assert.ThrowsAsync<FencedException>(() => again.OpenAsync(own, CancellationToken.None));
        await CommitAsync(next, nextAnswers, Manifest(found, 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_short_transaction_timeout_is_one_that_the_client_takes(int seconds)
    {
        var options = Options with { TransactionTimeout = TimeSpan.FromSeconds(seconds) };
        Assert.True(options.EndTimeout < options.TransactionTimeout, $"{options.EndTimeout}");
        // The library looks at its settings when the client is made. Nothing is committed: on a busy machine half a second may be too short for that.
        using var producer = new TransactionalProducer(cluster.Connection, options.TransactionalId, options.TransactionTimeout, options.MaxMessageBytes,
            NullLogger.Instance, () => { });
    }

    [Fact]
    public async Task A_transaction_timeout_above_the_brokers_is_refused_at_the_start()
    {
        await using var log = Log(Options with { TransactionTimeout = TimeSpan.FromMinutes(16) });
        var refused = await Assert.ThrowsAsync<StartupException>(() => log.OpenAsync(null, CancellationToken.None));
        Assert.Contains("the transaction timeout of 960 s is above the broker's transaction.max.timeout.ms", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("60000")]
    public async Task A_setting_that_the_client_refuses_ends_the_start(string linger)
    {
        var connection = new KafkaConnection(cluster.Bootstrap, new Dictionary<string, string> { ["linger.ms"] = linger });
        await using var log = new KafkaCommitLog(connection, Options, TimeProvider.System, NullLogger.Instance);
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => log.OpenAsync(null, CancellationToken.None));
        Assert.Contains("linger.ms", refused.Message, StringComparison.Ordinal);
        Assert.False(Assert.IsType<StartupException>(refused).MayPass);
    }

    [Fact]
    public async Task Manifests_of_a_worker_that_runs_on_are_deleted_too()
    {
        await using (var log = Log(Options with { ManifestsKeep = TimeSpan.Zero, ManifestTrims = TimeSpan.Zero }))
        {
            var (state, answers) = await OpenAsync(log);
            for (var epoch = 1; epoch <= 4; epoch++)
            {
                await CommitAsync(log, answers, Manifest(state, epoch));
                await Task.Delay(20);
            }
        }
        Assert.True(cluster.Bounds($"{_pipeline}.epochs").Low > 0);
        Assert.Contains(4, Epochs());
    }

    [Fact]
    public async Task A_worker_that_starts_again_does_not_fence_its_successor()
    {
        EpochClaim own;
        await using (var first = Log())
        {
            await OpenAsync(first);
            own = first.Claim!;
        }
        await using var successor = Log(Options with { Host = "there", Process = 22 });
        var (state, answers) = await OpenAsync(successor);
        await using (var again = Log())
        {
            var fenced = await Assert.ThrowsAsync<FencedException>(() => again.OpenAsync(own, CancellationToken.None));
            Assert.Contains("fenced by incarnation 2, process 22 on there", fenced.Message, StringComparison.Ordinal);
        }
        await CommitAsync(successor, answers, Manifest(state, 1));
        // Its own earlier claim is no reason to stay away.
        own = successor.Claim!;
        await using var restarted = Log(Options with { Host = "there", Process = 22 });
        Assert.Equal(3, (await restarted.OpenAsync(own, CancellationToken.None)).Incarnation);
    }

    [Fact]
    public async Task Old_manifests_are_deleted_but_never_the_last()
    {
        DateTimeOffset between, behind;
        await using (var log = Log())
        {
            var (state, answers) = await OpenAsync(log);
            for (var epoch = 1; epoch <= 3; epoch++) await CommitAsync(log, answers, Manifest(state, epoch));
            await Task.Delay(20);
            between = DateTimeOffset.UtcNow;
            await Task.Delay(20);
            for (var epoch = 4; epoch <= 5; epoch++) await CommitAsync(log, answers, Manifest(state, epoch));
            await Task.Delay(20);
            behind = DateTimeOffset.UtcNow;
            await Task.Delay(20);
        }
        await using (var log = Log(time: new Shifted(between + TimeSpan.FromDays(7)))) Assert.Equal(5, (await log.OpenAsync(null, CancellationToken.None)).Last!.Epoch);
        Assert.Equal([4, 5], Epochs());
        // Old enough are all of them, and only claims are newer; then not even those: the last one is what there is to go on from.
        foreach (var now in new[] { behind + TimeSpan.FromDays(7), behind + TimeSpan.FromDays(700) })
            await using (var log = Log(time: new Shifted(now))) Assert.Equal(5, (await log.OpenAsync(null, CancellationToken.None)).Last!.Epoch);
        Assert.Contains(5, Epochs());
        await using (var log = Log()) Assert.Equal(5, (await log.OpenAsync(null, CancellationToken.None)).Last!.Epoch);
    }

    private IEnumerable<long> Epochs() => cluster.ReadCommitted($"{_pipeline}.epochs").Select(r => ManifestJson.Read(r.Message.Value).Manifest).OfType<EpochManifest>()
        .Select(m => m.Epoch);

    /// <summary>A clock that stands at a time; timers and timestamps are the real ones.</summary>
    private sealed class Shifted(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }

    [Fact]
    public async Task State_behind_the_older_snapshot_is_deleted()
    {
        await using (var log = Log())
        {
            var (state, answers) = await OpenAsync(log);
            Assert.True(log.TryAppend(OutputBatch.State(_scope, "a", "b", "c", "d")));
            await CommitAsync(log, answers, Manifest(state, 1, log.StateEnd, [2]));
            Assert.Equal(0, cluster.Bounds($"{_pipeline}.state").Low);
            await CommitAsync(log, answers, Manifest(state, 2, log.StateEnd, [2, 3]));
            // It is deleted behind the answer, and the end of the log would take that back.
            var took = TimeProvider.System.GetTimestamp();
            while (cluster.Bounds($"{_pipeline}.state").Low == 0 && TimeProvider.System.GetElapsedTime(took) < TimeSpan.FromSeconds(30)) await Task.Delay(20);
        }
        Assert.Equal(2, cluster.Bounds($"{_pipeline}.state").Low);
    }

    [Fact]
    public async Task A_reset_forgets_everything_but_the_outputs()
    {
        await using (var log = Log())
        {
            var (state, answers) = await OpenAsync(log);
            Assert.True(log.TryAppend(OutputBatch.State(_scope, "a")));
            Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, new OutputRecord("kept"))));
            await CommitAsync(log, answers, Manifest(state, 1, topic: await cluster.NewTopicAsync()));
        }
        await KafkaCommitLog.ResetAsync(cluster.Connection, _pipeline, NullLogger.Instance, CancellationToken.None);
        // Once more: there is nothing to forget.
        await KafkaCommitLog.ResetAsync(cluster.Connection, _pipeline, NullLogger.Instance, CancellationToken.None);
        await using var next = Log();
        Assert.Equal(new CommitLogState(1, null), await next.OpenAsync(null, CancellationToken.None));
        Assert.Empty(await StateAsync(next));
        Assert.Single(cluster.ReadCommitted(Out, 4));
    }

    [Fact]
    public async Task Offsets_of_the_group_without_a_manifest_are_refused_until_somebody_decides()
    {
        var input = await cluster.NewTopicAsync();
        await cluster.WriteAsync(input, 0, "a", "b");
        cluster.CommitOffset(_pipeline, input, 1);
        await using (var log = Log())
        {
            var refused = await Assert.ThrowsAsync<StartupException>(() => log.OpenAsync(null, CancellationToken.None));
            Assert.Contains($"group '{_pipeline}' has committed offsets ({input}-0 at 1), but topic '{_pipeline}.epochs' has no manifest", refused.Message,
                StringComparison.Ordinal);
            Assert.Contains("--start-from", refused.Message, StringComparison.Ordinal);
            Assert.Contains("--reset", refused.Message, StringComparison.Ordinal);
        }
        await using var decided = Log(Options with { IgnoreGroupOffsets = true });
        Assert.Null((await decided.OpenAsync(null, CancellationToken.None)).Last);
    }

    [Fact]
    public async Task An_aborted_transaction_among_the_epochs_is_skipped()
    {
        await using (var log = Log())
        {
            var (state, answers) = await OpenAsync(log);
            await CommitAsync(log, answers, Manifest(state, 1));
        }
        var newer = Manifest(new CommitLogState(9, null), 99);
        await cluster.TransactAsync($"{_pipeline}.epochs", 0, commit: false, Encoding.UTF8.GetString(ManifestJson.Write(newer)), "no manifest at all");
        await using var next = Log();
        var found = await next.OpenAsync(null, CancellationToken.None);
        Assert.Equal((2, 1), (found.Incarnation, found.Last!.Epoch));
    }

    [Fact]
    public async Task The_last_manifest_is_found_however_far_back_it_is()
    {
        await using (var log = Log())
        {
            var (state, answers) = await OpenAsync(log);
            await CommitAsync(log, answers, Manifest(state, 1));
        }
        var claim = Encoding.UTF8.GetString(ManifestJson.Write(new EpochClaim(0, 40, "there", 1, DateTimeOffset.UnixEpoch)));
        await cluster.TransactAsync($"{_pipeline}.epochs", 0, commit: true, [.. Enumerable.Repeat(claim, 2_000)]);
        await using var next = Log();
        var found = await next.OpenAsync(null, CancellationToken.None);
        Assert.Equal((41, 1), (found.Incarnation, found.Last!.Epoch));
    }

    [Theory]
    [InlineData("{\"v\":1,\"kind\":\"manifest\",\"pipe", "is neither a manifest nor a claim")]
    [InlineData("{\"v\":1,\"kind\":\"manifest\"}", "is neither a manifest nor a claim")]
    [InlineData("{\"v\":4,\"kind\":\"manifest\"}", "has version 4; this engine reads versions up to 3")]
    [InlineData("{\"v\":1,\"kind\":\"surprise\"}", "is of kind 'surprise'")]
    [InlineData("[]", "is neither a manifest nor a claim")]
    public async Task A_manifest_that_cannot_be_read_is_an_error_with_its_place(string text, string error)
    {
        await using (var log = Log()) await log.OpenAsync(null, CancellationToken.None);
        await cluster.TransactAsync($"{_pipeline}.epochs", 0, commit: true, text);
        await using var next = Log();
        var broken = await Assert.ThrowsAsync<StartupException>(() => next.OpenAsync(null, CancellationToken.None));
        Assert.StartsWith($"{_pipeline}.epochs-0 offset 2: a record of the epochs topic {error}", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_that_the_client_refuses_fails_the_epoch()
    {
        await using var log = Log();
        var (_, answers) = await OpenAsync(log);
        var refused = OutputBatch.Of(_scope, Out, new OutputRecord(new string('x', 2_000_000)));
        Assert.False(log.TryAppend(refused));
        Assert.Contains(Out, (await answers.NextAsync<Exception>()).Message, StringComparison.Ordinal);
        Assert.False(log.TryAppend(refused));
        refused.Dispose();
        await using var next = Log();
        Assert.Null((await next.OpenAsync(null, CancellationToken.None)).Last);
        Assert.Empty(cluster.ReadCommitted(Out, 4));
    }
}
