namespace StreamEngine.Cli;

/// <summary>What a command's end tells its caller.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;

    /// <summary>Another incarnation has taken over: not to be started again.</summary>
    public const int Fenced = 3;
}
