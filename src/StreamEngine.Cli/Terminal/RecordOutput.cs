using System.Text;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Terminal;

/// <summary>Standard output for records: buffered, byte by byte as they are into a file or pipe, and without control characters onto a terminal.</summary>
internal sealed class RecordOutput : IDisposable
{
    private readonly BufferedStream _stream;
    private readonly bool _terminal;

    private RecordOutput(Stream stream, bool terminal)
    {
        _stream = new BufferedStream(stream, 1 << 16);
        _terminal = terminal;
    }

    public static RecordOutput Open() => new(Console.OpenStandardOutput(), !Console.IsOutputRedirected);

    public void Line(string text)
    {
        _stream.Write(Encoding.UTF8.GetBytes(_terminal ? RecordText.Harmless(text) : text));
        _stream.WriteByte((byte)'\n');
    }

    public void Value(byte[]? value)
    {
        if (_terminal || value is null)
        {
            Line(RecordText.Of(value));
            return;
        }
        _stream.Write(value);
        _stream.WriteByte((byte)'\n');
    }

    public void Flush() => _stream.Flush();

    public void Dispose() => _stream.Dispose();
}
