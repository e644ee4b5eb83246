using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Functions;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Expressions;

public class FunctionTableTests
{
    public static TheoryData<string> Examples()
    {
        var names = new TheoryData<string>();
        foreach (var function in All()) names.Add(function.Name);
        return names;
    }

    private static IEnumerable<FunctionDefinition> All()
        => FunctionTable.Families.SelectMany(f
            => f.Functions).Concat(ArithmeticFunctions.All).Concat(ComparisonFunctions.All).Concat(LogicFunctions.All).Concat(LikeFunctions.All).Where(f
            => f.Example.Length > 0 && f.Name != "cardinality"); // There are no arrays of constants: NestedTests has its example.

    [Theory]
    [MemberData(nameof(Examples))]
    public void The_example_of_each_function_gives_what_its_documentation_says(string name)
    {
        var function = All().First(f => f.Name == name);
        using var table = new TestTable(new Schema(new Field("one", DataType.Int32)), ["1"]);
        var bound = table.Bind(function.Example);
        var result = table.Evaluate(bound, table.Batch)[0];
        Assert.Equal(function.ExampleResult, bound.Type.Kind == TypeKind.Utf8 ? result.Trim('\'') : result);
    }

    [Fact]
    public void Each_function_has_a_summary_and_a_signature()
    {
        foreach (var function in All())
        {
            Assert.EndsWith(".", function.Summary);
            Assert.NotEmpty(function.Signatures);
        }
    }

    [Theory]
    [InlineData("avrage", "avg")]
    [InlineData("average", "avg")]
    [InlineData("uper", "upper")]
    [InlineData("substing", "substring")]
    [InlineData("len", "length")]
    [InlineData("xyzzy", null)]
    public void An_unknown_function_brings_the_nearest_name(string name, string? near)
    {
        var error = Assert.Throws<SqlException>(() => ExpressionBinder.Bind(ExpressionParser.Parse($"{name}(1)"), Scope.Empty)).Errors[0];
        Assert.Equal($"function '{name}' does not exist", error.Message);
        Assert.Equal(near is null ? null : $"did you mean '{near}'?", error.Hint);
    }
}
