using System.Runtime.CompilerServices;
using System.Text;

namespace StreamEngine.Config;

/// <summary>Turns merged assignments into values: substitutions, concatenations, <c>+=</c>.</summary>
/// <remarks>
/// Lazy, key by key: a reference works out only the key it names, so that blocks may refer to keys of themselves, and what a later assignment hides is never looked at.
/// A reference to what is just being worked out sees the assignments before it (HOCON.md, "Self-Referential Substitutions"); where there are none it is a cycle.
/// Three bounds hold: nesting, steps, and the weight of what is produced.
/// </remarks>
internal sealed class Resolver(ObjectExpr root, HoconOptions options, ErrorList errors)
{
    private const int MaxNesting = 500;
    private const int MaxValueDepth = 128;
    private const int MaxSteps = 4_000_000;
    private const long MaxWeight = 64 << 20;

    /// <summary>Stands for a value whose error is reported already.</summary>
    private static readonly ConfigText s_failed = new("", true, SourceMap.At(default, 0), default);

    private readonly List<Slot> _frames = [];
    private int _nesting;
    private int _steps;
    private long _produced;
    private bool _isStopped;

    /// <summary>The outermost frame whose limit was felt since it was reset: what depends on a frame further out than itself is not final.</summary>
    private int _felt = int.MaxValue;

    /// <summary>The slot that a lookup came back to, with nothing before it.</summary>
    private Slot? _cycle;

    /// <summary>The whole document.</summary>
    public ConfigObject Resolve() => Object(root) as ConfigObject ?? new ConfigObject([], default);

    private ConfigValue? Evaluate(Expr expr)
    {
        if (expr is TextExpr text) return text.Value;
        if (!Enter(expr.Span)) return s_failed;
        var value = expr switch
        {
            ObjectExpr block => Object(block),
            ListExpr list => List(list),
            SubstitutionExpr substitution => Substitute(substitution),
            ConcatExpr concat => Concat(concat),
            _ => throw new InvalidOperationException($"unknown kind of value: {expr.GetType()}"),
        };
        _nesting--;
        return value;
    }

    private ConfigValue Object(ObjectExpr block)
    {
        var entries = new OrderedDictionary<string, ConfigEntry>();
        foreach (var (key, slot) in block.Slots)
        {
            var value = Value(slot, slot.Assignments.Count - 1);
            if (value is not null && value != s_failed) entries.Add(key, new ConfigEntry(key, slot.KeySpan, value));
        }
        return Checked(new ConfigObject(entries, block.Span));
    }

    private ConfigValue List(ListExpr list)
    {
        var items = new List<ConfigValue>(list.Items.Count);
        foreach (var item in list.Items)
        {
            var value = Evaluate(item);
            if (value == s_failed) return s_failed;
            if (value is not null) items.Add(value);
        }
        return Checked(new ConfigList(items, list.Span));
    }

    /// <summary>The value of a slot as its assignments up to <paramref name="top"/> make it; null where they make none.</summary>
    private ConfigValue? Value(Slot slot, int top)
    {
        bool isWhole = top == slot.Assignments.Count - 1;
        if (isWhole && slot.State.IsDone) return slot.State.Value;
        int outer = _felt, frame = _frames.Count;
        _felt = int.MaxValue;
        ConfigValue? value = null;
        for (int i = top; i >= 0; i--)
        {
            if (Assigned(slot, i) is not { } part) continue;
            if (part == s_failed || value == s_failed) value = s_failed;
            else value = value is ConfigObject above && part is ConfigObject below ? Merge(below, above) : value ?? part;
            if (part is not ConfigObject) break;
        }
        if (_felt >= frame) _felt = int.MaxValue;
        if (isWhole && _felt == int.MaxValue && !slot.State.IsDone) (slot.State.IsDone, slot.State.Value) = (true, value);
        _felt = Math.Min(_felt, outer);
        return isWhole && slot.State.IsDone ? slot.State.Value : value;
    }

    /// <summary>What one assignment gives, with the slot limited meanwhile to the assignments before it.</summary>
    private ConfigValue? Assigned(Slot slot, int index)
    {
        var (expr, mustBeObject) = slot.Assignments[index];
        if (expr is TextExpr text) return text.Value;
        var before = slot.State;
        slot.State.WholeLimit = index + 1;
        if (expr is not ObjectExpr) slot.State.PathLimit = index + 1;
        slot.State.Frame = _frames.Count;
        _frames.Add(slot);
        var value = expr is AppendExpr append ? Append(slot, index, append) : Evaluate(expr);
        _frames.RemoveAt(_frames.Count - 1);
        (slot.State.WholeLimit, slot.State.PathLimit, slot.State.Frame) = (before.WholeLimit, before.PathLimit, before.Frame);
        if (!mustBeObject || value is null or ConfigObject || value == s_failed) return value;
        errors.Add(expr.Span, $"{value.Kind} cannot be joined with a block", "both have to be blocks");
        return s_failed;
    }

    private ConfigValue Append(Slot slot, int index, AppendExpr append)
    {
        if (!Enter(append.Span)) return s_failed;
        var before = Value(slot, index - 1);
        var added = Evaluate(append.Value);
        _nesting--;
        if (before == s_failed || added == s_failed) return s_failed;
        if (before is not (null or ConfigList or ConfigText { IsNull: true }))
        {
            errors.Add(slot.KeySpan, $"+= adds to a list, but {slot.Path} is {before.Kind} before it");
            return s_failed;
        }
        List<ConfigValue> items = before is ConfigList list ? [.. list.Items] : [];
        if (added is not null) items.Add(added);
        return Checked(new ConfigList(items, append.Span));
    }

    private ConfigValue? Substitute(SubstitutionExpr substitution)
    {
        var outerCycle = _cycle;
        _cycle = null;
        ConfigValue? value = null;
        if (substitution.Prefix.Length > 0) value = FindIn(root, [.. substitution.Prefix, .. substitution.Path], 0, substitution.Span);
        value ??= FindIn(root, substitution.Path, 0, substitution.Span);
        value ??= FromEnvironment(substitution);
        if (value is null && !substitution.IsOptional)
        {
            if (_cycle is { } again) ReportCycle(again, substitution);
            else ReportUndefined(substitution);
            value = s_failed;
        }
        _cycle = outerCycle;
        return value;
    }

    private ConfigValue? FindIn(ObjectExpr block, string[] path, int index, ConfigSpan asker)
    {
        if (!block.Slots.TryGetValue(path[index], out var slot)) return null;
        if (!Enter(asker)) return s_failed;
        var value = index == path.Length - 1 ? FindWhole(slot) : FindBelow(slot, path, index, asker);
        _nesting--;
        return value;
    }

    private ConfigValue? FindWhole(Slot slot)
    {
        int top = slot.Assignments.Count - 1;
        if (slot.State.WholeLimit > 0) top = Limited(slot, slot.State.WholeLimit);
        return top < 0 ? null : Value(slot, top);
    }

    private ConfigValue? FindBelow(Slot slot, string[] path, int index, ConfigSpan asker)
    {
        if (slot.State.IsDone) return slot.State.Value == s_failed ? s_failed : (slot.State.Value as ConfigObject)?.Find(path.AsSpan(index + 1));
        int top = slot.Assignments.Count - 1;
        if (slot.State.PathLimit > 0) top = Limited(slot, slot.State.PathLimit);
        ConfigObject? found = null;
        for (int i = top; i >= 0; i--)
        {
            ConfigValue? part;
            if (slot.Assignments[i].Value is ObjectExpr block) part = FindIn(block, path, index + 1, asker);
            else
            {
                var whole = Assigned(slot, i);
                if (whole == s_failed) return s_failed;
                if (whole is null) continue;
                if (whole is not ConfigObject inner) break;
                part = inner.Find(path.AsSpan(index + 1));
            }
            if (part is null) continue;
            if (part == s_failed) return s_failed;
            if (part is not ConfigObject below) return found is null ? part : found;
            var merged = found is null ? below : Merge(below, found);
            if (merged is not ConfigObject both) return merged;
            found = both;
        }
        return found;
    }

    private int Limited(Slot slot, int limit)
    {
        _felt = Math.Min(_felt, slot.State.Frame);
        if (limit == 1) _cycle = slot;
        return limit - 2;
    }

    private ConfigText? FromEnvironment(SubstitutionExpr substitution)
    {
        string name = string.Join('.', substitution.Path);
        if (!options.Allows(name) || options.Environment(name) is not { Length: > 0 } value) return null;
        _produced += value.Length;
        return new ConfigText(value, true, SourceMap.At(substitution.Span, value.Length), substitution.Span);
    }

    private ConfigValue? Concat(ConcatExpr concat)
    {
        var parts = new List<(Expr Expr, ConfigValue? Value)>(concat.Parts.Count);
        foreach (var expr in concat.Parts)
        {
            var value = Evaluate(expr);
            if (value == s_failed) return s_failed;
            parts.Add((expr, value));
        }
        var first = parts.Find(p => p.Value is not null && p.Expr is not TextExpr { IsSpace: true }).Value;
        return first switch
        {
            null => null,
            ConfigText => JoinTexts(parts, concat.Span),
            ConfigList => JoinLists(parts, concat.Span),
            _ => JoinObjects(parts),
        };
    }

    private ConfigValue JoinTexts(List<(Expr Expr, ConfigValue? Value)> parts, ConfigSpan span)
    {
        var text = new StringBuilder();
        var map = new SourceMap.Builder();
        bool isQuoted = false;
        foreach (var (expr, value) in parts)
        {
            if (value is null) continue;
            if (value is not ConfigText part) return Mismatch(expr, value, "a text");
            // A null that a substitution brings is nothing in a text; a written one is the word.
            if (part.IsNull && expr is SubstitutionExpr) continue;
            _produced += part.Text.Length;
            if (!MayProduce(span)) return s_failed;
            text.Append(part.Text);
            map.AddMap(part.Map);
            isQuoted |= part.IsQuoted;
        }
        var joined = new ConfigText(text.ToString(), isQuoted, map.Build(span), span);
        joined.IsSecret = parts.Exists(p => p.Value is ConfigText { IsSecret: true });
        return joined;
    }

    private ConfigValue JoinLists(List<(Expr Expr, ConfigValue? Value)> parts, ConfigSpan span)
    {
        var items = new List<ConfigValue>();
        foreach (var (expr, value) in parts)
        {
            if (value is null || expr is TextExpr { IsSpace: true }) continue;
            if (value is not ConfigList list) return Mismatch(expr, value, "a list");
            items.AddRange(list.Items);
            _produced += list.Items.Count;
        }
        return Checked(new ConfigList(items, span));
    }

    private ConfigValue JoinObjects(List<(Expr Expr, ConfigValue? Value)> parts)
    {
        ConfigObject? joined = null;
        foreach (var (expr, value) in parts)
        {
            if (value is null || expr is TextExpr { IsSpace: true }) continue;
            if (value is not ConfigObject block) return Mismatch(expr, value, "a block");
            var merged = joined is null ? block : Merge(joined, block);
            if (merged is not ConfigObject both) return merged;
            joined = both;
        }
        return joined!;
    }

    private ConfigText Mismatch(Expr expr, ConfigValue value, string before)
    {
        errors.Add(expr.Span, $"{value.Kind} cannot be joined with {before}", "separate two keys by a comma or a new line");
        return s_failed;
    }

    private ConfigValue Merge(ConfigObject below, ConfigObject above)
    {
        if (!Enter(above.Span)) return s_failed;
        _produced += below.Entries.Count + above.Entries.Count;
        var entries = new OrderedDictionary<string, ConfigEntry>();
        foreach (var entry in below.Entries) entries.Add(entry.Key, entry);
        foreach (var entry in above.Entries)
        {
            if (entry.Value is ConfigObject over && entries.TryGetValue(entry.Key, out var under) && under.Value is ConfigObject inner)
            {
                if (Merge(inner, over) is ConfigObject both) entries[entry.Key] = entry with { Value = both };
            }
            else entries[entry.Key] = entry;
        }
        _nesting--;
        return Checked(new ConfigObject(entries, above.Span));
    }

    private void ReportCycle(Slot again, SubstitutionExpr substitution)
    {
        const int most = 8;
        int start = Math.Max(0, _frames.LastIndexOf(again));
        var slots = _frames.Skip(start).Distinct().ToList();
        string chain = string.Join(" -> ", slots.Take(most).Select(s => s.Path).Append(slots.Count > most ? "..." : again.Path));
        string hint = slots.Count == 1 ? $"there is no earlier value of {again.Path} that it could look back to" : "one of them needs a value of its own";
        errors.Add(substitution.Span, $"substitution cycle: {chain}", hint);
        // All of the chain failed: none reports the same cycle from its own end.
        foreach (var slot in slots) (slot.State.IsDone, slot.State.Value) = (true, s_failed);
    }

    private void ReportUndefined(SubstitutionExpr substitution)
    {
        string name = Shown.Path(substitution.Path);
        string? hint = null;
        if (substitution.Path.Length == 1 && options.Environment(substitution.Path[0]) is not null)
            hint = $"the environment has {name}, but only names that begin with {options.EnvironmentPrefix} are read";
        else if (options.Allows(substitution.Path[0])) hint = $"set the environment variable {name}, or write ${{?{name}}} where it may be missing";
        hint ??= NearestPath(substitution.Path) is { } near ? $"did you mean '{near}'?" : $"write ${{?{name}}} where it may be missing";
        errors.Add(substitution.Span, $"'{name}' is not defined", hint);
    }

    // The path with its first key that does not exist replaced by the nearest one.
    private string? NearestPath(string[] path)
    {
        var block = root;
        for (int i = 0; i < path.Length; i++)
        {
            if (block.Slots.TryGetValue(path[i], out var slot))
            {
                if (slot.Assignments.FindLast(a => a.Value is ObjectExpr).Value is not ObjectExpr inner) return null;
                block = inner;
            }
            else return Nearest.Of(path[i], block.Slots.Keys) is { } near ? Shown.Path([.. path.Take(i), near, .. path.Skip(i + 1)]) : null;
        }
        return null;
    }

    private bool Enter(ConfigSpan span)
    {
        if (_isStopped) return false;
        if (++_steps > MaxSteps) return Stop(span, "resolving the substitutions takes too many steps");
        if (_nesting >= MaxNesting || !RuntimeHelpers.TryEnsureSufficientExecutionStack()) return Stop(span, "substitutions are nested too deep");
        _nesting++;
        return true;
    }

    private ConfigValue Checked(ConfigValue value)
    {
        if (_isStopped) return s_failed;
        if (value.Depth > MaxValueDepth) Stop(value.Span, $"lists and blocks are nested deeper than {MaxValueDepth} levels once substitutions are resolved");
        else if (value.Weight > MaxWeight) Stop(value.Span, "substitutions make this value too large");
        return _isStopped || !MayProduce(value.Span) ? s_failed : value;
    }

    private bool MayProduce(ConfigSpan span) => !_isStopped && (_produced <= MaxWeight || Stop(span, "substitutions make the values too large"));

    private bool Stop(ConfigSpan span, string message)
    {
        _isStopped = true;
        errors.Add(span, message);
        return false;
    }
}
