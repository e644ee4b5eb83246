using System.Text;

namespace StreamEngine.Config;

/// <summary>Reads files: those of the caller, and those they include, which must lie inside the project root whatever dots, links and roots their names hold.</summary>
internal sealed class Includes(HoconOptions options, ErrorList errors)
{
    private const int MaxDepth = 16;
    private const int MaxFiles = 256;
    private const int MaxTotalBytes = 16 << 20;
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<string> _chain = [];
    private int _files;
    private long _totalBytes;

    public HoconOptions Options { get; } = options;

    /// <summary>Included files that do not exist and need not.</summary>
    public List<ConfigError> Missing { get; } = [];

    /// <summary>Parses a file that the caller names. Null, with the error reported, where it cannot be read.</summary>
    public (ConfigSource Source, ObjectExpr Root)? LoadFile(string path, string? shownAs)
    {
        string name = shownAs ?? path;
        string real;
        try
        {
            real = RealPath.Of(path);
            if (!File.Exists(real)) throw new FileNotFoundException("there is no such file");
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException or NotSupportedException)
        {
            errors.Add(ConfigError.Plain($"cannot read '{Shown.Word(name)}': {e.Message}"));
            return null;
        }
        return Read(real, name, default) is { } source ? (source, Parse(source, real, [], 0)) : null;
    }

    /// <summary>Parses an included file. Null where it does not exist (and need not), or with the error reported.</summary>
    /// <param name="request">The statement.</param>
    /// <param name="prefix">The path of the block that includes it.</param>
    /// <param name="depth">How deep that block is nested.</param>
    public ObjectExpr? Load(IncludeRequest request, string[] prefix, int depth)
    {
        if (Locate(request) is not { } real) return null;
        int again = _chain.IndexOf(real);
        if (again >= 0)
        {
            string chain = string.Join(" -> ", _chain.Skip(again).Append(real).Select(Path.GetFileName));
            errors.Add(request.Span, $"include cycle: {Shown.Word(chain)}", "a file cannot include itself, directly or through others");
            return null;
        }
        if (_chain.Count >= MaxDepth || ++_files > MaxFiles)
        {
            errors.Add(request.Span, _files > MaxFiles ? $"more than {MaxFiles} files are included" : $"includes are nested deeper than {MaxDepth} files");
            return null;
        }
        string folder = Path.GetDirectoryName(request.Span.Source!.Name) ?? "";
        return Read(real, ShownName(folder, request.Name), request.Span) is { } source ? Parse(source, real, prefix, depth) : null;
    }

    private ObjectExpr Parse(ConfigSource source, string real, string[] prefix, int depth)
    {
        _chain.Add(real);
        var root = new TextParser(source, errors, this, prefix, depth).ParseRoot();
        _chain.RemoveAt(_chain.Count - 1);
        return root;
    }

    // The real path of the file that an include names; null where there is none, or it may not be read.
    private string? Locate(IncludeRequest request)
    {
        string name = request.Name;
        if (request.Span.Source?.FullPath is not { } from)
        {
            errors.Add(request.Span, "this text is not a file: it cannot include one");
            return null;
        }
        if (name.Length == 0 || name.Contains('\0') || Path.IsPathRooted(name) || name.Contains("://", StringComparison.Ordinal))
        {
            errors.Add(request.Span, "an include names a file relative to the file it stands in", "absolute paths and addresses are not read");
            return null;
        }
        try
        {
            string folder = Path.GetDirectoryName(from)!;
            string real = RealPath.Of(Path.Combine(folder, name));
            if (!File.Exists(real) && !Directory.Exists(real) && !Path.HasExtension(name) && File.Exists(real + ".conf")) real = RealPath.Of(real + ".conf");
            string root = RootFor(_chain[0]);
            if (!RealPath.IsInside(real, root))
            {
                errors.Add(request.Span, $"'{Shown.Word(name)}' lies outside the project: only files below its root can be included", $"the root is {root}");
                return null;
            }
            if (File.Exists(real)) return real;
            if (Directory.Exists(real)) errors.Add(request.Span, $"'{Shown.Word(name)}' is a directory");
            else if (request.IsRequired) errors.Add(request.Span, $"the included file '{Shown.Word(name)}' does not exist");
            else
            {
                const string hint = "write include required(file(\"..\")) where it must exist";
                Missing.Add(ConfigError.At(request.Span, $"the included file '{Shown.Word(name)}' does not exist and is left out", hint));
            }
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException or NotSupportedException)
        {
            errors.Add(request.Span, $"cannot read the included file '{Shown.Word(name)}': {e.Message}");
        }
        return null;
    }

    // A file outside the given root was named by the user himself: its own folder is its root.
    private string RootFor(string file)
    {
        string? given = Options.Root is { } root ? RealPath.Of(root) : null;
        return given is not null && RealPath.IsInside(file, given) ? given : Path.GetDirectoryName(file)!;
    }

    private ConfigSource? Read(string real, string name, ConfigSpan at)
    {
        try
        {
            var file = new FileInfo(real);
            // A length of 0 is taken at its word: opening a pipe would wait for its writer.
            byte[] bytes = file.Length == 0 ? [] : ReadBounded(real);
            if (bytes.Length > Options.MaxBytes) throw new IOException($"it is larger than {Options.MaxBytes} bytes");
            _totalBytes += bytes.Length;
            if (_totalBytes > MaxTotalBytes) throw new IOException($"with it all files together are larger than {MaxTotalBytes} bytes");
            return new ConfigSource(name, s_strict.GetString(bytes), real);
        }
        catch (DecoderFallbackException e)
        {
            Report(at, $"'{Shown.Word(name)}' is not UTF-8: byte {e.Index} is wrong", "save it as UTF-8");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Report(at, $"cannot read '{Shown.Word(name)}': {e.Message}", null);
        }
        return null;
    }

    private void Report(ConfigSpan at, string message, string? hint) => errors.Add(ConfigError.At(at, message, hint));

    private byte[] ReadBounded(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        // One byte more than allowed says that it is too large, also of a file that grows meanwhile.
        var bytes = new byte[Math.Min(file.Length, Options.MaxBytes + 1L)];
        int read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    // "hocon/pipelines/a.conf" with "../common.conf" reads as "hocon/common.conf".
    private static string ShownName(string folder, string name)
    {
        var parts = new List<string>();
        foreach (string part in Path.Combine(folder, name).Split('/', '\\'))
        {
            if (part == ".") continue;
            if (part == ".." && parts.Count > 0 && parts[^1] is not ("" or "..")) parts.RemoveAt(parts.Count - 1);
            else parts.Add(part);
        }
        return string.Join('/', parts);
    }
}

/// <summary>Paths with all symbolic links followed.</summary>
internal static class RealPath
{
    private const int MaxLinks = 40;

    /// <summary>The absolute path with every link on the way replaced by its target. Parts that do not exist stay as they are.</summary>
    /// <exception cref="IOException">More than 40 links.</exception>
    public static string Of(string path) => Follow(Path.GetFullPath(path), 0);

    /// <summary>Whether a real path lies below a real folder.</summary>
    public static bool IsInside(string path, string folder)
        => path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static string Follow(string path, int links)
    {
        if (links > MaxLinks) throw new IOException("too many symbolic links");
        string real = Path.GetPathRoot(path)!;
        foreach (string part in path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            string next = Path.Combine(real, part);
            if (new FileInfo(next).LinkTarget is { } target) next = Follow(Path.GetFullPath(Path.Combine(real, target)), ++links);
            real = next;
        }
        return real;
    }
}
