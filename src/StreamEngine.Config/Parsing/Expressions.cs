namespace StreamEngine.Config;

/// <summary>A value as it is written, before substitutions are resolved.</summary>
internal abstract class Expr(ConfigSpan span)
{
    public ConfigSpan Span { get; } = span;
}

/// <summary>A text; <paramref name="isSpace"/>: only the blanks between two parts of a concatenation.</summary>
internal sealed class TextExpr(ConfigText value, bool isSpace = false) : Expr(value.Span)
{
    public ConfigText Value { get; } = value;
    public bool IsSpace { get; } = isSpace;
}

internal sealed class ListExpr(List<Expr> items, ConfigSpan span) : Expr(span)
{
    public List<Expr> Items { get; } = items;
}

/// <summary><c>${path}</c> or <c>${?path}</c>; <paramref name="prefix"/>: where the file that holds it was included, looked up there first.</summary>
internal sealed class SubstitutionExpr(string[] path, bool isOptional, string[] prefix, ConfigSpan span) : Expr(span)
{
    public string[] Path { get; } = path;
    public bool IsOptional { get; } = isOptional;
    public string[] Prefix { get; } = prefix;
}

/// <summary>Several parts one after the other: texts join, lists join, objects merge.</summary>
internal sealed class ConcatExpr(List<Expr> parts, ConfigSpan span) : Expr(span)
{
    public List<Expr> Parts { get; } = parts;
}

/// <summary><c>key += value</c>: the list before, with one element more.</summary>
internal sealed class AppendExpr(Expr value) : Expr(value.Span)
{
    public Expr Value { get; } = value;
}

/// <summary>One assignment to a key.</summary>
/// <param name="Value">What is assigned.</param>
/// <param name="MustBeObject">It is one part of <c>${base} { .. }</c>: anything but an object cannot be joined.</param>
internal readonly record struct Assignment(Expr Value, bool MustBeObject);

/// <summary>A key with everything that was assigned to it, in order: the last counts, objects merge, a self-reference looks back.</summary>
internal sealed class Slot(string key, ObjectExpr parent)
{
    public string Key { get; } = key;
    public ObjectExpr Parent { get; set; } = parent;

    /// <summary>Where the key was named last by a file (by a <c>--set</c> only where no file names it).</summary>
    public ConfigSpan KeySpan { get; private set; }

    public List<Assignment> Assignments { get; } = [];

    /// <summary>What the resolver knows of it.</summary>
    public SlotState State;

    public void Add(Expr value, ConfigSpan keySpan, bool mustBeObject = false)
    {
        if (KeySpan.Source is null || keySpan.Source is not { IsOverride: true }) KeySpan = keySpan;
        if (value is ConcatExpr concat && IsObjectConcat(concat))
        {
            // `${base} { x = 1 }` is the same as two assignments, and as such lets x see what base brings.
            foreach (var part in concat.Parts)
                if (part is not TextExpr) Add(part, keySpan, mustBeObject: true);
        }
        else if (value is ObjectExpr late && Assignments.Count > 0 && Assignments[^1].Value is ObjectExpr early) early.MergeFrom(late);
        else
        {
            if (value is ObjectExpr owned) owned.Owner = this;
            Assignments.Add(new Assignment(value, mustBeObject));
        }
    }

    /// <summary>The path of keys from the root, for error texts.</summary>
    public string Path
    {
        get
        {
            var keys = new List<string>();
            for (Slot? slot = this; slot is not null; slot = slot.Parent.Owner) keys.Add(slot.Key);
            keys.Reverse();
            return Shown.Path(keys);
        }
    }

    private static bool IsObjectConcat(ConcatExpr concat)
        => concat.Parts.Exists(p => p is ObjectExpr) && concat.Parts.TrueForAll(p => p is ObjectExpr or SubstitutionExpr or TextExpr { IsSpace: true });
}

/// <summary>The resolver's marks on a slot.</summary>
internal struct SlotState
{
    /// <summary>The value is final.</summary>
    public bool IsDone;

    /// <summary>The final value; null: nothing but undefined optional substitutions.</summary>
    public ConfigValue? Value;

    /// <summary>While assignment n is being worked out: n + 1; a reference to the whole slot then sees the assignments before it only.</summary>
    public int WholeLimit;

    /// <summary>The same for a reference to a key inside; an object's text does not limit that, its keys are looked up one by one.</summary>
    public int PathLimit;

    /// <summary>The depth of the frames at which the limits were set.</summary>
    public int Frame;
}

/// <summary>An object as it is written, keys merged as they come; the root of all layers is one of these.</summary>
internal sealed class ObjectExpr(ConfigSpan span) : Expr(span)
{
    /// <summary>The slot that holds it; null for the root and inside lists.</summary>
    public Slot? Owner { get; set; }

    public OrderedDictionary<string, Slot> Slots { get; } = [];

    /// <summary>The slot of a key, made where it does not exist yet.</summary>
    public Slot Slot(string key)
    {
        if (!Slots.TryGetValue(key, out var slot)) Slots.Add(key, slot = new Slot(key, this));
        return slot;
    }

    /// <summary>Assigns a value to a path of keys.</summary>
    public void Put(IReadOnlyList<PathPart> path, Expr value)
    {
        var target = this;
        for (int i = 0; i < path.Count - 1; i++)
        {
            var inner = new ObjectExpr(path[i].Span);
            var slot = target.Slot(path[i].Text);
            slot.Add(inner, path[i].Span);
            target = (ObjectExpr)slot.Assignments[^1].Value;
        }
        target.Slot(path[^1].Text).Add(value, path[^1].Span);
    }

    /// <summary>Takes over everything of an object that comes later; the later one is of no use afterwards.</summary>
    public void MergeFrom(ObjectExpr late)
    {
        foreach (var (key, slot) in late.Slots)
        {
            if (Slots.TryGetValue(key, out var mine))
            {
                foreach (var assignment in slot.Assignments) mine.Add(assignment.Value, slot.KeySpan, assignment.MustBeObject);
            }
            else
            {
                slot.Parent = this;
                Slots.Add(key, slot);
            }
        }
    }
}

/// <summary>One key of a path, with its place.</summary>
internal readonly record struct PathPart(string Text, ConfigSpan Span);
