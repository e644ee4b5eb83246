namespace StreamEngine.Core;

/// <summary>Turns faults into records for the dead-letter and late topics: one per chain, so that nothing is shared between threads.</summary>
internal interface ISideOutputs : IDisposable
{
    /// <summary>Adds a record for a physical row of the batch.</summary>
    void Add(Batch batch, int row, in Fault fault);

    /// <summary>What was added since the last call, as batches of role DeadLetter or Late, one each call.</summary>
    bool TryTake(out Batch? batch);
}
