using System.Globalization;
using StreamEngine.Config;
using StreamEngine.Core;

namespace StreamEngine.Pipelines.Testing;

/// <summary>A step of a pipeline test.</summary>
/// <param name="Line">Its line in the file.</param>
internal abstract record TestStep(int Line);

/// <summary>A record is written to a partition of a source.</summary>
internal sealed record InputStep(int Line, string Source, int Partition, long Timestamp, byte[]? Key, byte[]? Value) : TestStep(Line);

/// <summary>Everything so far is committed.</summary>
internal sealed record CheckpointStep(int Line) : TestStep(Line);

/// <summary>The worker crashes and starts again.</summary>
internal sealed record RestartStep(int Line) : TestStep(Line);

/// <summary>A partition is idle for its timeout.</summary>
internal sealed record IdleStep(int Line, int Partition) : TestStep(Line);

/// <summary>The clock moves.</summary>
internal sealed record AdvanceStep(int Line, TimeSpan By) : TestStep(Line);

/// <summary>The sources are finished: all windows close.</summary>
internal sealed record EndStep(int Line) : TestStep(Line);

/// <summary>What has to come out of a sink, or as dead letters or late rows.</summary>
/// <param name="Line">The line of its heading.</param>
/// <param name="Name">A sink, or dead-letters, or late.</param>
/// <param name="Lines">The expected rows, in any order.</param>
internal sealed record TestExpectation(int Line, string Name, IReadOnlyList<(int Line, string Text)> Lines);

/// <summary>A pipeline test as text: input rows and control steps, then what is expected (reference form "A golden or pipeline test file").</summary>
/// <param name="Path">The file.</param>
/// <param name="Pipeline">The pipeline file that it tests.</param>
/// <param name="Steps">Rows and control steps, in order.</param>
/// <param name="Expectations">What has to come out.</param>
internal sealed record PipelineTestFile(string Path, string Pipeline, IReadOnlyList<TestStep> Steps, IReadOnlyList<TestExpectation> Expectations)
{
    /// <exception cref="ConfigException">All lines that cannot be understood.</exception>
    public static PipelineTestFile Load(string path)
    {
        if (!File.Exists(path)) throw new ConfigException([ConfigError.Plain($"there is no file '{path}'",
            "name a test file, for example hocon/pipelines/flights.test")]);
        return Parse(path, File.ReadAllLines(path));
    }

    /// <summary>Whether it is the pipeline itself: in a test `pipeline` names a file.</summary>
    private static bool IsPipeline(string path, IEnumerable<string> lines) => path.EndsWith(".conf", StringComparison.OrdinalIgnoreCase)
        || lines.Select(l => l.Trim()).Any(l => l.StartsWith("pipeline", StringComparison.Ordinal)
            && (l["pipeline".Length..].StartsWith('.') || l["pipeline".Length..].TrimStart().StartsWith('{')));

    public static PipelineTestFile Parse(string path, IReadOnlyList<string> lines)
    {
        if (IsPipeline(path, lines)) throw new ConfigException([ConfigError.Plain($"{path} is a pipeline file, not a test of one",
            $"check it:    ./engine pipeline check {path}\ntest it:     ./engine pipeline test {System.IO.Path.ChangeExtension(path, ".test")}, a file of input rows and expected rows")]);
        var reader = new Reader(path);
        for (var i = 0; i < lines.Count; i++) reader.Read(i + 1, lines[i]);
        return reader.Finish();
    }

    private sealed class Reader(string path)
    {
        private readonly List<TestStep> _steps = [];
        private readonly List<TestExpectation> _expectations = [];
        private readonly List<ConfigError> _errors = [];
        private string _pipeline = System.IO.Path.ChangeExtension(path, ".conf");
        private string? _source;
        private List<(int, string)>? _expected;

        public void Read(int number, string line)
        {
            var text = line.Trim();
            if (text.Length == 0 || text[0] == '#') return;
            var word = text.Split(' ', 2)[0];
            var rest = WithoutComment(text[word.Length..]);
            switch (word)
            {
                case "pipeline":
                    _pipeline = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, rest);
                    if (!File.Exists(_pipeline) && File.Exists(rest)) _pipeline = rest;
                    break;
                case "input":
                    (_source, _expected) = (rest, null);
                    break;
                case "expect":
                    _expected = [];
                    _source = null;
                    _expectations.Add(new TestExpectation(number, rest, _expected));
                    break;
                default:
                    if (_expected is not null) _expected.Add((number, text));
                    else if (word[0] == '@') AddInput(number, text);
                    else AddControl(number, word, rest);
                    break;
            }
        }

        private static string WithoutComment(string text)
        {
            var at = text.IndexOf('#');
            return (at < 0 ? text : text[..at]).Trim();
        }

        private void AddInput(int number, string text)
        {
            if (_source is null)
            {
                Error(number, text, "a row stands before the first 'input SOURCE'", "begin with: input flights");
                return;
            }
            var rest = text;
            if (!int.TryParse(Take(ref rest)[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var partition) || partition > 1023)
            {
                Error(number, text, "a row begins with its partition", "for example: @0 {\"a\":1}");
                return;
            }
            long timestamp = 0;
            byte[]? key = null;
            while (true)
            {
                var word = rest.Split(' ', 2)[0];
                if (word.StartsWith("timestamp=", StringComparison.Ordinal))
                {
                    if (!TimeText.TryParseTimestamp(System.Text.Encoding.UTF8.GetBytes(word["timestamp=".Length..]), out var micros, out _))
                        Error(number, text, $"'{word}' is no timestamp", "for example timestamp=2001-01-01T07:00:00Z");
                    timestamp = micros / 1000;
                }
                else if (word.StartsWith("key=", StringComparison.Ordinal)) key = System.Text.Encoding.UTF8.GetBytes(word["key=".Length..]);
                else break;
                Take(ref rest);
            }
            // A row without anything is a tombstone. Without a timestamp a record is stamped when everything is in the past for it, so that no event time is too far
            // ahead.
            _steps.Add(new InputStep(number, _source, partition, timestamp == 0 ? NoTimestamp : timestamp, key, rest.Length == 0 ? null
                : System.Text.Encoding.UTF8.GetBytes(rest)));
        }

        private const long NoTimestamp = 1_893_456_000_000;

        private static string Take(ref string text)
        {
            var parts = text.Split(' ', 2);
            text = parts.Length > 1 ? parts[1].TrimStart() : "";
            return parts[0];
        }

        private void AddControl(int number, string word, string rest)
        {
            switch (word)
            {
                case "checkpoint": _steps.Add(new CheckpointStep(number)); break;
                case "restart": _steps.Add(new RestartStep(number)); break;
                case "end": _steps.Add(new EndStep(number)); break;
                case "idle" when rest.StartsWith('@') && int.TryParse(rest[1..], NumberStyles.None, CultureInfo.InvariantCulture,
                    out var partition): _steps.Add(new IdleStep(number, partition)); break;
                case "advance" when TryDuration(rest, out var by): _steps.Add(new AdvanceStep(number, by)); break;
                default: Error(number, word, $"'{word}{(rest.Length > 0 ? " " + rest : "")}' is no step",
                    "steps are @PARTITION ROW, checkpoint, restart, idle @PARTITION, advance 30s, end; sections are input SOURCE and expect SINK"); break;
            }
        }

        private static bool TryDuration(string text, out TimeSpan span)
        {
            span = default;
            var digits = text.TakeWhile(char.IsAsciiDigit).Count();
            if (!long.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
            var unit = text[digits..].Trim() switch { "ms" => 1L, "s" => 1000, "m" => 60_000, "h" => 3_600_000, "d" => 86_400_000, _ => 0 };
            span = TimeSpan.FromMilliseconds(number * unit);
            return unit > 0;
        }

        private void Error(int line, string text, string message, string hint) => _errors.Add(ConfigError.Plain($"{path}:{line}: {message}\n    {text}", hint));

        public PipelineTestFile Finish()
        {
            if (_expectations.Count == 0) _errors.Add(ConfigError.Plain($"{path} expects nothing", "add a section: expect SINK, expect dead-letters or expect late"));
            return _errors.Count > 0 ? throw new ConfigException(_errors) : new PipelineTestFile(path, _pipeline, _steps, _expectations);
        }
    }
}
