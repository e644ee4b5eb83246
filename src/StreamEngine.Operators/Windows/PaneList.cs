namespace StreamEngine.Operators.Windows;

/// <summary>Panes in the order of their start, then of their first window. Rows come nearly in order, so that new ones go to the end or close to it.</summary>
internal sealed class PaneList
{
    private readonly List<Pane> _panes = [];

    public int Count => _panes.Count;

    public Pane this[int index] => _panes[index];

    /// <summary>The pane, or null where it is not there.</summary>
    public Pane? Find(long start, long first)
    {
        var index = IndexOf(start, first);
        return index < _panes.Count && _panes[index] is var pane && pane.Start == start && pane.First == first ? pane : null;
    }

    public void Add(Pane pane) => _panes.Insert(IndexOf(pane.Start, pane.First), pane);

    /// <summary>The place of the first pane that is not before this one.</summary>
    public int IndexOf(long start, long first)
    {
        var (from, to) = (0, _panes.Count);
        while (from < to)
        {
            var middle = (from + to) / 2;
            if (_panes[middle].Start < start || (_panes[middle].Start == start && _panes[middle].First < first)) from = middle + 1;
            else to = middle;
        }
        return from;
    }

    public void RemoveFirst(int count) => _panes.RemoveRange(0, count);

    public void Clear() => _panes.Clear();
}
