namespace StreamEngine.Config;

/// <summary>Parses values: texts, lists, blocks, substitutions, and concatenations of them up to the end of the line (HOCON.md, "Value concatenation").</summary>
internal sealed class ValueParser(Scanner scanner, TextParser fields, int maxDepth, string[] prefix)
{
    /// <summary>The value from here. Reports what is wrong and returns something in any case; always moves on, or stands at a bracket, comma or line end.</summary>
    /// <param name="name">The key, for errors.</param>
    /// <param name="path">The key's path in this text; null inside a list.</param>
    /// <param name="depth">How deep the value is nested.</param>
    public Expr Parse(string name, string[]? path, int depth)
    {
        var parts = new List<Expr>();
        bool isBad = false;
        scanner.SkipSpace();
        int start = scanner.Pos;
        while (!scanner.AtLineEnd && scanner.Current is not (',' or '}' or ']'))
        {
            if (ParsePart(name, path, depth) is { } part) parts.Add(part);
            else
            {
                if (!isBad) ReportForbidden(name);
                isBad = true;
                scanner.Pos++;
            }
        }
        while (parts.Count > 0 && parts[^1] is TextExpr { IsSpace: true }) parts.RemoveAt(parts.Count - 1);
        if (parts.Count == 0 && !isBad) scanner.Error(scanner.Here, $"{Named(name)} has no value");
        if (parts.Count == 0) return Text(start, start);
        if (parts.Count == 1) return parts[0];
        var span = new ConfigSpan(scanner.Source, parts[0].Span.Start, parts[^1].Span.End - parts[0].Span.Start);
        // Words and blanks alone are one text, with one place.
        bool isPlain = !isBad && parts.TrueForAll(p => p is TextExpr { Value.IsQuoted: false });
        return isPlain ? Text(span.Start, span.End) : new ConcatExpr(parts, span);
    }

    private Expr? ParsePart(string name, string[]? path, int depth)
    {
        int start = scanner.Pos;
        switch (scanner.Current)
        {
            case '"': return new TextExpr(scanner.ReadString());
            case '[': return IsTooDeep(depth) ? Text(start, start) : ParseList(name, depth);
            case '{':
                if (IsTooDeep(depth)) return Text(start, start);
                var block = new ObjectExpr(new ConfigSpan(scanner.Source, start, 1));
                fields.ParseBlock(block, Named(name), path, depth);
                return block;
            case '$' when scanner.At("${"): return ParseSubstitution();
        }
        if (Scanner.IsSpace(scanner.Current))
        {
            scanner.SkipSpace();
            return Text(start, scanner.Pos, isSpace: true);
        }
        return scanner.SkipWord() > 0 ? Text(start, scanner.Pos) : null;
    }

    private ListExpr ParseList(string name, int depth)
    {
        int start = scanner.Pos++;
        var items = new List<Expr>();
        fields.Open.Add(new TextParser.Block(start, Named(name)));
        while (true)
        {
            scanner.SkipBlank();
            if (scanner.AtEnd) ReportUnclosedList(start, name);
            else if (scanner.Current == ']') scanner.Pos++;
            else if (scanner.Current == '}' && fields.Open.Exists(b => scanner.Text[b.Bracket] == '{')) fields.ReportMismatch('}');
            else
            {
                if (scanner.Current is ',' or '}')
                {
                    scanner.Error(scanner.Here, $"an element is expected before this '{scanner.Current}'");
                    scanner.Pos++;
                    continue;
                }
                items.Add(Parse(name, null, depth + 1));
                scanner.SkipBlank();
                if (scanner.Current == ',') scanner.Pos++;
                continue;
            }
            break;
        }
        fields.Open.RemoveAt(fields.Open.Count - 1);
        return new ListExpr(items, scanner.Span(start));
    }

    private Expr ParseSubstitution()
    {
        int start = scanner.Pos;
        scanner.Pos += 2;
        bool isOptional = scanner.Current == '?';
        if (isOptional) scanner.Pos++;
        var path = PathReader.Read(scanner, maxDepth);
        if (scanner.IsBroken) return Text(start, start);
        if (scanner.Current == '}')
        {
            scanner.Pos++;
            return path is null ? Text(start, start) : new SubstitutionExpr([.. path.Select(p => p.Text)], isOptional, prefix, scanner.Span(start));
        }
        var span = new ConfigSpan(scanner.Source, start, Math.Max(2, scanner.Pos - start));
        if (path is not null) scanner.Error(span, "the substitution is not closed by a '}' on its line", "write ${path} or ${?path}");
        return Text(start, start);
    }

    private bool IsTooDeep(int depth)
    {
        if (depth < maxDepth) return false;
        scanner.Error(scanner.Here, $"lists and blocks are nested deeper than {maxDepth} levels");
        scanner.Break();
        return true;
    }

    private void ReportUnclosedList(int start, string name)
        => scanner.Error(new ConfigSpan(scanner.Source, start, 1), $"the list of {Named(name)} is not closed: the file ends before its ']'",
            "put a ']' behind its last element");

    private void ReportForbidden(string name)
    {
        char c = scanner.Current;
        string hint = c is '=' or ':' ? "separate two keys by a comma or a new line, or put the value in quotes" : "put the value in quotes";
        scanner.Error(scanner.Here, $"'{Shown.Word(c.ToString())}' cannot stand in the value of {Named(name)} without quotes", hint);
    }

    private static string Named(string name) => name.Length == 0 ? "this key" : name == "the file" ? name : $"'{name}'";

    private TextExpr Text(int start, int end, bool isSpace = false)
    {
        var span = new ConfigSpan(scanner.Source, start, end - start);
        return new TextExpr(new ConfigText(scanner.Text[start..end], false, SourceMap.Exact(scanner.Source, start, end - start), span), isSpace);
    }
}
