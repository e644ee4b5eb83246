namespace StreamEngine.Plan.Definitions;

/// <summary>What of a pipeline's description is wrong already: what rests on it cannot be judged and gets no second error.</summary>
internal sealed class DefinitionGaps
{
    /// <summary>Not all names of sources are known.</summary>
    public bool Sources { get; set; }

    /// <summary>Not all names of sinks are known.</summary>
    public bool Sinks { get; set; }

    /// <summary>There is no SQL to be judged.</summary>
    public bool Sql { get; set; }

    /// <summary>By source: whether a column of this name was declared with an error.</summary>
    public Dictionary<string, Func<string, bool>> Columns { get; } = [];

    /// <summary>Sources whose event time is not known.</summary>
    public HashSet<string> EventTimes { get; } = [];

    /// <summary>Sinks whose key is not known.</summary>
    public HashSet<string> Keys { get; } = [];
}
