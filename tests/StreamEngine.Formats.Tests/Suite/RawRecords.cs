using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Formats.Tests.Suite;

/// <summary>Raw batches of given values, as a source makes them: the values lie behind each other in one arena.</summary>
internal static unsafe class RawRecords
{
    public static Batch Of(MemoryScope scope, IReadOnlyList<byte[]?> values)
    {
        var arena = scope.RentArena();
        var bytes = arena.AllocateBytes(Math.Max(values.Sum(v => v?.Length ?? 0), 1));
        var entries = arena.Allocate<Bytes>(Math.Max(values.Count, 1));
        for (var i = 0; i < values.Count; i++)
        {
            var value = values[i];
            entries[i] = value is null ? Bytes.Null : new Bytes(bytes, value.Length);
            value?.CopyTo(new Span<byte>(bytes, value.Length));
            bytes += value?.Length ?? 0;
        }
        return Batch.OfRecords(new LogRecords(values.Count, "t") { Partition = 0, Values = entries }, arena, BatchRole.Raw);
    }

    public static Batch Of(MemoryScope scope, params string[] values) => Of(scope, [.. values.Select(v => Encoding.UTF8.GetBytes(v))]);
}

/// <summary>Notes faults by row.</summary>
internal sealed class Faults : IEmitter
{
    public SortedDictionary<int, Fault> ByRow { get; } = [];

    public void Emit(Batch batch) => throw new NotSupportedException("a decoder returns its batch");

    public void Fault(Batch batch, int row, in Fault fault) => ByRow.Add(row, fault);
}
