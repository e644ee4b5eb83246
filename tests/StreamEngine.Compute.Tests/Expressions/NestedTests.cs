using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Filters;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Expressions;

/// <summary>Structs and arrays: fields, elements, nulls on every level.</summary>
public sealed unsafe class NestedTests : IDisposable
{
    private static readonly Schema Columns = TypeParser.ParseSchema(
        "id INT, p STRUCT<mag DOUBLE, \"magType\" STRING, in1 STRUCT<x INT>>, c ARRAY<DOUBLE>, q ARRAY<STRUCT<k STRING, v ARRAY<INT>>>");
    private readonly MemoryScope _memory = new("nested");
    private readonly Batch _batch;

    public NestedTests()
    {
        var arena = _memory.RentArena();
        var id = Numbers(arena, 10, 11, 12);
        // Row 1: the struct is null, whatever its children say.
        var mag = Vector(DataType.Float64, arena, [1.5, 2.5, 3.5], null);
        var type = Texts(arena, "ml", "mb", "a long type of magnitude");
        var inner = new ColumnVector(Columns[1].Type.Fields![2].Type, 3, null, Bits(arena, true, true, false), [Numbers(arena, 7, 8, 9)]);
        var p = new ColumnVector(Columns[1].Type, 3, null, Bits(arena, true, false, true), [mag, type, inner]);
        // Rows: [1, NULL, 3], [], NULL.
        var c = new ColumnVector(Columns[2].Type, 3, Offsets(arena, 0, 3, 3, 3), Bits(arena, true, true, false),
            [Vector(DataType.Float64, arena, [1.0, 2, 3], Bits(arena, true, false, true))]);
        // Rows: [{a, [1, 2]}, {b, []}], [{c, [3]}], [].
        var v = new ColumnVector(DataType.List(DataType.Int32), 3, Offsets(arena, 0, 2, 2, 3), null, [Numbers(arena, 1, 2, 3)]);
        var item = new ColumnVector(Columns[3].Type.Element!, 3, null, null, [Texts(arena, "a", "b", "c"), v]);
        var q = new ColumnVector(Columns[3].Type, 3, Offsets(arena, 0, 2, 3, 3), null, [item]);
        _batch = Batch.Create(Columns, [id, p, c, q], 3, arena);
    }

    private static ColumnVector Vector<T>(DataType type, Arena arena, T[] values, byte* validity) where T : unmanaged
    {
        var memory = arena.Allocate<T>(values.Length);
        values.CopyTo(new Span<T>(memory, values.Length));
        return new ColumnVector(type, values.Length, (byte*)memory, validity);
    }

    private static ColumnVector Numbers(Arena arena, params int[] values) => Vector(DataType.Int32, arena, values, null);

    private static ColumnVector Texts(Arena arena, params string[] values)
        => Vector(DataType.Utf8, arena, [.. values.Select(v => Utf8View.Copy(System.Text.Encoding.UTF8.GetBytes(v), arena))], null);

    private static byte* Offsets(Arena arena, params int[] values) => Vector(DataType.Int32, arena, values, null).Values;

    private static byte* Bits(Arena arena, params bool[] valid)
    {
        var bits = arena.AllocateValidity(valid.Length);
        for (var i = 0; i < valid.Length; i++)
            if (!valid[i]) ColumnVector.SetNull(bits, i);
        return bits;
    }

    [Theory]
    [InlineData("p.mag", "1.5 | NULL | 3.5")]
    [InlineData("t.p.mag", "1.5 | NULL | 3.5")]
    [InlineData("P.MAG + 1", "2.5 | NULL | 4.5")]
    [InlineData("p.\"magType\"", "'ml' | NULL | 'a long type of magnitude'")]
    [InlineData("p.in1.x", "7 | NULL | NULL")]
    [InlineData("p IS NULL", "false | true | false")]
    [InlineData("p.in1 IS NULL", "false | true | true")]
    [InlineData("c[1]", "1 | NULL | NULL")]
    [InlineData("c[2]", "NULL | NULL | NULL")]
    [InlineData("c[3]", "3 | NULL | NULL")]
    [InlineData("c[4]", "NULL | NULL | NULL")]
    [InlineData("c[0]", "NULL | NULL | NULL")]
    [InlineData("c[id - 9]", "1 | NULL | NULL")]
    [InlineData("cardinality(c)", "3 | 0 | NULL")]
    [InlineData("cardinality(NULL)", "NULL | NULL | NULL")]
    [InlineData("q[1].k", "'a' | 'c' | NULL")]
    [InlineData("q[2].k", "'b' | NULL | NULL")]
    [InlineData("q[1].v[2]", "2 | NULL | NULL")]
    [InlineData("cardinality(q[2].v)", "0 | NULL | NULL")]
    [InlineData("COALESCE(p.mag, 0) > 1 AND cardinality(q) > 0", "true | false | false")]
    public void Fields_and_elements(string expression, string expected)
    {
        var bound = ExpressionBinder.Bind(ExpressionParser.Parse(expression), Scope.Of(Columns, "t"));
        var faults = new RowFaults();
        var arena = _memory.RentArena();
        var column = Evaluator.Compile(bound).Evaluate(_batch, arena, faults);
        Assert.Equal(expected, string.Join(" | ", Enumerable.Range(0, 3).Select(r => TestTable.TextOf(column, r, faults))));
        arena.Release();
    }

    [Fact]
    public void The_example_of_cardinality_gives_what_its_documentation_says()
    {
        var function = Functions.FunctionTable.Find("cardinality")!;
        Fields_and_elements(function.Example, $"{function.ExampleResult} | 0 | NULL");
        Fields_and_elements("c[1]", "1 | NULL | NULL");
        Fields_and_elements("c[3]", "3 | NULL | NULL");
    }

    [Theory]
    [InlineData("p.mag > 1", 0, 2)]
    [InlineData("p.\"magType\" = 'ml'", 0)]
    [InlineData("p.in1.x IS NULL", 1, 2)]
    [InlineData("p.in1.x <> 7")]
    public void A_filter_on_a_field(string condition, params int[] expected)
    {
        var bound = ExpressionBinder.BindCondition(ExpressionParser.Parse(condition), Scope.Of(Columns));
        Assert.Equal([1], bound.ColumnsRead());
        var count = Predicate.Compile(bound).Filter(_batch, _batch.Arenas[0], new RowFaults(), out var selection);
        Assert.Equal(expected, Enumerable.Range(0, count).Select(i => (int)selection[i]));
    }

    [Theory]
    [InlineData("p.magg", "field 'magg' does not exist in p", "did you mean 'mag'? p has mag, magType, in1")]
    [InlineData("p.in1.y", "field 'y' does not exist in p.in1", "p.in1 has x")]
    [InlineData("c.x", "c is ARRAY<DOUBLE> and has no field 'x'", null)]
    [InlineData("id[1]", "id is INT, not an ARRAY", null)]
    [InlineData("CASE WHEN true THEN p END", "CASE cannot give STRUCT<mag DOUBLE, magType STRING, in1 STRUCT<x INT>>", "choose between the fields or elements instead")]
    [InlineData("c = c", "cannot compare ARRAY<DOUBLE> with ARRAY<DOUBLE>", "compare their fields or elements")]
    [InlineData("upper(p)", "upper(STRUCT<mag DOUBLE, magType STRING, in1 STRUCT<x INT>>) does not exist", "there is upper(STRING)")]
    public void What_nested_values_cannot_do(string expression, string message, string? hint)
    {
        var error = Assert.Throws<SqlException>(() => ExpressionBinder.Bind(ExpressionParser.Parse(expression), Scope.Of(Columns))).Errors[0];
        Assert.Equal((message, hint), (error.Message, error.Hint));
    }

    [Fact]
    public void A_substitution_replaces_parts_before_they_are_bound()
    {
        var bound = ExpressionBinder.Bind(ExpressionParser.Parse("sum(p.mag) / count(*) + 1"), Scope.Empty, e => e.ToString() switch
        {
            "sum(p.mag)" => new BoundColumn(e, 0, DataType.Float64, "sum"),
            "count(*)" => new BoundColumn(e, 1, DataType.Int64, "count", nullable: false),
            _ => null,
        });
        Assert.Equal(DataType.Float64, bound.Type);
        Assert.Equal([0, 1], bound.ColumnsRead());
    }

    [Fact]
    public void Evaluation_allocates_nothing_per_row()
    {
        using var table = new TestTable(new Schema(new Field("s", DataType.Utf8), new Field("n", DataType.Int64)),
            Enumerable.Range(0, 500).Select(i => $"'text number {i}', {i}"));
        var evaluator = Evaluator.Compile(table.Bind("CASE WHEN n > 5 AND s LIKE '%1%' THEN upper(s) || n ELSE replace(s, 'e', 'EE') END"));
        var faults = new RowFaults();
        for (var i = 0; i < 5; i++) Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2000);

        void Run()
        {
            var arena = _memory.RentArena();
            evaluator.Evaluate(table.Batch, arena, faults);
            arena.Release();
        }
    }

    public void Dispose()
    {
        _batch.Dispose();
        Assert.Equal(0, _memory.BlocksOut);
        _memory.Dispose();
    }
}
