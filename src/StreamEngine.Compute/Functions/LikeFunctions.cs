namespace StreamEngine.Compute.Functions;
internal static class LikeFunctions { public static IReadOnlyList<FunctionDefinition> All { get; } = []; }
