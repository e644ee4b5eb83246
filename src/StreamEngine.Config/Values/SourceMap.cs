namespace StreamEngine.Config;

/// <summary>Leads from an offset inside a string value back to the place in the file that wrote that character.</summary>
/// <remarks>A list of runs: within a run either each character stands at its own place, or (an escape, a value of the environment) all stand at one.</remarks>
internal sealed class SourceMap
{
    private readonly List<Run> _runs;

    private SourceMap(List<Run> runs) => _runs = runs;

    private readonly record struct Run(int At, int Length, ConfigSpan Span, bool IsExact);

    /// <summary>The value's characters stand one by one from <paramref name="start"/>.</summary>
    public static SourceMap Exact(ConfigSource source, int start, int length) => new([new Run(0, length, new ConfigSpan(source, start, length), true)]);

    /// <summary>Every character of the value came from the same stretch.</summary>
    public static SourceMap At(ConfigSpan span, int length) => new([new Run(0, length, span, false)]);

    /// <summary>The place of the character at an offset of the value; the value's length gives the place behind its last character.</summary>
    public ConfigPosition At(int offset)
    {
        if (_runs.Count == 0) return default;
        var run = Find(Math.Max(0, offset));
        int inside = Math.Clamp(offset - run.At, 0, run.Length);
        return new ConfigPosition(run.Span.Source, run.IsExact ? run.Span.Start + inside : inside >= run.Length ? run.Span.End : run.Span.Start);
    }

    /// <summary>The stretch of the file for a stretch of the value; as far as it lies in one source.</summary>
    public ConfigSpan Span(int offset, int length)
    {
        var from = At(offset);
        if (from.Source is null) return default;
        // The end is that of the last character, so that a stretch that ends at a run's end does not reach into the next run's source.
        var run = length > 0 ? Find(offset + length - 1) : default;
        int end = length <= 0 ? from.Offset : run.IsExact ? run.Span.Start + Math.Clamp(offset + length - run.At, 0, run.Length) : run.Span.End;
        bool oneSource = length <= 0 || run.Span.Source == from.Source;
        return new ConfigSpan(from.Source, from.Offset, oneSource && end > from.Offset ? end - from.Offset : Math.Min(length, 1));
    }

    private Run Find(int offset)
    {
        int low = 0, high = _runs.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_runs[middle].At <= offset) low = middle;
            else high = middle - 1;
        }
        return _runs[low];
    }

    /// <summary>Builds a map piece by piece, in the order of the value's characters.</summary>
    internal sealed class Builder
    {
        private readonly List<Run> _runs = [];
        private int _length;

        public void AddExact(ConfigSource source, int start, int length) => Add(new Run(_length, length, new ConfigSpan(source, start, length), true));

        public void AddAt(ConfigSpan span, int length) => Add(new Run(_length, length, span, false));

        public void AddMap(SourceMap map)
        {
            foreach (var run in map._runs) Add(run with { At = _length });
        }

        public SourceMap Build(ConfigSpan whole) => _runs.Count == 0 ? At(whole, 0) : new SourceMap(_runs);

        private void Add(Run run)
        {
            if (run.Length == 0) return;
            bool joins = _runs.Count > 0 && run.IsExact && _runs[^1].IsExact && _runs[^1].Span.Source == run.Span.Source && _runs[^1].Span.End == run.Span.Start;
            if (joins) _runs[^1] = _runs[^1] with { Length = _runs[^1].Length + run.Length, Span = _runs[^1].Span with { Length = _runs[^1].Span.Length + run.Length } };
            else _runs.Add(run);
            _length += run.Length;
        }
    }
}
