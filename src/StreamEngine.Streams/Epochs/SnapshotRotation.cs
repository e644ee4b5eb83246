using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Decides which key groups an epoch writes whole. A round over all of them begins when the deltas since the last round weigh more than it did, and writes a few groups per epoch, so that no transaction
/// is large; a finished round is a snapshot that begins where the round began, and state behind the older of the two newest can be deleted.
/// </summary>
internal sealed class SnapshotRotation(StatePositions? last, long leastBytes)
{
    private const int GroupsPerEpoch = 8;

    private readonly List<long> _full = [.. last?.Full ?? []];
    private long _deltaRecords;
    private long _roundRecords;
    private long _roundBegin = -1;
    private int _next;
    private int _asked;
    private long _end = last?.End ?? 0;
    private long _begin;
    private readonly long _leastRecords = Math.Max(64, leastBytes / (64 << 10));

    /// <summary>The key groups to be written whole by the epoch that begins now.</summary>
    public (int From, int To) NextRange()
    {
        var begins = _roundBegin < 0 && _deltaRecords >= Math.Max(_leastRecords, _roundRecords);
        if (_roundBegin < 0 && !begins) return (0, 0);
        _asked = Math.Min(_next + GroupsPerEpoch, KeyGroupRange.Count);
        return (_next, _asked);
    }

    /// <summary>The positions for the manifest of the epoch whose state has all been appended.</summary>
    public StatePositions AtBarrier(EpochReport report, long stateEnd)
    {
        _begin = _end;
        _end = stateEnd;
        if (report.FullTo == report.FullFrom) _deltaRecords += _end - _begin;
        else
        {
            if (_roundBegin < 0)
            {
                _roundBegin = _begin;
                _roundRecords = 0;
            }
            _roundRecords += _end - _begin;
            _next = report.FullTo;
            if (_next == KeyGroupRange.Count)
            {
                if (_full.Count == 2) _full.RemoveAt(0);
                _full.Add(_roundBegin);
                _roundBegin = -1;
                _next = 0;
                _deltaRecords = 0;
            }
        }
        return new StatePositions([.. _full], stateEnd);
    }

    /// <summary>The transaction's own control record takes an offset behind the state that it wrote.</summary>
    public void Committed()
    {
        if (_end > _begin) _end++;
    }
}
