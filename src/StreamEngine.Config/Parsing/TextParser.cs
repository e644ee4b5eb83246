namespace StreamEngine.Config;

/// <summary>Parses one HOCON text into an <see cref="ObjectExpr"/>: fields, blocks and includes.</summary>
/// <remarks>Recovers at the next field, so that all errors of a text come at once.</remarks>
internal sealed class TextParser
{
    private readonly Scanner _scanner;
    private readonly Includes _includes;
    private readonly ValueParser _values;
    private readonly List<Block> _open = [];
    private readonly List<Block> _suspects = [];
    private readonly string[] _prefix;
    private readonly int _depth;

    /// <param name="source">The text.</param>
    /// <param name="errors">Takes what is wrong.</param>
    /// <param name="includes">Finds included files.</param>
    /// <param name="prefix">The path of the block that includes this text.</param>
    /// <param name="depth">How deep that block is nested.</param>
    public TextParser(ConfigSource source, ErrorList errors, Includes includes, string[] prefix, int depth)
    {
        _scanner = new Scanner(source, errors);
        _includes = includes;
        _prefix = prefix;
        _depth = depth;
        _values = new ValueParser(_scanner, this, includes.Options.MaxDepth, prefix);
    }

    /// <summary>A block or list that is open: its bracket, what opened it, and (for a suspect) the bracket that closed it by mistake.</summary>
    internal readonly record struct Block(int Bracket, string Name, int ClosedAt = -1);

    /// <summary>How many blocks are open here; a <c>]</c> or <c>}</c> of an outer one is left to it.</summary>
    internal List<Block> Open => _open;

    /// <summary>The whole text.</summary>
    public ObjectExpr ParseRoot()
    {
        var root = new ObjectExpr(new ConfigSpan(_scanner.Source, 0, 0));
        _scanner.SkipBlank();
        if (_scanner.Current == '[')
        {
            _scanner.Error(_scanner.Here, "the text is a list; at its top level stand keys with values");
            _scanner.Break();
        }
        if (_scanner.Current == '{')
        {
            ParseBlock(root, "the file", [], _depth);
            _scanner.SkipBlank();
            if (!_scanner.AtEnd) _scanner.Error(_scanner.Here, "nothing may follow the '}' that closes the file's outer '{'", AfterStrayBrace());
        }
        else ParseFields(root, null, [], _depth);
        return root;
    }

    /// <summary><c>key=value</c> of a command line: the value is plain text, or HOCON where it begins like a list, a block, a string or a substitution.</summary>
    public ObjectExpr ParseOverride()
    {
        var root = new ObjectExpr(new ConfigSpan(_scanner.Source, 0, 0));
        var path = PathReader.Read(_scanner, _includes.Options.MaxDepth - _depth);
        if (path is null) return root;
        bool isAppend = _scanner.At("+=");
        if (isAppend) _scanner.Pos++;
        if (_scanner.Current != '=')
        {
            _scanner.Error(_scanner.Here, "an override has the form key=value");
            return root;
        }
        _scanner.Pos++;
        _scanner.SkipSpace();
        Expr value;
        if (_scanner.Current is '[' or '{' or '"' || _scanner.At("${"))
        {
            value = _values.Parse(path[^1].Text, Paths(path), _depth + path.Count);
            _scanner.SkipBlank();
            if (!_scanner.AtEnd) _scanner.Error(_scanner.Here, $"nothing may follow the value of '{Shown.Word(path[^1].Text)}'");
        }
        else
        {
            string text = _scanner.Text[_scanner.Pos..].TrimEnd();
            var span = new ConfigSpan(_scanner.Source, _scanner.Pos, text.Length);
            value = new TextExpr(new ConfigText(text, false, SourceMap.Exact(_scanner.Source, _scanner.Pos, text.Length), span));
        }
        if (path.Exists(p => Secret.IsNamedBy(p.Text))) _scanner.Source.Hide(value.Span.Start, value.Span.End);
        root.Put(path, isAppend ? new AppendExpr(value) : value);
        return root;
    }

    /// <summary>A block from its <c>{</c> to its <c>}</c>.</summary>
    /// <param name="target">Takes the keys.</param>
    /// <param name="name">What the block is, for errors.</param>
    /// <param name="path">Its path in this text; null inside a list, where it has none.</param>
    /// <param name="depth">How deep its keys are nested.</param>
    internal void ParseBlock(ObjectExpr target, string name, string[]? path, int depth)
    {
        var block = new Block(_scanner.Pos, name);
        _scanner.Pos++;
        _open.Add(block);
        ParseFields(target, block, path, depth);
        _open.RemoveAt(_open.Count - 1);
    }

    private void ParseFields(ObjectExpr target, Block? block, string[]? path, int depth)
    {
        while (true)
        {
            _scanner.SkipBlank();
            switch (_scanner.Current)
            {
                case '\0' when _scanner.AtEnd:
                    if (block is { } open) ReportUnclosed(open);
                    return;
                case '}' when block is { } closed:
                    Suspect(closed);
                    _scanner.Pos++;
                    return;
                case ']' when _open.Exists(b => _scanner.Text[b.Bracket] == '['):
                    ReportMismatch(']');
                    return;
                case '}' or ']' or ',':
                    string hint = _scanner.Current == ',' ? "one comma stands between two keys, none before the first" : AfterStrayBrace() ?? "remove it";
                    _scanner.Error(_scanner.Here, _scanner.Current == ',' ? "a key is expected before this ','" : $"this '{_scanner.Current}' closes nothing", hint);
                    _scanner.Pos++;
                    continue;
            }
            if (!ParseInclude(target, path, depth)) ParseField(target, path, depth);
            _scanner.SkipBlank();
            if (_scanner.Current == ',') _scanner.Pos++;
        }
    }

    private void ParseField(ObjectExpr target, string[]? blockPath, int depth)
    {
        int start = _scanner.Pos;
        var path = PathReader.Read(_scanner, Math.Max(0, _includes.Options.MaxDepth - depth));
        if (_scanner.IsBroken) return;
        if (path is null) SkipToSeparator();
        int end = _scanner.Pos;
        string name = path is null ? "" : Shown.Word(string.Join('.', path.Select(p => p.Text)));
        _scanner.SkipBlank();
        bool isAppend = path is not null && _scanner.At("+=");
        if (isAppend) _scanner.Pos++;
        if (_scanner.Current is '=' or ':')
        {
            _scanner.Pos++;
            if (HasNoValue())
            {
                var key = new ConfigSpan(_scanner.Source, start, (path?[^1].Span.End ?? end) - start);
                _scanner.Error(key, $"'{name}' has no value", "write one behind it, or \"\" for an empty text");
                return;
            }
        }
        else if (_scanner.Current != '{')
        {
            _scanner.Pos = end;
            if (path is not null) ReportNoSeparator(new ConfigSpan(_scanner.Source, start, path[^1].Span.End - start), name);
            SkipToSeparator();
            if (_scanner.Current is not ('{' or '=' or ':')) return;
            // Read for its brackets only: they have to balance for what follows.
            if (_scanner.Current != '{') _scanner.Pos++;
            path = null;
        }
        var inner = blockPath is null || path is null ? null : (string[])[.. blockPath, .. path.Select(p => p.Text)];
        bool isSecret = path is not null && path.Exists(p => Secret.IsNamedBy(p.Text));
        // Hidden to the end of the line before it is read: an error inside it shows the line too.
        int hidden = isSecret ? _scanner.Source.Hide(_scanner.Pos, _scanner.LineEndNearby()) : -1;
        var value = _values.Parse(name, inner, depth + (path?.Count ?? 1));
        if (isSecret && value is not ObjectExpr) _scanner.Source.HideInstead(hidden, value.Span.Start, value.Span.End);
        if (path is not null) target.Put(path, isAppend ? new AppendExpr(value) : value);
    }

    // `topic =` at the end of a line: the next line's key is no value, nor is a closing bracket. A value on the next line is allowed.
    private bool HasNoValue()
    {
        _scanner.SkipSpace();
        bool isNextLine = _scanner.AtLineEnd;
        _scanner.SkipBlank();
        if (_scanner.AtEnd || _scanner.Current is '}' or ']' or ',') return true;
        if (!isNextLine || _scanner.Current is '{' or '[' or '"' or '$') return false;
        int at = _scanner.Pos;
        while (_scanner.AtWord || Scanner.IsSpace(_scanner.Current)) _scanner.Pos++;
        bool isField = _scanner.Current is '=' or ':' or '{' || _scanner.At("+=");
        _scanner.Pos = at;
        return isField;
    }

    private void ReportNoSeparator(ConfigSpan span, string name)
    {
        if (_scanner.AtLineEnd || _scanner.Current is '}' or ']' or ',')
            _scanner.Error(span, $"'{name}' has no value: '=' or '{{' is expected behind it", "for example: " + name + " = value");
        else _scanner.Error(_scanner.Here, $"'{Shown.Word(_scanner.Current.ToString())}' cannot stand in a key", "put the key in quotes");
    }

    private void SkipToSeparator()
    {
        while (!_scanner.AtEnd && !_scanner.AtComment && _scanner.Current is not ('=' or ':' or '{' or '}' or ']' or ',' or '\n')) _scanner.Pos++;
    }

    private bool ParseInclude(ObjectExpr target, string[]? path, int depth)
    {
        if (IncludeReader.Read(_scanner, out var request)) return false;
        if (request is not { } wanted) return true;
        if (_includes.Load(wanted, [.. _prefix, .. path ?? []], depth) is { } included) target.MergeFrom(included);
        return true;
    }

    // A `}` that stands further left than the line it closes probably belongs to an outer block: remembered, in case a brace is missing at the end.
    private void Suspect(Block closed)
    {
        var (isFirst, indent) = _scanner.IndentOf(_scanner.Pos);
        if (isFirst && indent < _scanner.IndentOf(closed.Bracket).Indent) _suspects.Add(closed with { ClosedAt = _scanner.Pos });
    }

    private void ReportUnclosed(Block block)
    {
        // The outermost block that is open learns of the end last; each suspect explains one of them.
        if (_suspects.Count > 0)
        {
            var suspect = _suspects[0];
            _suspects.RemoveAt(0);
            int line = _scanner.Source.Locate(suspect.ClosedAt).Line, outer = _scanner.Source.Locate(block.Bracket).Line;
            ReportUnclosed(suspect, "", $"the '}}' of line {line} closes it, but is indented like line {outer}; put a '}}' where {suspect.Name} ends");
        }
        else ReportUnclosed(block, ": the file ends before its '}'", $"put a '}}' where {block.Name} ends");
    }

    private void ReportUnclosed(Block block, string reason, string hint)
    {
        int line = _scanner.Source.Locate(block.Bracket).Line;
        _scanner.Error(new ConfigSpan(_scanner.Source, block.Bracket, 1), $"the block of {block.Name}, opened in line {line}, is not closed{reason}", hint);
    }

    /// <summary>A bracket came that closes an outer list or block, while an inner one is open.</summary>
    internal void ReportMismatch(char found)
    {
        var inner = _open[^1];
        char bracket = _scanner.Text[inner.Bracket];
        var (line, column) = _scanner.Source.Locate(_scanner.Pos);
        _scanner.Error(new ConfigSpan(_scanner.Source, inner.Bracket, 1), $"this '{bracket}' is not closed before the '{found}' in line {line}, column {column}",
            $"put a '{(bracket == '{' ? '}' : ']')}' before it");
    }

    private string? AfterStrayBrace()
        => _suspects.Count == 0 ? null
            : $"the '}}' of line {_scanner.Source.Locate(_suspects[0].ClosedAt).Line} closed {_suspects[0].Name}; one '}}' is too many or one '{{' is missing";

    private static string[] Paths(List<PathPart> path) => [.. path.Select(p => p.Text)];
}
