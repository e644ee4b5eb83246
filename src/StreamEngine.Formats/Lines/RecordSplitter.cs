namespace StreamEngine.Formats.Lines;

/// <summary>
/// Splits a text file into the values of records: at line ends, or as CSV, where a quoted field may hold line breaks. CRLF and LF end a line, a byte order mark at
/// the start and blank lines are left out. The content is not
/// checked: whether it is JSON or CSV is the decoder's question.
/// </summary>
internal sealed class RecordSplitter
{
    /// <summary>The most bytes a record may have.</summary>
    public const int MaxRecord = 64 << 20;

    private readonly Stream _stream;
    private readonly byte _delimiter;
    private readonly int _quote;
    private byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private int _scan;
    private State _state;
    private bool _finished;
    private bool _begun;

    private enum State : byte
    {
        FieldStart,
        Plain,
        Quoted,

        /// <summary>Behind a quote in a quoted field: another one belongs to the field, anything else ends it.</summary>
        QuoteInQuoted,
    }

    private RecordSplitter(Stream stream, byte delimiter, int quote)
    {
        _stream = stream;
        _delimiter = delimiter;
        _quote = quote;
    }

    /// <summary>One record a line: JSON lines, or CSV without quoting.</summary>
    public static RecordSplitter Lines(Stream stream) => new(stream, 0, -1);

    /// <summary>One CSV record after the other.</summary>
    public static RecordSplitter Csv(Stream stream, Csv.CsvOptions options) => new(stream, options.Delimiter, options.Quote ?? -1);

    /// <summary>The line, from 1, at which the last record began.</summary>
    public long Line { get; private set; }

    private long _lines = 1;

    /// <summary>The next record without its line end, valid until the next call; false at the end.</summary>
    /// <exception cref="InvalidDataException">A record is longer than <see cref="MaxRecord"/>; the message names its line.</exception>
    public bool TryRead(out ReadOnlyMemory<byte> record)
    {
        while (true)
        {
            Line = _lines;
            if (!TryFindEnd(out var end, out var next))
            {
                record = default;
                return false;
            }
            record = _buffer.AsMemory(_start, end - _start);
            _start = _scan = next;
            _state = State.FieldStart;
            if (record.Span.ContainsAnyExcept((byte)' ', (byte)'\t') || (record.Length > 0 && _quote >= 0)) return true;
        }
    }

    private bool TryFindEnd(out int end, out int next)
    {
        while (true)
        {
            if (!_begun) Begin();
            var at = Scan();
            if (at >= 0)
            {
                next = at + 1;
                end = at > _start && _buffer[at - 1] == '\r' ? at - 1 : at;
                return true;
            }
            if (!_finished && Fill()) continue;
            next = end = _end;
            if (end > _start && _buffer[end - 1] == '\r' && _state != State.Quoted) end--;
            return next > _start;
        }
    }

    /// <summary>The line end that ends the record, from where the scan stopped; -1 when more has to be read.</summary>
    private int Scan()
    {
        if (_quote < 0)
        {
            var length = _buffer.AsSpan(_scan, _end - _scan).IndexOf((byte)'\n');
            _scan = length < 0 ? _end : _scan + length;
            if (length < 0) return -1;
            _lines++;
            return _scan;
        }
        for (; _scan < _end; _scan++)
        {
            var c = _buffer[_scan];
            if (c == '\n')
            {
                _lines++;
                if (_state != State.Quoted) return _scan;
            }
            else if (_state == State.Quoted) _state = c == _quote ? State.QuoteInQuoted : State.Quoted;
            else if (c == _quote && _state is State.FieldStart or State.QuoteInQuoted) _state = State.Quoted;
            else _state = c == _delimiter ? State.FieldStart : State.Plain;
        }
        return -1;
    }

    private void Begin()
    {
        _begun = true;
        while (_end < 3 && Fill())
        {
        }
        if (_buffer.AsSpan(0, _end).StartsWith("\uFEFF"u8)) _start = _scan = 3;
    }

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _scan -= _start;
            _end -= _start;
            _start = 0;
        }
        if (_end == _buffer.Length)
        {
            if (_end >= MaxRecord)
            {
                var why = _state == State.Quoted ? ": is a quote never closed?" : "";
                throw new InvalidDataException($"the record that begins at line {Line} has more than {MaxRecord >> 20} MiB{why}");
            }
            Array.Resize(ref _buffer, _end * 2);
        }
        var read = _stream.Read(_buffer, _end, _buffer.Length - _end);
        _finished = read == 0;
        _end += read;
        return read > 0;
    }
}
