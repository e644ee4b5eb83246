using System.Text;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Suite;

/// <summary>What a reader sees of bytes that a broker has sent of one partition.</summary>
internal static unsafe class ParsedRecords
{
    /// <summary>The visible records as OFFSET:VALUE, then the position behind them; in batches of so many rows and bytes.</summary>
    public static string Of(byte[] bytes, long position = 0, AbortedTransaction[]? aborted = null, int rows = 100, int mostBytes = 1 << 20)
    {
        var shown = new List<string>();
        var end = Read(bytes, position, aborted ?? [], rows, mostBytes, (in RecordColumns columns, int i) =>
            shown.Add($"{columns.Offsets[i]}:{Text(columns.Values[i])}"));
        return string.Join(' ', shown.Append($"then {end}"));
    }

    /// <summary>All of a record: OFFSET@TIMESTAMP KEY=VALUE [HEADERS].</summary>
    public static string Whole(byte[] bytes)
    {
        var shown = new List<string>();
        Read(bytes, 0, [], 100, 1 << 20, (in RecordColumns columns, int i) =>
        {
            var headers = new List<string>();
            if (columns.Headers is not null)
                foreach (var header in RecordHeaders.Read(columns.Headers[i].Span))
                    headers.Add($"{Encoding.UTF8.GetString(header.Name)}={(header.IsNull ? "null" : Encoding.UTF8.GetString(header.Value))}");
            shown.Add($"{columns.Offsets[i]}@{columns.Timestamps[i]} {Text(columns.Keys[i])}={Text(columns.Values[i])} [{string.Join(',', headers)}]");
        });
        return string.Join('\n', shown);
    }

    public delegate void Shower(in RecordColumns columns, int row);

    public static string Text(Bytes bytes) => bytes.IsNull ? "null" : Encoding.UTF8.GetString(bytes.Span);

    public static long Read(byte[] bytes, long position, AbortedTransaction[] aborted, int rows, int mostBytes, Shower shower)
    {
        using var scope = new MemoryScope();
        using (var cursor = new RecordCursor(position, scope))
        {
            var block = scope.Rent(bytes.Length);
            try
            {
                bytes.CopyTo(block.GetSpan());
                var scanned = RawRecords.Scan(block, bytes.Length, position);
                cursor.Open(new RawRecords("a broker", block, scanned.Length, scanned.Next, scanned.Records, scanned.Next, aborted));
            }
            catch
            {
                block.Release();
                throw;
            }
            while (cursor.MoveToRecord()) ReadBatch(cursor, scope, rows, mostBytes, shower);
            position = cursor.Position;
        }
        Assert.Equal(0, scope.BlocksOut);
        return position;
    }

    private static void ReadBatch(RecordCursor cursor, MemoryScope scope, int rows, int mostBytes, Shower shower)
    {
        var arena = scope.RentArena(1024);
        try
        {
            var columns = new RecordColumns(arena, rows, mostBytes);
            do
            {
                var read = cursor.Stretch.ReadInto(ref columns, cursor.Position, long.MaxValue, out var next);
                cursor.Took(next, read);
            }
            while (!columns.IsFull && columns.Count < rows && cursor.MoveToRecord());
            for (var i = 0; i < columns.Count; i++) shower(columns, i);
        }
        finally
        {
            arena.Release();
        }
    }
}
