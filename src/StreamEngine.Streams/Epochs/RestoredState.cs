using System.Buffers;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// What was read back from the state topic, by operator, in the order of writing. Each lane's operator is given all of its id and keeps what is in its key groups; when
/// the last one has its own, it is let go: it would be in memory a second time for as long as the incarnation lives.
/// </summary>
internal sealed class RestoredState
{
    private Dictionary<string, List<(int KeyGroup, StateKind Kind, byte[] Payload)>> _parts = [];

    // The parts so far of a payload that is longer than a record: the rest comes in the next ones.
    private ArrayBufferWriter<byte> _begun = new();

    /// <summary>Nothing.</summary>
    public static RestoredState Empty { get; } = new();

    public IReadOnlyCollection<string> Operators => _parts.Keys;

    /// <summary>Pieces in all.</summary>
    public int Pieces { get; private set; }

    /// <summary>How much was read.</summary>
    public StateBytes Bytes { get; private set; }

    /// <summary>Every operator has taken what is its own, and nothing of it is held here any more.</summary>
    public bool IsReleased { get; private set; }

    /// <summary>
    /// Reads the state of the last committed epoch: from the newest complete snapshot, or where a record of that is damaged, from the one before with all changes since.
    /// Then the whole key groups of the newer one are passed over, damaged or not; a damaged change cannot be made up for.
    /// </summary>
    public static async Task<RestoredState> ReadAsync(ICommitLog log, EpochManifest? last, CancellationToken cancellation)
    {
        if (last is null) return Empty;
        var newest = last.State.Full.Count > 0 ? last.State.Full[^1] : 0;
        var before = last.State.Full.Count > 1 ? last.State.Full[^2] : 0;
        var (state, bad) = await ReadAsync(log, last, newest, long.MaxValue, cancellation);
        if (bad is null) return state;
        var (older, worse) = newest == before ? (state, bad) : await ReadAsync(log, last, before, newest, cancellation);
        if (worse is null) return older;
        throw new StartupException($"the state of the pipeline cannot be read back, from offset {newest}: {bad}; from offset {before}: {worse}\n  to start without it:    ./engine run FILE --reset");
    }

    private static async Task<(RestoredState State, string? Bad)> ReadAsync(ICommitLog log, EpochManifest last, long start, long changesFrom,
        CancellationToken cancellation)
    {
        var state = new RestoredState();
        string? bad = null;
        await log.ReadStateAsync(start, (offset, value) =>
        {
            if (offset >= changesFrom && StateFrames.IsWhole(value)) return;
            bad ??= state.Add(offset, value, last.Epoch);
        }, cancellation);
        return (state, bad);
    }

    private string? Add(long offset, ReadOnlySpan<byte> value, long last)
    {
        if (!StateFrames.TryRead(value, out var id, out var epoch, out var part, out var error)) return $"the record at offset {offset} is damaged: {error}";
        // A worker that stood still between claim and restore: its successor has committed meanwhile, and the state is no longer the manifest's. The next opening finds
        // that one's claim.
        if (epoch > last) throw new InvalidOperationException($"the state topic has a record of epoch {epoch} at offset {offset}, and epoch {last} was the last one: another incarnation has committed since");
        if (!_parts.TryGetValue(id, out var parts)) _parts[id] = parts = [];
        if (StateFrames.IsContinued(value))
        {
            _begun.Write(part.Payload);
            return null;
        }
        parts.Add((part.KeyGroup, part.Kind, _begun.WrittenCount == 0 ? part.Payload.ToArray() : [.. _begun.WrittenSpan, .. part.Payload]));
        _begun.ResetWrittenCount();
        Pieces++;
        Bytes = part.Kind == StateKind.Delta ? Bytes with { Changes = Bytes.Changes + parts[^1].Payload.Length }
            : Bytes with { Whole = Bytes.Whole + parts[^1].Payload.Length };
        return null;
    }

    /// <summary>Lets go of what was read. Of nothing there is nothing to let go.</summary>
    public void Release()
    {
        if (_parts.Count == 0) return;
        (_parts, _begun) = ([], new ArrayBufferWriter<byte>());
        IsReleased = true;
    }

    /// <summary>Gives an operator its state.</summary>
    public void Restore(IOperator op)
    {
        // It would begin with nothing, without a word.
        if (IsReleased) throw new InvalidOperationException($"operator {op.Id} asks for its state after that was let go");
        if (!_parts.TryGetValue(op.Id, out var parts)) return;
        try
        {
            foreach (var (keyGroup, kind, payload) in parts) op.Restore(new StatePart(keyGroup, kind, payload));
        }
        catch (FormatException e)
        {
            throw new StartupException($"the state of operator {op.Id} cannot be read: {e.Message}\n  run the engine that wrote it, or a newer one", e);
        }
    }
}

/// <summary>Bytes of state that were read back.</summary>
/// <param name="Whole">Of whole key groups.</param>
/// <param name="Changes">Of changes since.</param>
internal readonly record struct StateBytes(long Whole, long Changes);
