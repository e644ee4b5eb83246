using System.Runtime.CompilerServices;

namespace StreamEngine.Core;

/// <summary>What a batch is for. Only main batches are touched by operators; the others ride past them to the commit.</summary>
public enum BatchRole : byte
{
    /// <summary>Rows of the query.</summary>
    Main,

    /// <summary>Records as they came from a log, not decoded yet.</summary>
    Raw,

    /// <summary>Encoded records for a sink.</summary>
    Output,

    /// <summary>Encoded records for the late side output.</summary>
    Late,

    /// <summary>Encoded records for the dead letters.</summary>
    DeadLetter,

    /// <summary>Encoded changes of operator state.</summary>
    Changelog,
}

/// <summary>What happened to a row of a changelog stream; a null row-kind column means that all are inserts.</summary>
public enum RowKind : byte
{
    /// <summary>A new row.</summary>
    Insert,

    /// <summary>The earlier version of an updated row.</summary>
    UpdateBefore,

    /// <summary>The later version of an updated row.</summary>
    UpdateAfter,

    /// <summary>A row that is no longer part of the result.</summary>
    Delete,
}

/// <summary>
/// Some rows, as columns in native memory. It has one owner, who passes it on or releases it; <see cref="Share"/> gives another branch its own header and selection over
/// the same immutable memory. Rows that are not selected are not part of the batch: filters and faults shrink the selection and never move values.
/// </summary>
public sealed unsafe class Batch : StreamElement, IDisposable
{
    /// <summary>The most rows a batch may have: selections are 16-bit, and a batch has to stay a small unit of work.</summary>
    public const int MaxRows = 4096;

    /// <summary>Rows per batch where nothing speaks for another number.</summary>
    public const int DefaultRows = 2048;

    private readonly ColumnVector[] _columns;
    private readonly Arena[] _arenas;
    private Schema? _wholeSchema;
    private ColumnVector[]? _wholeColumns;
    private int _released;

    private Batch(Schema schema, ColumnVector[] columns, int rows, Arena[] arenas)
    {
        Schema = schema;
        _columns = columns;
        Rows = rows;
        Count = rows;
        _arenas = arenas;
    }

    /// <summary>The columns' names and types.</summary>
    public Schema Schema { get; }

    /// <summary>What the batch is for.</summary>
    public BatchRole Role { get; internal init; }

    /// <summary>Physical rows, of which <see cref="Count"/> are selected.</summary>
    public int Rows { get; }

    /// <summary>Selected rows: the rows of the batch.</summary>
    public int Count { get; private init; }

    /// <summary>The selected physical rows in growing order; null when all are.</summary>
    internal ushort* Selection { get; private init; }

    /// <summary>A <see cref="RowKind"/> per physical row; null when all are inserts.</summary>
    internal byte* RowKinds { get; init; }

    /// <summary>Per physical row the watermark of its own partition just before it, microseconds; null before it is known, and where rows stem from no source.</summary>
    internal long* RowWatermarks { get; init; }

    /// <summary>
    /// The least that the row watermarks were lifted to while their partition was idle; <see cref="Watermark.None"/> where it never was. Rows that are late by it alone
    /// are late for idleness.
    /// </summary>
    internal long IdleFloor { get; init; } = Watermark.None;

    /// <summary>Its rows come out of an aggregation: their input rows are counted as done already, whatever happens to them from here.</summary>
    internal bool IsAggregated { get; init; }

    /// <summary>
    /// The records that the rows stem from, physical row i from record i; null behind an aggregation or a user's own stage. For other roles than Main: the records
    /// themselves.
    /// </summary>
    internal LogRecords? Records { get; init; }

    /// <summary>The columns, in schema order.</summary>
    internal ReadOnlySpan<ColumnVector> Columns => _columns;

    /// <summary>The column at this position of the schema.</summary>
    public ColumnVector this[int column] => _columns[column];

    internal ReadOnlySpan<Arena> Arenas => _arenas;

    /// <summary>A batch that takes over the caller's reference to the arena in which all its memory lies.</summary>
    internal static Batch Create(Schema schema, ColumnVector[] columns, int rows, Arena arena, BatchRole role = BatchRole.Main, LogRecords? records = null,
        long* rowWatermarks = null, byte* rowKinds = null, ushort* selection = null, int selected = -1, bool aggregated = false, long idleFloor = Watermark.None)
        => new(schema, columns, rows, [arena])
        {
            Role = role,
            Records = records,
            RowWatermarks = rowWatermarks,
            RowKinds = rowKinds,
            Selection = selection,
            Count = selection is null ? rows : selected,
            IsAggregated = aggregated,
            IdleFloor = idleFloor,
        };

    /// <summary>Encoded records, or records as they came: a batch without columns.</summary>
    internal static Batch OfRecords(LogRecords records, Arena arena, BatchRole role) => new(Schema.Empty, [], records.Count, [arena]) { Role = role, Records = records };

    /// <summary>
    /// The same rows with other columns, and perhaps fewer of them selected: for row-by-row operators. The result keeps this batch's memory alive beside
    /// <paramref name="added"/>, whose reference it takes over (null when nothing was added), and takes over this batch, which must not be used afterwards. A selection
    /// must be subset of the present one and lie in one of the arenas.
    /// </summary>
    internal Batch With(Schema schema, ColumnVector[] columns, Arena? added, ushort* selection, int selected, long* rowWatermarks = null, long idleFloor = Watermark.None,
        BatchRole? role = null)
    {
        TakeOver();
        return new Batch(schema, columns, Rows, added is null ? _arenas : [.. _arenas, added])
        {
            Role = role ?? Role,
            Records = Records,
            RowWatermarks = rowWatermarks is null ? RowWatermarks : rowWatermarks,
            RowKinds = RowKinds,
            Selection = selection,
            Count = selection is null ? Rows : selected,
            IsAggregated = IsAggregated,
            IdleFloor = rowWatermarks is null ? IdleFloor : idleFloor,
            _wholeSchema = _wholeSchema ?? (HasRows ? Schema : null),
            _wholeColumns = _wholeColumns ?? (HasRows ? _columns : null),
        };
    }

    // The record is a row's whole, where there is one; an aggregated row has no other form than its own.
    private bool HasRows => Role == BatchRole.Main && Records is null && !IsAggregated;

    /// <summary>
    /// A header over one physical row as the stream of a user's own stage gave it, with an owner of its own: later operators have other columns, but row i is row i in
    /// all of them. For rows that stem from a record, and aggregated ones, the present columns.
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="selection">Memory for it that lives as long as the header.</param>
    internal Batch Whole(int row, ushort* selection)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _released) != 0, this);
        foreach (var arena in _arenas) arena.Retain();
        *selection = (ushort)row;
        return new Batch(_wholeSchema ?? Schema, _wholeColumns ?? _columns, Rows, _arenas) { Role = Role, RowKinds = RowKinds, Selection = selection, Count = 1,
            IsAggregated = IsAggregated };
    }

    /// <summary>The same columns with fewer rows selected; see <see cref="With"/>.</summary>
    internal Batch WithSelection(ushort* selection, int selected, Arena? added) => With(Schema, _columns, added, selection, selected);

    /// <summary>Another header over the same memory, with an owner of its own.</summary>
    public Batch Share()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _released) != 0, this);
        foreach (var arena in _arenas) arena.Retain();
        return new Batch(Schema, _columns, Rows, _arenas) { Role = Role, Records = Records, RowWatermarks = RowWatermarks, RowKinds = RowKinds, Selection = Selection,
            Count = Count, IdleFloor = IdleFloor, IsAggregated = IsAggregated, _wholeSchema = _wholeSchema, _wholeColumns = _wholeColumns };
    }

    /// <summary>Gives up the batch; its memory is reused when no other header shares it.</summary>
    public void Dispose()
    {
        TakeOver();
        foreach (var arena in _arenas) arena.Release();
    }

    private void TakeOver()
    {
        if (Interlocked.Exchange(ref _released, 1) != 0) throw new ObjectDisposedException(nameof(Batch), "a batch was released or passed on twice");
    }

    /// <summary>The physical row of the i-th selected row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int RowAt(int i) => Selection is null ? i : Selection[i];

    /// <inheritdoc/>
    public override string ToString() => $"Batch({Role}, {Count} of {Rows} rows, {Schema.Count} columns)";
}
