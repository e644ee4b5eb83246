using System.Text;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests;

/// <summary>Rows of constants as a batch, and results back as text.</summary>
internal sealed unsafe class TestTable : IDisposable
{
    private readonly MemoryScope _memory = new("test");
    private readonly List<BoundConstant[]> _rows;

    public TestTable(Schema schema, IEnumerable<string> rows)
    {
        Schema = schema;
        _rows = [.. rows.Select(Parse)];
        Batch = MakeBatch(null);
    }

    public Schema Schema { get; }

    public Batch Batch { get; private set; }

    public int Rows => _rows.Count;

    private BoundConstant[] Parse(string text)
    {
        var reader = new TokenReader(text);
        var list = ExpressionParser.ParseList(reader);
        reader.ExpectEnd();
        Assert.Equal(Schema.Count, list.Count);
        return [.. list.Select((e, i) => (BoundConstant)ExpressionBinder.Bind(new CastExpression(e.Span, e, Schema[i].Type, false), Scope.Empty))];
    }

    /// <summary>The rows in a batch of their own; <paramref name="selection"/> selects some.</summary>
    public Batch MakeBatch(ushort[]? selection)
    {
        var arena = _memory.RentArena();
        var columns = Schema.Select((f, i) => Column(f.Type, i, arena)).ToArray();
        ushort* selected = null;
        if (selection is not null)
        {
            selected = arena.Allocate<ushort>(Math.Max(1, selection.Length));
            selection.CopyTo(new Span<ushort>(selected, selection.Length));
        }
        return Batch.Create(Schema, columns, _rows.Count, arena, selection: selected, selected: selection?.Length ?? -1);
    }

    private ColumnVector Column(DataType type, int index, Arena arena)
    {
        var width = type.Width;
        var values = arena.Allocate<byte>(Math.Max(1, _rows.Count * width));
        new Span<byte>(values, _rows.Count * width).Fill(0xEE);
        byte* validity = null;
        for (var row = 0; row < _rows.Count; row++)
        {
            var constant = _rows[row][index].Value;
            if (constant.IsNull)
            {
                if (validity is null) validity = arena.AllocateValidity(_rows.Count);
                ColumnVector.SetNull(validity, row);
            }
            else if (type.Kind is TypeKind.Utf8 or TypeKind.Binary) ((Utf8View*)values)[row] = Utf8View.Copy(constant.Bytes, arena);
            else new Span<byte>(constant.Values, width).CopyTo(new Span<byte>(values + row * width, width));
        }
        return new ColumnVector(type, _rows.Count, values, validity);
    }

    public BoundExpression Bind(string expression) => ExpressionBinder.Bind(ExpressionParser.Parse(expression), Scope.Of(Schema, "t"));

    /// <summary>The text of each selected row's result, ! and the message where it failed.</summary>
    public string[] Evaluate(BoundExpression bound, Batch batch)
    {
        var faults = new RowFaults();
        var evaluator = Evaluator.Compile(bound);
        var arena = _memory.RentArena();
        var column = evaluator.Evaluate(batch, arena, faults);
        var texts = new string[batch.Count];
        for (var i = 0; i < texts.Length; i++) texts[i] = TextOf(column, batch.RowAt(i), faults);
        arena.Release();
        return texts;
    }

    public static string TextOf(ColumnVector column, int row, RowFaults faults)
    {
        if (faults.Contains(row))
        {
            Assert.True(column.IsNull(row), "a failed row is null");
            for (var i = 0; i < faults.Count; i++)
                if (faults[i].Row == row) return "!" + faults[i].Message;
        }
        return column.IsNull(row) ? "NULL" : ValueText(column, row);
    }

    public static string ValueText(ColumnVector column, int row)
    {
        if (column.Type.Kind == TypeKind.Utf8) return Quote(Utf8View.TextOf(column.As<Utf8View>() + row));
        if (column.Type.Kind == TypeKind.Binary) return "x" + Convert.ToHexString(Utf8View.SpanOf(column.As<Utf8View>() + row));
        var value = new BoundConstant(ExpressionParser.Parse("x"), Constant.Copy(Vec.Of(column), row));
        return ((BoundConstant)ExpressionBinder.AsText(value)).Value.Text;
    }

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("'");
        foreach (var c in text) quoted.Append(c switch { '\n' => "\\n", '\t' => "\\t", '\r' => "\\r", '\\' => "\\\\", _ => c.ToString() });
        return quoted.Append('\'').ToString();
    }

    public void Dispose()
    {
        Batch.Dispose();
        _memory.Dispose();
    }
}
