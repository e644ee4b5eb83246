using System.Globalization;
using System.Text;

namespace StreamEngine.Config;

/// <summary>Writes values as HOCON.</summary>
internal static class HoconRenderer
{
    /// <summary>Sorted, one key a line, plain words without quotes, secrets redacted.</summary>
    public static string Canonical(ConfigObject root)
    {
        var text = new StringBuilder();
        WriteFields(text, root, 0, isSecret: false);
        return text.ToString();
    }

    /// <summary>The object at the path, nested in blocks of its keys.</summary>
    /// <remarks>
    /// Akka's reader (HoconTokenizer.cs) takes blanks behind a value for a part of it, knows no null, and undoes escapes in triple quotes too: so every text stands in
    /// plain quotes with escapes, nothing follows a value on its line, lists have no blanks, and null is left out.
    /// </remarks>
    public static string Raw(ConfigObject root, string[] path)
    {
        if (root.Find(path) is not ConfigObject subtree) return "";
        var text = new StringBuilder();
        foreach (string key in path) text.Append(Shown.IsPlain(key) ? key : Quoted(key)).Append(" {\n");
        WriteRawFields(text, subtree, "\n");
        foreach (string _ in path) text.Append("}\n");
        return text.ToString();
    }

    /// <summary>A text in quotes; escapes for quotes, backslashes, control characters and halves of surrogate pairs.</summary>
    public static string Quoted(string value)
    {
        var text = new StringBuilder("\"");
        for (int i = 0; i < value.Length; i++)
        {
            char c = value[i];
            bool isPair = char.IsHighSurrogate(c) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]);
            if (isPair) text.Append(c).Append(value[++i]);
            else if (c is '"' or '\\') text.Append('\\').Append(c);
            else if (c == '\n') text.Append("\\n");
            else if (c == '\t') text.Append("\\t");
            else if (char.IsControl(c) || char.IsSurrogate(c)) text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else text.Append(c);
        }
        return text.Append('"').ToString();
    }

    private static void WriteFields(StringBuilder text, ConfigObject block, int level, bool isSecret)
    {
        foreach (var entry in block.Entries.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            text.Append(' ', 2 * level).Append(Shown.IsPlain(entry.Key) && entry.Key != "include" ? entry.Key : Quoted(entry.Key));
            bool hides = isSecret || Secret.IsNamedBy(entry.Key);
            text.Append(entry.Value is ConfigObject ? " " : " = ");
            WriteValue(text, entry.Value, level, hides);
            text.Append('\n');
        }
    }

    private static void WriteValue(StringBuilder text, ConfigValue value, int level, bool isSecret)
    {
        switch (value)
        {
            case ConfigObject { Entries.Count: 0 }:
                text.Append("{}");
                break;
            case ConfigObject block:
                text.Append("{\n");
                WriteFields(text, block, level + 1, isSecret);
                text.Append(' ', 2 * level).Append('}');
                break;
            case ConfigList { Items.Count: 0 }:
                text.Append("[]");
                break;
            case ConfigList list:
                text.Append("[\n");
                foreach (var item in list.Items)
                {
                    text.Append(' ', 2 * (level + 1));
                    WriteValue(text, item, level + 1, isSecret);
                    text.Append('\n');
                }
                text.Append(' ', 2 * level).Append(']');
                break;
            case ConfigText leaf:
                if (leaf.IsNull) text.Append("null");
                else if (isSecret || leaf.IsSecret) text.Append(Quoted(Secret.Redacted));
                else text.Append(Leaf(leaf.Text));
                break;
        }
    }

    // Lines as lines, so that a diff of SQL is one of lines; but a text that a triple quote cannot hold stands in plain quotes.
    private static string Leaf(string value)
    {
        bool isPlain = value is not ("" or "null") && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        if (isPlain) return value;
        bool isOdd = value.Any(c => (char.IsControl(c) && c is not ('\n' or '\t')) || char.IsSurrogate(c));
        bool isLines = value.Contains('\n') && !isOdd && !value.Contains("\"\"\"", StringComparison.Ordinal) && !value.EndsWith('"');
        return isLines ? $"\"\"\"{value}\"\"\"" : Quoted(value);
    }

    private static void WriteRawFields(StringBuilder text, ConfigObject block, string end)
    {
        foreach (var entry in block.Entries)
        {
            if (entry.Value is ConfigText { IsNull: true }) continue;
            text.Append(Shown.IsPlain(entry.Key) ? entry.Key : Quoted(entry.Key)).Append(entry.Value is ConfigObject ? " " : " = ");
            WriteRawValue(text, entry.Value);
            text.Append(end);
        }
    }

    private static void WriteRawValue(StringBuilder text, ConfigValue value)
    {
        switch (value)
        {
            case ConfigObject block:
                text.Append("{\n");
                WriteRawFields(text, block, "\n");
                text.Append('}');
                break;
            case ConfigList list:
                text.Append('[');
                for (int i = 0; i < list.Items.Count; i++)
                {
                    if (i > 0) text.Append(',');
                    WriteRawValue(text, list.Items[i]);
                }
                text.Append(']');
                break;
            case ConfigText leaf:
                text.Append(Quoted(leaf.Text));
                break;
        }
    }
}
