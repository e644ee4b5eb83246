using StreamEngine.Compute;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Windows;

/// <summary>
/// Panes as pieces of state. Version 1, little-endian: version (1 byte), end of the last closed window (8), then entries. Entry 0, a group: pane start (8), first
/// window's end (8), key length (4), key, rows (8), each aggregate's value. Entry 1, members of a distinct set: pane start, first, key length, key, aggregate (2), length
/// (4), one encoded value. Later entries replace or add to earlier ones; panes whose windows have all closed are dropped when the closing is read, so that no deletion is
/// ever written.
/// </summary>
internal sealed unsafe class WindowState(IReadOnlyList<AggregateSpec> aggregates, DataType[] keys)
{
    private const byte Version = 1;
    private const byte GroupEntry = 0;
    private const byte MemberEntry = 1;
    private const int Header = 9;

    private readonly StateBuffer _buffer = new();

    /// <summary>Writes changed groups, whole key groups where asked for, and where nothing changed but windows closed the closing alone.</summary>
    public void Write(in SnapshotRequest request, PaneList panes, long closedTo, bool closed, IStateWriter writer)
    {
        Begin(closedTo);
        for (var i = 0; i < panes.Count; i++)
        {
            WriteDirty(panes[i], closedTo, writer);
            PutMembers(panes[i], closedTo, panes[i].FirstNewMember, StatePart.AnyGroup, writer);
        }
        if (_buffer.Length > Header || closed) writer.Write(StatePart.AnyGroup, StateKind.Delta, _buffer.Written);
        for (var keyGroup = request.FullFrom; keyGroup < request.FullTo; keyGroup++) WriteWhole(keyGroup, panes, closedTo, writer);
        for (var i = 0; i < panes.Count; i++) panes[i].Written();
    }

    private void WriteDirty(Pane pane, long closedTo, IStateWriter writer)
    {
        var dirty = pane.Dirty;
        for (var group = 0; group < dirty.Length; group++)
        {
            var next = dirty[group..].IndexOf((byte)1);
            if (next < 0) return;
            group += next;
            // Also where its key group is written whole: a snapshot that turns out damaged is replaced by the one before it and all changes since.
            PutGroup(pane, group, closedTo, StatePart.AnyGroup, StateKind.Delta, writer);
        }
    }

    private void WriteWhole(int keyGroup, PaneList panes, long closedTo, IStateWriter writer)
    {
        Begin(closedTo);
        for (var i = 0; i < panes.Count; i++)
        {
            var keyGroups = panes[i].KeyGroups();
            for (var group = 0; group < keyGroups.Length; group++)
            {
                var next = keyGroups[group..].IndexOf((byte)keyGroup);
                if (next < 0) break;
                group += next;
                PutGroup(panes[i], group, closedTo, keyGroup, StateKind.FullMore, writer);
            }
            PutMembers(panes[i], closedTo, _ => 0, keyGroup, writer);
        }
        writer.Write(keyGroup, StateKind.FullMore, _buffer.Written);
    }

    private void Begin(long closedTo)
    {
        _buffer.Clear();
        _buffer.Put(Version);
        _buffer.Put(closedTo);
    }

    private void PutGroup(Pane pane, int group, long closedTo, int keyGroup, StateKind kind, IStateWriter writer)
    {
        var before = _buffer.Length;
        _buffer.Put(GroupEntry);
        PutKey(pane, group);
        _buffer.Put(pane.RowsByGroup[group]);
        foreach (var accumulator in pane.Accumulators) accumulator.Write(group, _buffer);
        SplitAt(before, closedTo, keyGroup, kind, writer);
    }

    private void PutMembers(Pane pane, long closedTo, Func<int, int> firstOf, int wholeOf, IStateWriter writer)
    {
        for (var a = 0; a < pane.Accumulators.Length; a++)
        {
            if (pane.Accumulators[a] is not CountDistinctAccumulator set) continue;
            var keyGroups = wholeOf >= 0 ? pane.KeyGroups() : default;
            for (var i = firstOf(a); i < set.Members; i++)
            {
                var value = set.MemberOf(i, out var group);
                if (wholeOf >= 0 && keyGroups[group] != wholeOf) continue;
                var before = _buffer.Length;
                _buffer.Put(MemberEntry);
                PutKey(pane, group);
                _buffer.Put((short)a);
                _buffer.Put(value.Length);
                _buffer.Put(value);
                SplitAt(before, closedTo, wholeOf, wholeOf >= 0 ? StateKind.FullMore : StateKind.Delta, writer);
            }
        }
    }

    private void PutKey(Pane pane, int group)
    {
        var key = pane.Keys.EncodingOf(group);
        _buffer.Put(pane.Start);
        _buffer.Put(pane.First);
        _buffer.Put(key.Length);
        _buffer.Put(key);
    }

    /// <summary>
    /// Where the entry that begins at <paramref name="before"/> made the piece too long, the piece is written without it, and the entry begins the next one.
    /// </summary>
    private void SplitAt(int before, long closedTo, int keyGroup, StateKind kind, IStateWriter writer)
    {
        // An entry that is too long by itself is a piece of its own: a group may keep several long texts, of different rows.
        if (_buffer.Length <= IStateWriter.MaxPiece || before == Header) return;
        var entry = _buffer.Written[before..].ToArray();
        _buffer.Truncate(before);
        writer.Write(keyGroup, kind, _buffer.Written);
        Begin(closedTo);
        _buffer.Put(entry);
    }

    /// <summary>Reads a piece, of which groups outside of the key groups are skipped; returns by how many input rows the state grew.</summary>
    public long Read(ref StateReader reader, int part, KeyGroupRange keyGroups, WindowAggregateOperator state, ref long closedTo)
    {
        var version = reader.Get<byte>();
        if (version != Version) throw new FormatException($"window state has version {version}; this engine reads version {Version}");
        closedTo = Math.Max(closedTo, reader.Get<long>());
        // A whole key group of another lane: not an entry of it has to be looked at. One of this lane need not be asked entry by entry.
        if (part != StatePart.AnyGroup && !keyGroups.Contains(part)) return 0;
        var isMine = part != StatePart.AnyGroup || keyGroups == KeyGroupRange.All;
        using var skipped = new SkippedGroup(aggregates, keys);
        long rows = 0;
        while (!reader.AtEnd)
        {
            var kind = reader.Get<byte>();
            var (start, first) = (reader.Get<long>(), reader.Get<long>());
            var key = reader.Get(reader.Get<int>());
            var pane = isMine || keyGroups.Contains(KeyGroupRange.Of(KeyHash.Of(key))) ? state.Restored(start, first) : null;
            if (kind == GroupEntry) rows += ReadGroup(ref reader, pane, skipped, key);
            else ReadMember(ref reader, pane ?? skipped.Pane, key);
        }
        return rows;
    }

    private static long ReadGroup(ref StateReader reader, Pane? pane, SkippedGroup skipped, ReadOnlySpan<byte> key)
    {
        var to = pane ?? skipped.Pane;
        var group = to.GroupOf(key);
        var more = to.SetRows(group, reader.Get<long>());
        foreach (var accumulator in to.Accumulators) accumulator.Read(group, ref reader);
        return pane is null ? 0 : more;
    }

    private static void ReadMember(ref StateReader reader, Pane pane, ReadOnlySpan<byte> key)
    {
        var aggregate = reader.Get<short>();
        var value = reader.Get(reader.Get<int>());
        if (aggregate < 0 || aggregate >= pane.Accumulators.Length || pane.Accumulators[aggregate] is not CountDistinctAccumulator set)
            throw new FormatException($"window state has members of aggregate {aggregate}, which is no set");
        set.AddMember(pane.GroupOf(key), value);
        pane.MemberRestored(aggregate);
    }

    /// <summary>Where entries of other lanes' key groups, and of windows that have closed, are read into, since their lengths are known only by reading them.</summary>
    private sealed class SkippedGroup(IReadOnlyList<AggregateSpec> aggregates, DataType[] keys) : IDisposable
    {
        private readonly MemoryScope _scope = new("skipped state");
        private Pane? _pane;

        public Pane Pane => _pane ??= new Pane(0, 0, keys, aggregates, _scope);

        public void Dispose()
        {
            _pane?.Dispose();
            _scope.Dispose();
        }
    }
}
