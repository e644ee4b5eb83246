using System.Globalization;
using System.Text;
using System.Text.Json;
using StreamEngine.Core;
using StreamEngine.Pipelines.Redrive;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// Collects the rows of both sides and compares them: an append sink as multisets, an upsert sink by the last row of each key. Where of an append sink one row is left on
/// each side for a key and a window, the one is what became of the other. DOUBLE columns may differ by one part in 10^9, since the order in which partitions are added up
/// is free; everything else is compared exactly, by value and not by spelling.
/// </summary>
/// <param name="insert">The INSERT.</param>
/// <param name="upsert">Whether a key's last row counts.</param>
/// <param name="range">What was replayed: live rows outside of it are left out.</param>
/// <param name="redriven">The redriven rows that the replay has counted; null for none.</param>
internal sealed class SinkComparison(PhysicalInsert insert, bool upsert, EventTimeRange range, RedrivenTimes? redriven = null)
{
    /// <summary>The most rows that are held at once, of both sides together.</summary>
    public const int MostRows = 4_000_000;

    private const double Tolerance = 1e-9;

    private readonly HashSet<string> _doubles = [.. insert.Output.Take(insert.Written).Where(f => f.Type.Kind == TypeKind.Float64).Select(f => f.Name)];
    private readonly Dictionary<string, Group> _groups = [];
    private readonly Dictionary<string, KeyedRows> _keys = [];

    // A key that holds the time names rows of one time only; any other may have a newer row that has nothing to do with the range, or an older one that comes back.
    private readonly bool _keyHoldsTime = insert.KeyColumns.Any(c => insert.Time is { } time && insert.Output[c].Name == time.Name);
    private long _rows;

    /// <summary>Rows that are equal but for their doubles.</summary>
    private sealed class Group
    {
        public List<Row> Live { get; } = [];

        public List<Row> Replayed { get; } = [];
    }

    private sealed record Row(double[] Doubles, byte[]? Key, byte[] Value, bool IsNewer = false);

    /// <summary>What a key has on both sides.</summary>
    private sealed class KeyedRows(byte[]? key)
    {
        public byte[]? Key => key;

        /// <summary>The last live row of the range; null for none, or where a tombstone came behind it.</summary>
        public byte[]? Live { get; set; }

        public byte[]? Replayed { get; set; }

        /// <summary>The last live row that was written before those of the range and lies outside of it.</summary>
        public byte[]? Before { get; set; }

        /// <summary>What the key has now in production lies outside of the range: nothing of the range counts any more.</summary>
        public bool IsElsewhere { get; set; }

        /// <summary>Production has written it since the replay was bounded: what it has now may be of records that the replay does not read.</summary>
        public bool IsNewer { get; set; }
    }

    /// <param name="key">The record's key.</param>
    /// <param name="value">The record's value; null: a tombstone.</param>
    /// <param name="live">Whether it is of the live side.</param>
    /// <param name="isNewer">Of the live side: whether it was written since the replay was bounded, and may be of records that the replay does not read.</param>
    /// <exception cref="StartupException">There are too many.</exception>
    public void Add(byte[]? key, byte[]? value, bool live, bool isNewer = false)
    {
        if (upsert)
        {
            AddByKey(key, value, live, isNewer);
            return;
        }
        if (value is null || (live && !IsInRange(value))) return;
        Count();
        var (text, doubles) = Canonical(value);
        if (!_groups.TryGetValue(text, out var group)) _groups[text] = group = new Group();
        (live ? group.Live : group.Replayed).Add(new Row(doubles, key, value, isNewer));
    }

    private void AddByKey(byte[]? key, byte[]? value, bool live, bool isNewer)
    {
        var outside = value is not null && live && !IsInRange(value);
        if (outside && _keyHoldsTime) return;
        var name = LaterRows.NameOf(key);
        if (!_keys.TryGetValue(name, out var rows))
        {
            // A tombstone takes back the row before; which window it was of shows only that row.
            if (value is null) return;
            Count();
            _keys[name] = rows = new KeyedRows(key);
        }
        rows.IsNewer |= isNewer;
        if (!live) rows.Replayed = value;
        else if (outside) (rows.IsElsewhere, rows.Before, rows.Live) = (true, value, null);
        else
        {
            if (value is null) rows.Before = null;
            (rows.IsElsewhere, rows.Live) = (false, value);
        }
    }

    private void Count()
    {
        if (++_rows > MostRows) throw new StartupException($"sink {insert.Sink}: more than {MostRows:N0} rows to compare; replay and compare a shorter range");
    }

    private bool IsInRange(byte[] value) => TimeOf(value) is { } micros && insert.Time!.IsIn(range, micros);

    private long? TimeOf(byte[] value)
    {
        using var document = JsonDocument.Parse(value);
        return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(insert.Time!.Name, out var time)
            && time.ValueKind == JsonValueKind.String && TimeText.TryParseTimestamp(Encoding.UTF8.GetBytes(time.GetString()!), out var micros, out _) ? micros : null;
    }

    private (string Text, double[] Doubles) Canonical(byte[] value)
    {
        using var document = JsonDocument.Parse(value);
        var text = new StringBuilder();
        var doubles = new List<double>();
        foreach (var property in document.RootElement.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            text.Append(property.Name).Append('=');
            if (_doubles.Contains(property.Name) && property.Value.ValueKind == JsonValueKind.Number) doubles.Add(property.Value.GetDouble());
            else text.Append(property.Value.GetRawText());
            text.Append('\n');
        }
        return (text.ToString(), [.. doubles]);
    }

    public SinkDiff Compare()
    {
        var diff = upsert ? CompareKeys() : CompareGroups();
        return diff with { Differences = [.. diff.Differences.Select(Placed)] };
    }

    private RowDifference Placed(RowDifference row)
    {
        if (TimeOf(row.Live ?? row.Replayed!) is not { } time) return row;
        var window = new RowWindow(time + insert.Time!.ToStart, time + insert.Time!.ToEnd);
        return row with
        {
            Window = window,
            Cause = redriven?.Any(insert.Sink, window.From, window.To) == true ? DifferenceCause.Redriven : DifferenceCause.Unknown,
        };
    }

    private SinkDiff CompareKeys()
    {
        var (equal, newer) = (0L, 0L);
        var differences = new List<RowDifference>();
        foreach (var rows in _keys.Values.Where(r => !r.IsElsewhere))
        {
            // Without a row of the range the key has what it had before.
            var (live, replayed) = (rows.Live, rows.Replayed ?? rows.Before);
            if (live is null && replayed is null) continue;
            if (live is not null && replayed is not null && AreEqual(live, replayed)) equal++;
            else if (rows.IsNewer) newer++;
            else differences.Add(new RowDifference(rows.Key, live, replayed));
        }
        return new SinkDiff(insert.Sink, equal, differences) { Newer = newer };
    }

    private bool AreEqual(byte[] a, byte[] b)
    {
        var (left, right) = (Canonical(a), Canonical(b));
        return left.Text == right.Text && AreClose(left.Doubles, right.Doubles);
    }

    private SinkDiff CompareGroups()
    {
        var (equal, newer) = (0L, 0L);
        var differences = new List<RowDifference>();
        foreach (var group in _groups.Values)
        {
            // Sorted by their doubles, equal rows stand at equal places; one that has no partner is skipped.
            group.Live.Sort(ByDoubles);
            group.Replayed.Sort(ByDoubles);
            var (l, r) = (0, 0);
            void OnlyLive(Row row)
            {
                if (row.IsNewer) newer++;
                else differences.Add(new RowDifference(row.Key, row.Value, null));
            }
            while (l < group.Live.Count && r < group.Replayed.Count)
            {
                if (AreClose(group.Live[l].Doubles, group.Replayed[r].Doubles)) (l, r, equal) = (l + 1, r + 1, equal + 1);
                else if (ByDoubles(group.Live[l], group.Replayed[r]) < 0) OnlyLive(group.Live[l++]);
                else differences.Add(OnlyReplayed(group.Replayed[r++]));
            }
            foreach (var row in group.Live.Skip(l)) OnlyLive(row);
            differences.AddRange(group.Replayed.Skip(r).Select(OnlyReplayed));
        }
        return new SinkDiff(insert.Sink, equal, Paired(differences)) { Newer = newer };
    }

    /// <summary>Of more than one row on a side nobody can tell which became which.</summary>
    private List<RowDifference> Paired(List<RowDifference> left)
    {
        var differences = new List<RowDifference>(left.Count);
        foreach (var rows in left.GroupBy(d => (LaterRows.NameOf(d.Key), TimeOf(d.Live ?? d.Replayed!))))
        {
            var (live, replayed) = (rows.Where(d => d.Live is not null).Take(2).ToList(), rows.Where(d => d.Replayed is not null).Take(2).ToList());
            if (live.Count == 1 && replayed.Count == 1) differences.Add(live[0] with { Replayed = replayed[0].Replayed });
            else differences.AddRange(rows);
        }
        return differences;
    }

    private static RowDifference OnlyReplayed(Row row) => new(row.Key, null, row.Value);

    private static int ByDoubles(Row a, Row b)
    {
        for (var i = 0; i < Math.Min(a.Doubles.Length, b.Doubles.Length); i++)
            if (a.Doubles[i].CompareTo(b.Doubles[i]) is var order and not 0) return order;
        // The older ones are the first to find a partner.
        return a.Doubles.Length != b.Doubles.Length ? a.Doubles.Length - b.Doubles.Length : a.IsNewer.CompareTo(b.IsNewer);
    }

    private static bool AreClose(double[] a, double[] b)
    {
        if (a.Length != b.Length) return false;
        for (var i = 0; i < a.Length; i++)
            if (!(Math.Abs(a[i] - b[i]) <= Tolerance * Math.Max(1, Math.Max(Math.Abs(a[i]), Math.Abs(b[i]))))) return false;
        return true;
    }

    /// <summary>For messages.</summary>
    public static string TextOf(byte[]? value) => value is null ? "-" : value.Length > 400
        ? string.Create(CultureInfo.InvariantCulture, $"{Encoding.UTF8.GetString(value, 0, 400)}.. ({value.Length} bytes)") : Encoding.UTF8.GetString(value);
}
