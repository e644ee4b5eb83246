namespace StreamEngine.Broker.Storage;

/// <summary>
/// Where a broker keeps what it must remember: the segments of each partition, and the journal of everything else (topics, offsets, producer ids,
/// transactions). In memory it outlives the core that uses it, so that a simulation can restart a broker; on disk it outlives the process.
/// </summary>
internal interface ILogStorage : IDisposable
{
    IJournalFile Journal { get; }

    /// <summary>The segments that exist for a partition, by base offset.</summary>
    List<ISegment> OpenSegments(Guid topicId, int partition);

    /// <summary>A new, empty segment that takes at least <paramref name="firstBatch"/> bytes.</summary>
    ISegment CreateSegment(Guid topicId, int partition, long baseOffset, int firstBatch);

    void DeleteTopic(Guid topicId);

    /// <summary>Topics that have files; those that the journal does not know are left over from a crash in the middle of a deletion.</summary>
    IReadOnlyCollection<Guid> StoredTopics();

    /// <summary>Makes everything written so far durable; an error is fatal for the broker, since nobody knows what the disk holds after it.</summary>
    void Sync();
}

/// <summary>An append-only part of a partition's log. Bytes once written do not change.</summary>
internal interface ISegment
{
    long BaseOffset { get; }

    long Size { get; }

    bool HasRoom(int bytes);

    void Append(ReadOnlySpan<byte> bytes);

    void Read(long position, Span<byte> target);

    LogSlice Slice(long position, int length);

    /// <summary>Cuts a torn tail off.</summary>
    void Truncate(long size);

    /// <summary>Keeps derived state (index, producers, aborted transactions) beside a segment that takes no more appends.</summary>
    void WriteCheckpoint(ReadOnlySpan<byte> checkpoint);

    byte[]? ReadCheckpoint();

    void Delete();
}

/// <summary>The bytes of the journal: appended record by record, and now and then replaced as a whole by a shorter equivalent.</summary>
internal interface IJournalFile
{
    long Size { get; }

    byte[] ReadAll();

    void Append(ReadOnlySpan<byte> bytes);

    /// <summary>Replaces the journal atomically: after a crash it is either the old or the new one.</summary>
    void Replace(ReadOnlySpan<byte> bytes);

    void Truncate(long size);
}
