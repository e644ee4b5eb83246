using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Decides which key groups an epoch writes whole. A round over all of them begins when the deltas since the last round weigh as much as it did, and writes so many
/// groups per epoch as fit into a bounded number of bytes, at least one, so that no transaction is large; a finished round is a snapshot that begins where the round
/// began, and state behind the older of the two newest can be deleted.
/// </summary>
/// <param name="last">The positions of the last committed manifest.</param>
/// <param name="restored">What was read back at the start: a worker that starts again and again still comes to a round in the end.</param>
/// <param name="leastBytes">Deltas of fewer bytes begin no round.</param>
/// <param name="bytesPerEpoch">What the whole groups of an epoch may come to.</param>
internal sealed class SnapshotRotation(StatePositions? last, StateBytes restored, long leastBytes, long bytesPerEpoch = 8 << 20)
{
    /// <summary>Small groups come a few at a time too, so that a round is no burst.</summary>
    private const int MostGroups = 8;

    private readonly List<long> _full = [.. last?.Full ?? []];
    private long _written;
    private long _deltaBytes = restored.Changes;
    private long _roundBytes = restored.Whole;
    private long _roundBegin = -1;
    private long _groupBytes;
    private int _groups;
    private int _next;
    private long _end = last?.End ?? 0;
    private long _begin;

    /// <summary>State was appended in the epoch that is under way.</summary>
    public void Wrote(long bytes) => _written += bytes;

    /// <summary>The key groups to be written whole by the epoch that begins now.</summary>
    public (int From, int To) NextRange()
    {
        if (_roundBegin < 0 && _deltaBytes < Math.Max(leastBytes, _roundBytes)) return (0, 0);
        // How much a group holds is known from those before it. Before any is known the steps grow from one group on; a single group that is larger than the bound cannot
        // be divided.
        var fitting = _groupBytes == 0 ? MostGroups : Math.Clamp(bytesPerEpoch / _groupBytes, 1, MostGroups);
        _groups = (int)Math.Min(fitting, Math.Max(1, _groups * 2));
        return (_next, Math.Min(_next + _groups, KeyGroupRange.Count));
    }

    /// <summary>The positions for the manifest of the epoch whose state has all been appended.</summary>
    public StatePositions AtBarrier(EpochReport report, long stateEnd)
    {
        _begin = _end;
        _end = stateEnd;
        if (report.FullTo == report.FullFrom) _deltaBytes += _written;
        else Wrote(report.FullTo, report.FullTo - report.FullFrom);
        _written = 0;
        return new StatePositions([.. _full], stateEnd);
    }

    private void Wrote(int to, int groups)
    {
        if (_roundBegin < 0)
        {
            _roundBegin = _begin;
            _roundBytes = 0;
        }
        _roundBytes += _written;
        _groupBytes = Math.Max(_written / groups, _roundBytes / to);
        _next = to;
        if (_next < KeyGroupRange.Count) return;
        if (_full.Count == 2) _full.RemoveAt(0);
        _full.Add(_roundBegin);
        _roundBegin = -1;
        _next = 0;
        _deltaBytes = 0;
    }

    /// <summary>The transaction's own control record takes an offset behind the state that it wrote.</summary>
    public void Committed()
    {
        if (_end > _begin) _end++;
    }
}
