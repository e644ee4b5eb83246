using StreamEngine.Core;

namespace StreamEngine.Cli.Bench;

/// <summary>Bids made before anything is measured: as raw records, or as the columns that a plan reads.</summary>
internal static unsafe class BidBatches
{
    private const int LongestJson = 512;

    /// <summary>Raw JSON records of one of several partitions, over which the bids go round robin, from <paramref name="firstBid"/> on.</summary>
    public static List<Batch> Raw(long rows, MemoryScope scope, int partition = 0, int partitions = 1, int firstBid = 0)
    {
        var bids = new Bids();
        var batches = new List<Batch>();
        var buffer = new byte[LongestJson];
        for (long first = 0; first < rows; first += Batch.DefaultRows)
        {
            var count = (int)Math.Min(Batch.DefaultRows, rows - first);
            var arena = scope.RentArena();
            var values = arena.Allocate<Bytes>(count);
            var offsets = arena.Allocate<long>(count);
            for (var i = 0; i < count; i++)
            {
                var length = bids.WriteJson((first + i) * partitions + partition + firstBid, buffer);
                values[i] = new Bytes(arena.Copy(buffer.AsSpan(0, length)), length);
                offsets[i] = first + i;
            }
            // Readers look ahead by up to 64 bytes.
            arena.AllocateZeroed<byte>(64);
            batches.Add(Batch.OfRecords(new LogRecords(count, "bids") { Partition = partition, Name = "bids", Offsets = offsets, Values = values,
                NextOffset = first + count }, arena, BatchRole.Raw));
        }
        return batches;
    }

    /// <summary>Columns by name: auction, bidder, price, date_time.</summary>
    public static List<Batch> Columns(long rows, Schema schema, MemoryScope scope)
    {
        var batches = new List<Batch>();
        for (long first = 0; first < rows; first += Batch.DefaultRows)
        {
            var count = (int)Math.Min(Batch.DefaultRows, rows - first);
            var arena = scope.RentArena();
            var columns = new ColumnVector[schema.Count];
            for (var c = 0; c < columns.Length; c++)
            {
                var values = arena.Allocate<long>(count);
                for (var i = 0; i < count; i++) values[i] = Value(Bids.At(first + i), schema[c].Name);
                columns[c] = new ColumnVector(schema[c].Type, count, (byte*)values);
            }
            var offsets = arena.Allocate<long>(count);
            for (var i = 0; i < count; i++) offsets[i] = first + i;
            var records = new LogRecords(count, "bids") { Partition = 0, Name = "bids", Offsets = offsets, NextOffset = first + count };
            batches.Add(Batch.Create(schema, columns, count, arena, records: records));
        }
        return batches;
    }

    private static long Value(in Bid bid, string column) => column switch
    {
        "auction" => bid.Auction,
        "bidder" => bid.Bidder,
        "price" => bid.Price,
        "date_time" => bid.Time,
        _ => throw new ArgumentException($"bids have no number column '{column}'", nameof(column)),
    };
}
