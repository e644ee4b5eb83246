using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>A call to compile: its arguments, as nodes and as they were bound.</summary>
internal sealed record CallSite(EvalNode[] Nodes, BoundExpression[] Arguments, DataType Type, string Text)
{
    /// <summary>The value of an argument that is known, or null where it differs by row.</summary>
    public Constant? ConstantAt(int index) => index < Arguments.Length && Arguments[index] is BoundConstant constant ? constant.Value : null;

    public OpState State(object? extra = null) => new(Text)
    {
        Type = Type,
        Precision = Type.Precision,
        Scale = Type.Scale,
        ScaleA = Arguments.Length > 0 ? Arguments[0].Type.Scale : 0,
        ScaleB = Arguments.Length > 1 ? Arguments[1].Type.Scale : 0,
        Extra = extra,
    };
}

/// <summary>A call whose result type is asked for.</summary>
internal sealed record ResultSite(SourceSpan Span, DataType[] Types, IReadOnlyList<BoundExpression> Arguments);

/// <summary>A call that its function binds in its own way.</summary>
internal sealed record BindSite(CallExpression Call, FunctionDefinition Function, List<BoundExpression> Arguments);

/// <summary>One form of a function: the kinds of its arguments, what it gives, and how it is evaluated.</summary>
internal sealed class Overload(TypeKind?[] parameters, Func<ResultSite, DataType> result, Func<CallSite, EvalNode> factory)
{
    /// <summary>The kinds of the arguments; null for any kind. The last one repeats where <see cref="IsVariadic"/>.</summary>
    public IReadOnlyList<TypeKind?> Parameters => parameters;

    public Func<ResultSite, DataType> Result => result;

    public Func<CallSite, EvalNode> Factory => factory;

    /// <summary>The last parameter may come any number of times, at least once.</summary>
    public bool IsVariadic { get; init; }

    /// <summary>Null where an argument is null.</summary>
    public bool Strict { get; init; } = true;

    /// <summary>May be null although no argument is.</summary>
    public bool MayGiveNull { get; init; }

    public TypeKind? ParameterAt(int index) => parameters[Math.Min(index, parameters.Length - 1)];

    /// <summary>How many steps of conversion the arguments need; -1 where they do not fit.</summary>
    public int Distance(IReadOnlyList<BoundExpression> arguments)
    {
        if (IsVariadic ? arguments.Count < parameters.Length : arguments.Count != parameters.Length) return -1;
        var sum = 0;
        for (var i = 0; i < arguments.Count; i++)
        {
            if (ParameterAt(i) is not { } kind) continue;
            var distance = arguments[i] is BoundConstant { IsUntyped: true } && kind != TypeKind.Utf8 ? 4 : TypeRules.Distance(arguments[i].Type.Kind, kind);
            if (distance < 0) return -1;
            sum += distance;
        }
        return sum;
    }
}

/// <summary>A function or operator: an entry of the table.</summary>
/// <param name="name">Its name.</param>
/// <param name="summary">What it does.</param>
/// <param name="example">An expression of constants.</param>
/// <param name="exampleResult">The example's result.</param>
/// <param name="overloads">Makes its forms, when it is used for the first time: each of them is code to be compiled, hundreds in all, and a query has a few.</param>
internal sealed class FunctionDefinition(string name, string summary, string example, string exampleResult, Func<Overload[]>? overloads = null)
{
    private readonly Lazy<Overload[]> _overloads = new(overloads ?? (() => []));

    public string Name => name;

    /// <summary>What it does, in a line, for the documentation.</summary>
    public string Summary => summary;

    /// <summary>An expression of constants, which a test evaluates.</summary>
    public string Example => example;

    /// <summary>The example's result as text.</summary>
    public string ExampleResult => exampleResult;

    public IReadOnlyList<Overload> Overloads => _overloads.Value;

    /// <summary>Other names of it.</summary>
    public string[] Aliases { get; init; } = [];

    /// <summary>Binds a call where overloads do not say enough: when operands are evaluated lazily or take a common type.</summary>
    public Func<BindSite, BoundExpression>? Bind { get; init; }

    /// <summary>The arguments in words, where <see cref="Bind"/> decides.</summary>
    public string? Form { get; init; }

    /// <summary>Each form as documentation and messages show it.</summary>
    public IEnumerable<string> Signatures => Form is not null ? [Form] : _overloads.Value.Select(o => Signature(o)).Distinct();

    private string Signature(Overload overload)
    {
        var types = overload.Parameters.Select(p => p is { } kind ? NameOf(kind) : "any").ToList();
        if (types.Count == 2 && !char.IsAsciiLetter(name[0])) return $"{types[0]} {name} {types[1]}";
        return $"{name}({string.Join(", ", types)}{(overload.IsVariadic ? ", .." : "")})";
    }

    private static string NameOf(TypeKind kind) => kind switch
    {
        TypeKind.Boolean => "BOOLEAN",
        TypeKind.Int32 => "INT",
        TypeKind.Int64 => "BIGINT",
        TypeKind.Float64 => "DOUBLE",
        TypeKind.Utf8 => "STRING",
        TypeKind.List => "ARRAY",
        _ => kind.ToString().ToUpperInvariant(),
    };
}
