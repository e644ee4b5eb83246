using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Quality.Rules;

namespace StreamEngine.Quality.Tests.Rules;

/// <summary>Rules against asking each row in turn.</summary>
public unsafe class RuleOperatorTests
{
    private static readonly Schema Schema = new(new Field("a", DataType.Int32), new Field("b", DataType.Int32));

    private sealed class Output : IEmitter
    {
        public List<(int Row, Fault Fault)> Faults { get; } = [];

        public List<int> Rows { get; } = [];

        public void Emit(Batch batch)
        {
            for (var i = 0; i < batch.Count; i++) Rows.Add(batch.RowAt(i));
            batch.Dispose();
        }

        public void Fault(Batch batch, int row, in Fault fault) => Faults.Add((row, fault));
    }

    private static Rule Rule(string name, string condition) => new(name, ExpressionBinder.BindCondition(ExpressionParser.Parse(condition), Scope.Of(Schema, "t")));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_row_leaves_by_the_first_rule_that_is_not_true(int seed)
    {
        using var scope = new MemoryScope();
        var random = new Random(seed);
        using var rules = new RuleOperator("rules", Schema, [Rule("positive", "a > 0"), Rule("quotient", "10 / b < 9 OR a = 7"), Rule("together", "a + b < 12")]);
        rules.Open(new OperatorContext(scope, new RowCounts(), KeyGroupRange.All));
        for (var round = 0; round < 100; round++)
        {
            var count = random.Next(1, 200);
            var arena = scope.RentArena();
            var (a, b) = ((nint)arena.Allocate<int>(count), (nint)arena.Allocate<int>(count));
            var validity = arena.AllocateValidity(count);
            var selection = arena.Allocate<ushort>(count);
            var selected = 0;
            var (rows, faults) = (new List<int>(), new List<(int, string)>());
            for (var i = 0; i < count; i++)
            {
                var (x, y) = (random.Next(-2, 10), random.Next(-1, 6));
                (((int*)a)[i], ((int*)b)[i]) = (x, y);
                var isNull = random.Next(10) == 0;
                if (isNull) ColumnVector.SetNull(validity, i);
                if (random.Next(4) == 0) continue;
                selection[selected++] = (ushort)i;
                if (isNull || x <= 0) faults.Add((i, "positive"));
                else if (y == 0 || (10 / y >= 9 && x != 7)) faults.Add((i, "quotient"));
                else if (x + y >= 12) faults.Add((i, "together"));
                else rows.Add(i);
            }
            var output = new Output();
            rules.Process(Batch.Create(Schema, [new ColumnVector(DataType.Int32, count, (byte*)a, validity), new ColumnVector(DataType.Int32, count, (byte*)b)], count,
                arena, selection: selection, selected: selected), output);
            Assert.Equal(rows, output.Rows);
            Assert.Equal(faults.Order(), output.Faults.Select(f => (f.Row, f.Fault.Rule!)).Order());
            Assert.All(output.Faults, f => Assert.Equal(FaultStage.Rule, f.Fault.Stage));
        }
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void A_rule_that_fails_on_a_row_says_how()
    {
        using var scope = new MemoryScope();
        using var rules = new RuleOperator("rules", Schema, [Rule("quotient", "10 / b < 9")]);
        rules.Open(new OperatorContext(scope, new RowCounts(), KeyGroupRange.All));
        var arena = scope.RentArena();
        var zero = arena.AllocateZeroed<int>(1);
        var output = new Output();
        rules.Process(Batch.Create(Schema, [new ColumnVector(DataType.Int32, 1, (byte*)zero), new ColumnVector(DataType.Int32, 1, (byte*)zero)], 1, arena), output);
        Assert.Contains("division by zero", Assert.Single(output.Faults).Fault.Message, StringComparison.Ordinal);
    }
}
