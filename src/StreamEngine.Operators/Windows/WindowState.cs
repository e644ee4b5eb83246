using StreamEngine.Compute;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Windows;

/// <summary>
/// Panes as pieces of state. Version 1, little-endian: version (1 byte), end of the last closed window (8), then entries. Entry 0, a group: pane start (8), first window's end (8), key length (4), key, rows (8), each aggregate's value. Entry 1, members of
/// a distinct set: pane start, first, key length, key, aggregate (2), length (4), one encoded value. Later entries replace or add to earlier ones; panes whose windows have all closed are dropped when the
/// closing is read, so that no deletion is ever written.
/// </summary>
internal sealed class WindowState(IReadOnlyList<AggregateSpec> aggregates)
{
    private const byte Version = 1;
    private const byte GroupEntry = 0;
    private const byte MemberEntry = 1;
    private const int Header = 9;

    private readonly StateBuffer _buffer = new();

    /// <summary>Writes changed groups, whole key groups where asked for, and where nothing changed but windows closed the closing alone.</summary>
    public void Write(in SnapshotRequest request, IEnumerable<Pane> panes, long closedTo, bool closed, IStateWriter writer)
    {
        var all = panes.ToList();
        Begin(closedTo);
        foreach (var pane in all)
        {
            foreach (var group in pane.Dirty)
                if (!request.IsFull(KeyGroupRange.Of(pane.Keys.HashOf(group)))) PutGroup(pane, group, closedTo, StatePart.AnyGroup, StateKind.Delta, writer);
            PutMembers(pane, closedTo, pane.FirstNewMember, request, full: false, writer);
        }
        if (_buffer.Length > Header || closed) writer.Write(StatePart.AnyGroup, StateKind.Delta, _buffer.Written);
        for (var keyGroup = request.FullFrom; keyGroup < request.FullTo; keyGroup++) WriteWhole(keyGroup, all, closedTo, writer);
        foreach (var pane in all) pane.Written();
    }

    private void WriteWhole(int keyGroup, List<Pane> panes, long closedTo, IStateWriter writer)
    {
        Begin(closedTo);
        foreach (var pane in panes)
        {
            for (var group = 0; group < pane.Keys.Count; group++)
                if (KeyGroupRange.Of(pane.Keys.HashOf(group)) == keyGroup) PutGroup(pane, group, closedTo, keyGroup, StateKind.FullMore, writer);
            PutMembers(pane, closedTo, _ => 0, new SnapshotRequest(0, keyGroup, keyGroup + 1, null!), full: true, writer);
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
        _buffer.Put(pane.RowsOf(group));
        foreach (var accumulator in pane.Accumulators) accumulator.Write(group, _buffer);
        SplitAt(before, closedTo, keyGroup, kind, writer);
    }

    private void PutMembers(Pane pane, long closedTo, Func<int, int> firstOf, SnapshotRequest request, bool full, IStateWriter writer)
    {
        for (var a = 0; a < pane.Accumulators.Length; a++)
        {
            if (pane.Accumulators[a] is not CountDistinctAccumulator set) continue;
            for (var i = firstOf(a); i < set.Members; i++)
            {
                var value = set.MemberOf(i, out var group);
                var keyGroup = KeyGroupRange.Of(pane.Keys.HashOf(group));
                if (request.IsFull(keyGroup) != full) continue;
                var before = _buffer.Length;
                _buffer.Put(MemberEntry);
                PutKey(pane, group);
                _buffer.Put((short)a);
                _buffer.Put(value.Length);
                _buffer.Put(value);
                SplitAt(before, closedTo, full ? keyGroup : StatePart.AnyGroup, full ? StateKind.FullMore : StateKind.Delta, writer);
            }
        }
    }

    private void PutKey(Pane pane, int group)
    {
        var key = pane.Keys.KeyOf(group).Span;
        _buffer.Put(pane.Start);
        _buffer.Put(pane.First);
        _buffer.Put(key.Length);
        _buffer.Put(key);
    }

    /// <summary>Where the entry that begins at <paramref name="before"/> made the piece too long, the piece is written without it, and the entry begins the next one.</summary>
    private void SplitAt(int before, long closedTo, int keyGroup, StateKind kind, IStateWriter writer)
    {
        if (_buffer.Length <= IStateWriter.MaxPiece) return;
        if (before == Header) throw new InvalidOperationException($"one entry of window state has {_buffer.Length} bytes, more than a piece may have: a grouping key or value is too long");
        var entry = _buffer.Written[before..].ToArray();
        _buffer.Truncate(before);
        writer.Write(keyGroup, kind, _buffer.Written);
        Begin(closedTo);
        _buffer.Put(entry);
    }

    /// <summary>Reads a piece: groups outside of the key groups are skipped.</summary>
    public void Read(in StatePart part, KeyGroupRange keyGroups, Func<long, long, Pane> paneOf, ref long closedTo)
    {
        var reader = new StateReader(part.Payload);
        var version = reader.Get<byte>();
        if (version != Version) throw new FormatException($"window state has version {version}; this engine reads version {Version}");
        closedTo = Math.Max(closedTo, reader.Get<long>());
        // A whole key group of another lane: not an entry of it has to be looked at.
        if (part.KeyGroup != StatePart.AnyGroup && !keyGroups.Contains(part.KeyGroup)) return;
        using var skipped = new SkippedGroup(aggregates);
        while (!reader.AtEnd)
        {
            var kind = reader.Get<byte>();
            var (start, first) = (reader.Get<long>(), reader.Get<long>());
            var key = reader.Get(reader.Get<int>());
            var hash = KeyHash.Of(key);
            var mine = keyGroups.Contains(KeyGroupRange.Of(hash));
            var pane = mine ? paneOf(start, first) : skipped.Pane;
            var group = pane.GroupOf(key, hash);
            if (kind == GroupEntry)
            {
                pane.SetRows(group, reader.Get<long>());
                foreach (var accumulator in pane.Accumulators) accumulator.Read(group, ref reader);
            }
            else
            {
                var aggregate = reader.Get<short>();
                var value = reader.Get(reader.Get<int>());
                if (pane.Accumulators[aggregate] is CountDistinctAccumulator set) set.AddMember(group, value);
                else throw new FormatException($"window state has members of aggregate {aggregate}, which is no set");
            }
        }
    }

    /// <summary>Where entries of other lanes' key groups are read into, since their lengths are known only by reading them.</summary>
    private sealed class SkippedGroup(IReadOnlyList<AggregateSpec> aggregates) : IDisposable
    {
        private readonly MemoryScope _scope = new("skipped state");
        private Pane? _pane;

        public Pane Pane => _pane ??= new Pane(0, 0, aggregates, _scope);

        public void Dispose()
        {
            _pane?.Dispose();
            _scope.Dispose();
        }
    }
}
