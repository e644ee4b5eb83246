using System.CommandLine;

namespace StreamEngine.Cli.Commands;

/// <summary>test: listed for its help. The launcher runs the tests itself, since they are built apart from this program.</summary>
internal static class TestCommand
{
    public static Command Create()
    {
        var arguments = new Argument<string[]>("arguments") { Description = "Passed on to dotnet test, for example --filter.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("test",
            "Builds and runs all tests. The last line is 'N passed, N failed, N skipped'; the exit code is 0 when none failed.\n\nExample:\n  ./engine test") { arguments };
        command.SetAction(_ =>
        {
            Console.Error.WriteLine("the tests are run by the launcher\n  here:          ./engine test\n  without it:    dotnet test StreamEngine.sln");
            return ExitCodes.Usage;
        });
        return command;
    }
}
