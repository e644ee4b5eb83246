using System.Text;
using System.Text.Unicode;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Pipelines.Commands.DeadLetters;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>
/// Dead letters as columns for SQL: what their headers say, the payload as text, and the original record's own headers as fields of a struct, as many as an expression
/// names.
/// </summary>
internal sealed class LetterSchema
{
    public const string Table = "letter";
    public const string Payload = "payload";
    private const string Headers = "headers";

    private readonly List<string> _headers = [];

    /// <param name="texts">The expressions that will be bound: the headers that they name are found in them.</param>
    /// <exception cref="SqlException">A text cannot be split into tokens.</exception>
    public LetterSchema(params string?[] texts)
    {
        foreach (var text in texts) FindHeaders(text);
        Schema = new Schema(
            Text("stage"), Text("rule"), Text("reason"), Text("insert"), Text("topic"), new Field("partition", DataType.Int32), new Field("offset", DataType.Int64),
            new Field("timestamp", DataType.Timestamp), Text("key"), Text(Payload),
            new Field(Headers, DataType.Struct(new Schema((_headers.Count == 0 ? ["none"] : _headers).Select(Text)))));
    }

    public Schema Schema { get; }

    private static Field Text(string name) => new(name, DataType.Utf8);

    private void FindHeaders(string? text)
    {
        if (text is null) return;
        var tokens = SqlLexer.Tokenize(text);
        for (var i = 0; i + 2 < tokens.Count; i++)
        {
            if (!tokens[i].Is(Headers) || !tokens[i + 1].IsSymbol(".") || tokens[i + 2].Kind is not (TokenKind.Word or TokenKind.QuotedIdentifier)) continue;
            var name = tokens[i + 2].Value;
            if (!_headers.Contains(name, StringComparer.OrdinalIgnoreCase)) _headers.Add(name);
        }
    }

    /// <summary>The columns of some letters.</summary>
    public ColumnVector[] ColumnsOf(IReadOnlyList<DeadLetter> letters, Arena arena) =>
    [
        Texts(letters, l => Bytes(l.Stage), arena), Texts(letters, l => Bytes(l.Rule), arena), Texts(letters, l => Bytes(l.Reason), arena),
        Texts(letters, l => Bytes(l.Insert), arena), Texts(letters, l => Bytes(l.Source?.Topic), arena),
        Numbers(DataType.Int32, letters, l => l.Source?.Partition ?? -1, arena), Numbers(DataType.Int64, letters, l => l.Source?.Offset ?? -1L, arena),
        Numbers(DataType.Timestamp, letters, l => (l.Record.Timestamp.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond, arena),
        Texts(letters, l => l.Record.Key, arena), Texts(letters, l => l.Record.Value, arena), HeaderColumn(letters, arena),
    ];

    private unsafe ColumnVector HeaderColumn(IReadOnlyList<DeadLetter> letters, Arena arena)
    {
        var type = Schema[^1].Type;
        return new ColumnVector(type, letters.Count, null, null, [.. type.Fields!.Select(f => Texts(letters, l => HeaderOf(l, f.Name), arena))]);
    }

    private static byte[]? HeaderOf(DeadLetter letter, string name) =>
        letter.Record.Headers.LastOrDefault(h => string.Equals(h.Key, name, StringComparison.OrdinalIgnoreCase)).Value;

    private static byte[]? Bytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text);

    // Functions over text take UTF-8 for granted, and a dead letter may hold anything.
    private static byte[] Valid(byte[] bytes) => Utf8.IsValid(bytes) ? bytes : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes));

    private static unsafe ColumnVector Texts(IReadOnlyList<DeadLetter> letters, Func<DeadLetter, byte[]?> of, Arena arena)
    {
        var views = arena.Allocate<Utf8View>(letters.Count);
        var validity = arena.AllocateValidity(letters.Count);
        for (var i = 0; i < letters.Count; i++)
        {
            if (of(letters[i]) is { } bytes) views[i] = Utf8View.Copy(Valid(bytes), arena);
            else
            {
                views[i] = default;
                ColumnVector.SetNull(validity, i);
            }
        }
        return new ColumnVector(DataType.Utf8, letters.Count, (byte*)views, validity);
    }

    private static unsafe ColumnVector Numbers<T>(DataType type, IReadOnlyList<DeadLetter> letters, Func<DeadLetter, T> of, Arena arena) where T : unmanaged
    {
        var values = arena.Allocate<T>(letters.Count);
        for (var i = 0; i < letters.Count; i++) values[i] = of(letters[i]);
        return new ColumnVector(type, letters.Count, (byte*)values);
    }
}
