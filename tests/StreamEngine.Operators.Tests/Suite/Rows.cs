using System.Globalization;
using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Operators.Tests.Suite;

/// <summary>Rows of managed values as batches, and back as text.</summary>
internal static unsafe class Rows
{
    /// <summary>A batch of the rows with unselected garbage between them where there is a random.</summary>
    public static Batch Of(MemoryScope scope, Schema schema, IReadOnlyList<object?[]> rows, Random? random = null, long[]? watermarks = null, LogRecords? records = null)
    {
        var arena = scope.RentArena();
        var places = new int[rows.Count];
        var physical = 0;
        for (var i = 0; i < rows.Count; i++)
        {
            if (random?.Next(3) == 0) physical++;
            places[i] = physical++;
        }
        var columns = schema.Select((f, c) => Column(f.Type, [.. rows.Select(r => r[c])], places, physical, arena)).ToArray();
        long* stamps = null;
        if (watermarks is not null)
        {
            stamps = arena.Allocate<long>(Math.Max(1, physical));
            for (var i = 0; i < rows.Count; i++) stamps[places[i]] = watermarks[i];
        }
        ushort* selection = null;
        if (physical > rows.Count)
        {
            selection = arena.Allocate<ushort>(Math.Max(1, rows.Count));
            for (var i = 0; i < rows.Count; i++) selection[i] = (ushort)places[i];
        }
        return Batch.Create(schema, columns, physical, arena, records: records, rowWatermarks: stamps, selection: selection, selected: rows.Count);
    }

    private static ColumnVector Column(DataType type, object?[] values, int[] places, int physical, Arena arena)
    {
        var data = arena.Allocate<byte>(Math.Max(1, physical) * type.Width);
        new Span<byte>(data, physical * type.Width).Fill(0xEE);
        byte* validity = null;
        for (var i = 0; i < values.Length; i++)
        {
            var row = places[i];
            switch (values[i])
            {
                case null:
                    if (validity is null) validity = arena.AllocateValidity(Math.Max(1, physical));
                    ColumnVector.SetNull(validity, row);
                    break;
                case bool b: data[row] = b ? (byte)1 : (byte)0; break;
                case int n: ((int*)data)[row] = n; break;
                case long n: ((long*)data)[row] = n; break;
                case double n: ((double*)data)[row] = n; break;
                case Int128 n: ((Int128*)data)[row] = n; break;
                case string s: ((Utf8View*)data)[row] = Utf8View.Copy(Encoding.UTF8.GetBytes(s), arena); break;
                default: throw new ArgumentException($"no column holds a {values[i]!.GetType()}");
            }
        }
        return new ColumnVector(type, physical, data, validity);
    }

    public static object? Value(ColumnVector column, int row) => column.IsNull(row) ? null : column.Type.Kind switch
    {
        TypeKind.Boolean => column.Values[row] != 0,
        TypeKind.Int32 or TypeKind.Date => column.As<int>()[row],
        TypeKind.Int64 or TypeKind.Timestamp => column.As<long>()[row],
        TypeKind.Float64 => column.As<double>()[row],
        TypeKind.Decimal => column.As<Int128>()[row],
        _ => Utf8View.TextOf(column.As<Utf8View>() + row),
    };

    public static string Text(IEnumerable<object?> values) => string.Join("|", values.Select(v => v switch
    {
        null => "null",
        double d => d.ToString("R", CultureInfo.InvariantCulture),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => v.ToString(),
    }));

    public static IEnumerable<string> Text(Batch batch)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            yield return Text(Enumerable.Range(0, batch.Schema.Count).Select(c => Value(batch[c], row)));
        }
    }
}

/// <summary>Takes what an operator emits.</summary>
internal sealed class Capture(RowCounts counts) : IEmitter, IDisposable
{
    public List<Batch> Batches { get; } = [];

    public List<(int Row, Fault Fault)> Faults { get; } = [];

    public void Emit(Batch batch)
    {
        if (batch.Count == 0) batch.Dispose();
        else Batches.Add(batch);
    }

    public void Fault(Batch batch, int row, in Fault fault)
    {
        if (fault.Stage == FaultStage.Late) counts.Late++;
        else counts.DeadLettered++;
        Faults.Add((row, fault));
    }

    public List<string> TakeText()
    {
        var text = Batches.SelectMany(Rows.Text).ToList();
        Dispose();
        return text;
    }

    public Batch TakeOne()
    {
        var batch = Assert.Single(Batches);
        Batches.Clear();
        return batch;
    }

    public void Dispose()
    {
        foreach (var batch in Batches) batch.Dispose();
        Batches.Clear();
    }
}
