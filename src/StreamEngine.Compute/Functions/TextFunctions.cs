namespace StreamEngine.Compute.Functions;
internal static class TextFunctions { public static IReadOnlyList<FunctionDefinition> All { get; } = []; }
internal static class TextSearchFunctions { public static IReadOnlyList<FunctionDefinition> All { get; } = []; }
internal static class MathFunctions { public static IReadOnlyList<FunctionDefinition> All { get; } = []; }
internal static class TimeFunctions { public static IReadOnlyList<FunctionDefinition> All { get; } = []; }
