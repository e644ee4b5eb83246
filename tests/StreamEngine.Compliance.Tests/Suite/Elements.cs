using StreamEngine.Core;

namespace StreamEngine.Compliance.Tests.Suite;

/// <summary>Random streams of elements: batches of (key, number) with numbers that grow per inlet and key, side batches, watermarks and barriers.</summary>
internal static unsafe class Elements
{
    public static readonly Schema Schema = new(new Field("key", DataType.Int64, false), new Field("number", DataType.Int64, false));

    public static Batch Rows(MemoryScope scope, params (long Key, long Number)[] rows)
    {
        var arena = scope.RentArena();
        var keys = arena.Allocate<long>(rows.Length);
        var numbers = arena.Allocate<long>(rows.Length);
        for (var i = 0; i < rows.Length; i++) (keys[i], numbers[i]) = rows[i];
        return Batch.Create(Schema, [new ColumnVector(DataType.Int64, rows.Length, (byte*)keys), new ColumnVector(DataType.Int64, rows.Length, (byte*)numbers)],
            rows.Length, arena);
    }

    public static Batch Records(MemoryScope scope, BatchRole role, int count, string topic = "side")
    {
        var arena = scope.RentArena();
        var values = arena.Allocate<Bytes>(count);
        for (var i = 0; i < count; i++) values[i] = new Bytes(arena.Copy("side"u8), 4);
        return Batch.OfRecords(new LogRecords(count, topic) { Values = values }, arena, role);
    }

    /// <summary>The input of one inlet; barriers are shared by all inlets.</summary>
    public static Queue<StreamElement> Stream(MemoryScope scope, Random random, int inlet, IReadOnlyList<Barrier> barriers, bool end = true)
    {
        var elements = new Queue<StreamElement>();
        long number = inlet * 1_000_000, time = random.Next(100);
        foreach (var barrier in barriers)
        {
            for (var i = random.Next(6); i > 0; i--)
            {
                if (random.Next(3) == 0) elements.Enqueue(new Watermark(time += random.Next(1, 50)));
                if (random.Next(5) == 0) elements.Enqueue(Records(scope, BatchRole.DeadLetter, 1 + random.Next(3)));
                elements.Enqueue(Rows(scope, [.. Enumerable.Range(0, 1 + random.Next(20)).Select(_ => ((long)random.Next(12), ++number))]));
            }
            elements.Enqueue(barrier);
        }
        if (end) elements.Enqueue(End.Instance);
        return elements;
    }

    /// <summary>An element as text: rows of a main batch one by one.</summary>
    public static IEnumerable<string> Text(StreamElement element)
    {
        if (element is not Batch batch) return [element.ToString()!];
        return batch.Role == BatchRole.Main ? [.. Pairs(batch).Select(p => $"{p.Key}:{p.Number}")] : [.. Enumerable.Repeat(batch.Role.ToString(), batch.Count)];
    }

    public static List<(long Key, long Number)> Pairs(Batch batch)
    {
        var pairs = new List<(long, long)>();
        for (var i = 0; i < batch.Count; i++) pairs.Add((batch[0].As<long>()[batch.RowAt(i)], batch[1].As<long>()[batch.RowAt(i)]));
        return pairs;
    }

    public static List<string> Text(IEnumerable<StreamElement> elements) => [.. elements.SelectMany(Text)];
}
