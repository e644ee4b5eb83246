using System.Globalization;
using System.Text;

namespace StreamEngine.Core.Tests.Suite;

/// <summary>Batches of random types, nulls, nesting and selections, and their rows as text.</summary>
internal static unsafe class RandomBatch
{
    public static DataType Type(Random random, int depth = 0) => random.Next(depth < 3 ? 11 : 9) switch
    {
        0 => DataType.Boolean,
        1 => DataType.Int32,
        2 => DataType.Int64,
        3 => DataType.Float64,
        4 => DataType.Decimal(random.Next(20, 39), random.Next(10)),
        5 => DataType.Date,
        6 => DataType.Timestamp,
        7 => DataType.Utf8,
        8 => DataType.Binary,
        9 => DataType.List(Type(random, depth + 1)),
        _ => DataType.Struct(new Schema([.. Enumerable.Range(0, random.Next(1, 4)).Select(i => new Field($"f{i}", Type(random, depth + 1)))])),
    };

    public static Batch Of(MemoryScope scope, Random random)
    {
        var rows = random.Next(4) == 0 ? random.Next(3) : random.Next(200);
        var arena = scope.RentArena();
        var schema = new Schema([.. Enumerable.Range(0, random.Next(1, 6)).Select(i => new Field($"c{i}", Type(random)))]);
        var columns = schema.Select(f => Column(f.Type, rows, arena, random)).ToArray();
        if (random.Next(2) == 0) return Batch.Create(schema, columns, rows, arena);
        var selection = arena.Allocate<ushort>(Math.Max(rows, 1));
        var selected = 0;
        for (var i = 0; i < rows; i++)
            if (random.Next(3) > 0) selection[selected++] = (ushort)i;
        return Batch.Create(schema, columns, rows, arena, selection: selection, selected: selected);
    }

    public static ColumnVector Column(DataType type, int rows, Arena arena, Random random)
    {
        byte* validity = null;
        if (random.Next(3) > 0)
        {
            validity = arena.AllocateValidity(rows);
            for (var i = 0; i < rows; i++)
                if (random.Next(4) == 0) ColumnVector.SetNull(validity, i);
        }
        switch (type.Kind)
        {
            case TypeKind.Struct:
                return new ColumnVector(type, rows, null, validity, [.. type.Fields!.Select(f => Column(f.Type, rows, arena, random))]);
            case TypeKind.List:
                var offsets = arena.Allocate<int>(rows + 1);
                offsets[0] = 0;
                for (var i = 0; i < rows; i++) offsets[i + 1] = offsets[i] + random.Next(4);
                return new ColumnVector(type, rows, (byte*)offsets, validity, [Column(type.Element!, offsets[rows], arena, random)]);
        }
        var values = arena.Allocate<byte>(Math.Max(rows, 1) * type.Width);
        // What stands at a null is undefined: here it is garbage.
        random.NextBytes(new Span<byte>(values, rows * type.Width));
        for (var i = 0; i < rows; i++)
        {
            if (validity is not null && !ColumnVector.IsSet(validity, i)) continue;
            switch (type.Kind)
            {
                case TypeKind.Boolean: values[i] = (byte)random.Next(2); break;
                case TypeKind.Decimal: ((Int128*)values)[i] = random.NextInt64(long.MinValue, long.MaxValue); break;
                case TypeKind.Float64: ((double*)values)[i] = random.NextDouble() * 1000; break;
                case TypeKind.Utf8 or TypeKind.Binary:
                    ((Utf8View*)values)[i] = Utf8View.Copy(Encoding.UTF8.GetBytes(new string('é',
                    random.Next(12)) + new string('x', random.Next(3))), arena); break;
            }
        }
        return new ColumnVector(type, rows, values, validity);
    }

    public static List<string> Rows(Batch batch)
    {
        var rows = new List<string>();
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            rows.Add(string.Join(" | ", Enumerable.Range(0, batch.Schema.Count).Select(c => Value(batch[c], row))));
        }
        return rows;
    }

    private static string Value(ColumnVector column, int row)
    {
        if (column.IsNull(row)) return "null";
        return column.Type.Kind switch
        {
            TypeKind.Boolean => column.Values[row] != 0 ? "true" : "false",
            TypeKind.Int32 or TypeKind.Date => column.As<int>()[row].ToString(CultureInfo.InvariantCulture),
            TypeKind.Int64 or TypeKind.Timestamp => column.As<long>()[row].ToString(CultureInfo.InvariantCulture),
            TypeKind.Float64 => column.As<double>()[row].ToString("R", CultureInfo.InvariantCulture),
            TypeKind.Decimal => column.As<Int128>()[row].ToString(CultureInfo.InvariantCulture),
            TypeKind.Utf8 or TypeKind.Binary => Convert.ToHexString(Utf8View.SpanOf(column.As<Utf8View>() + row)),
            TypeKind.Struct => $"{{{string.Join(",", column.Children.Select(c => Value(c, row)))}}}",
            _ => $"[{string.Join(",", Enumerable.Range(column.As<int>()[row], column.As<int>()[row + 1] - column.As<int>()[row]).Select(e => Value(column.Children[0], e)))}]",
        };
    }
}
