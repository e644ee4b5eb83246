using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Filters;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>A dead letter that may be redriven.</summary>
internal sealed record Candidate(DeadLetter Letter, RedriveMark Mark);

/// <summary>A dead letter that was chosen.</summary>
/// <param name="Letter">It.</param>
/// <param name="Mark">What its record will say.</param>
/// <param name="Payload">The payload, fixed where that was asked for.</param>
/// <param name="EventTime">Where in event time the row belongs, microseconds; null where that cannot be told.</param>
/// <param name="Error">Why it would fail to be decoded again; null where it would not.</param>
internal sealed record Chosen(DeadLetter Letter, RedriveMark Mark, byte[]? Payload, long? EventTime, string? Error);

/// <summary>Chooses among the dead letters of one source by a SQL condition, and fixes the chosen ones.</summary>
internal sealed class LetterSelection : IDisposable
{
    /// <summary>The most letters at once.</summary>
    public const int Most = 1024;

    private readonly LetterSchema _schema;
    private readonly RowDecoding _decoding;
    private readonly MemoryScope _scope;
    private readonly Predicate? _filter;
    private readonly RowFix? _fix;
    private readonly RowFaults _faults = new();

    /// <exception cref="SqlException">The filter or the fix is wrong for this source; <paramref name="inFix"/> says which.</exception>
    public LetterSelection(SourceDefinition source, string? filter, string? fix, MemoryScope scope, out bool inFix)
    {
        inFix = false;
        _scope = scope;
        _schema = new LetterSchema(filter, fix);
        _decoding = new RowDecoding(source, scope);
        var names = new Scope().Add(_schema.Schema, LetterSchema.Table, 0).Add(_decoding.Schema, source.Name, _schema.Schema.Count);
        if (filter is not null) _filter = Predicate.Compile(ExpressionBinder.BindCondition(ExpressionParser.Parse(filter), names));
        inFix = true;
        if (fix is not null) _fix = new RowFix(fix, source, names);
    }

    /// <summary>Letters on which the condition failed: they are not chosen.</summary>
    public long Failed { get; private set; }

    /// <summary>The first of these, with the reason.</summary>
    public string? FirstFailure { get; private set; }

    /// <exception cref="StartupException">The fix fails on a letter, which the message names.</exception>
    public IReadOnlyList<Chosen> Choose(IReadOnlyList<Candidate> candidates)
    {
        var arena = _scope.RentArena();
        try
        {
            var chosen = _filter is null ? candidates : Filtered(candidates, arena);
            return chosen.Count == 0 ? [] : Fixed(chosen, arena);
        }
        finally
        {
            arena.Release();
        }
    }

    private unsafe List<Candidate> Filtered(IReadOnlyList<Candidate> candidates, Arena arena)
    {
        using var rows = _decoding.Decode([.. candidates.Select(c => c.Letter.Record.Value)], arena);
        _faults.Clear();
        var count = _filter!.Filter(ColumnsOf(candidates, rows, arena), candidates.Count, null, candidates.Count, arena, _faults, out var selection);
        for (var i = 0; i < _faults.Count; i++) FirstFailure ??= $"{PlaceOf(candidates[_faults[i].Row])}: {_faults[i].Message}";
        Failed += _faults.Count;
        var passed = new List<Candidate>(count);
        for (var i = 0; i < count; i++) passed.Add(candidates[selection is null ? i : selection[i]]);
        return passed;
    }

    private ColumnVector[] ColumnsOf(IReadOnlyList<Candidate> candidates, RowDecoding.Rows rows, Arena arena) =>
        [.. _schema.ColumnsOf([.. candidates.Select(c => c.Letter)], arena), .. rows.Columns];

    private List<Chosen> Fixed(IReadOnlyList<Candidate> candidates, Arena arena)
    {
        IReadOnlyList<byte[]?> payloads = [.. candidates.Select(c => c.Letter.Record.Value)];
        if (_fix is not null)
        {
            _faults.Clear();
            using (var rows = _decoding.Decode(payloads, arena)) payloads = _fix.Texts(ColumnsOf(candidates, rows, arena), candidates.Count, arena, _faults) ?? payloads;
            Refuse(candidates);
            if (_fix.SetsFields)
                using (var rows = _decoding.Decode(payloads, arena)) payloads = _fix.SetFields(ColumnsOf(candidates, rows, arena), payloads, arena, _faults);
            Refuse(candidates);
        }
        using var final = _decoding.Decode(payloads, arena);
        var times = _decoding.EventTimes(final, [.. candidates.Select(c => c.Mark.Timestamp)], arena);
        return [.. candidates.Select((c, i) => new Chosen(c.Letter, c.Mark, payloads[i], final.Errors[i] is null ? times[i] : null, final.Errors[i]))];
    }

    /// <summary>A fix that does not fit a letter would send something else than was meant: nothing is written then.</summary>
    private void Refuse(IReadOnlyList<Candidate> candidates)
    {
        if (_faults.Count > 0)
            throw new StartupException($"--fix fails on {PlaceOf(candidates[_faults[0].Row])}: {_faults[0].Message}\n  nothing was redriven; leave such dead letters out with --filter, or fix their text: payload = ..");
    }

    private static string PlaceOf(Candidate candidate) =>
        $"{candidate.Letter.Record.Topic}-{candidate.Letter.Record.Partition}@{candidate.Letter.Record.Offset} (of {candidate.Letter.Source})";

    public void Dispose() => _decoding.Dispose();
}
