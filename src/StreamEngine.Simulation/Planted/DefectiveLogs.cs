using StreamEngine.Core;
using StreamEngine.Simulation.Clients;
using StreamEngine.Simulation.Network;

namespace StreamEngine.Simulation.Planted;

/// <summary><see cref="PlantedDefect.OffsetsOutside"/>.</summary>
internal sealed class OffsetsOutsideLog(SimulatedClient client, string pipeline, IReadOnlyList<(string Topic, int Partitions)> outputs, TimeSpan transactionTimeout)
    : SimulatedCommitLog(client, pipeline, outputs, transactionTimeout)
{
    protected override async Task CommitTransactionAsync(SimulatedProducer producer, LogRecord record, EpochManifest manifest)
    {
        await producer.FlushAsync();
        await producer.SendOffsetsAsync(Pipeline, OffsetsOf(manifest));
        await producer.CommitAsync();
        await base.CommitTransactionAsync(producer, record, manifest);
    }
}

/// <summary><see cref="PlantedDefect.OvertakenBarrier"/>: of the outputs between two barriers the last one waits.</summary>
internal sealed class OvertakingLog(SimulatedClient client, string pipeline, IReadOnlyList<(string Topic, int Partitions)> outputs, TimeSpan transactionTimeout)
    : SimulatedCommitLog(client, pipeline, outputs, transactionTimeout)
{
    private Batch? _overtaken;

    public override bool TryAppend(Batch batch)
    {
        if (batch.Role != BatchRole.Output) return base.TryAppend(batch);
        var before = _overtaken;
        _overtaken = batch;
        if (before is null || base.TryAppend(before)) return true;
        _overtaken = before;
        return false;
    }

    protected override async Task CommitTransactionAsync(SimulatedProducer producer, LogRecord record, EpochManifest manifest)
    {
        // At the end nothing may be left: the defect would show in every run, also without a fault.
        if (manifest.Finished && _overtaken is { } last && base.TryAppend(last)) _overtaken = null;
        await base.CommitTransactionAsync(producer, record, manifest);
    }

    public override ValueTask DisposeAsync()
    {
        _overtaken?.Dispose();
        return base.DisposeAsync();
    }
}

/// <summary><see cref="PlantedDefect.MissedFence"/>: every process has a transactional id of its own.</summary>
internal sealed class UnfencedLog(SimulatedClient client, string pipeline, IReadOnlyList<(string Topic, int Partitions)> outputs, TimeSpan transactionTimeout)
    : SimulatedCommitLog(client, pipeline, outputs, transactionTimeout)
{
    private readonly string _id = $"{pipeline}-0-{client.Name}";

    protected override string TransactionalId => _id;
}

/// <summary><see cref="PlantedDefect.OldSnapshot"/>: what the last epoch changed is not read back.</summary>
internal sealed class OldSnapshotLog(SimulatedClient client, string pipeline, IReadOnlyList<(string Topic, int Partitions)> outputs, TimeSpan transactionTimeout)
    : SimulatedCommitLog(client, pipeline, outputs, transactionTimeout)
{
    private long _lastEpoch;

    public override async Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation)
    {
        var opened = await base.OpenAsync(before, cancellation);
        _lastEpoch = opened.Last?.Epoch ?? 0;
        return opened;
    }

    public override Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation) => base.ReadStateAsync(from, (offset, value) =>
    {
        if (Streams.StateFrames.TryRead(value, out _, out var epoch, out _, out _) && epoch >= _lastEpoch) return;
        apply(offset, value);
    }, cancellation);
}
