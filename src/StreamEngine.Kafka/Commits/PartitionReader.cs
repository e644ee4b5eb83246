using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>Reads a stretch of one partition, committed records only, on the caller's thread: for recovery, before a graph runs.</summary>
/// <param name="topics">The cluster.</param>
/// <param name="topic">The topic.</param>
/// <param name="partition">The partition.</param>
/// <param name="timeout">Without an answer for so long it fails.</param>
/// <param name="time">The clock of that.</param>
/// <param name="logger">Is told of brokers that do not answer.</param>
internal sealed unsafe class PartitionReader(KafkaTopics topics, string topic, int partition, TimeSpan timeout, TimeProvider time, ILogger logger)
{
    private const int MostRecords = 1024;
    private const int MostBytes = 1 << 20;

    // How soon the caller's cancellation and the time limit are looked at.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>The first offset that exists, and the last stable offset.</summary>
    /// <exception cref="KafkaClientException">Nobody says.</exception>
    public (long Low, long Stable) Bounds(CancellationToken cancellation)
    {
        try
        {
            return topics.BoundsAsync(topic, partition, cancellation).GetAwaiter().GetResult();
        }
        catch (StartupException e)
        {
            throw new KafkaClientException(e.Message, e);
        }
    }

    /// <summary>Hands every committed record from an offset on to the handler, up to an end that is known: never less, whatever a leader of the past says.</summary>
    /// <exception cref="OffsetGoneException">The offset is not there.</exception>
    /// <exception cref="KafkaClientException">No progress for so long, or the brokers refuse.</exception>
    public void Read(long from, long end, StateRecordHandler handler, CancellationToken cancellation)
    {
        if (from > end) throw new OffsetGoneException(partition, from, $"it ends at {end}");
        Read(ref from, end, handler, cancellation);
    }

    /// <summary>The same, from the first offset that is still there; the deletion of more, while it reads, makes it begin there.</summary>
    public void ReadKept(long from, long end, StateRecordHandler handler, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                Read(ref from, end, handler, cancellation);
                return;
            }
            catch (OffsetGoneException e)
            {
                var low = Bounds(cancellation).Low;
                if (low <= from) throw new KafkaClientException($"{topic}-{partition} cannot be read: {e.Message}", e);
                from = low;
            }
        }
    }

    private void Read(ref long from, long end, StateRecordHandler handler, CancellationToken cancellation)
    {
        if (from >= end) return;
        Exception? failure = null;
        using var memory = new MemoryScope($"{topic}-{partition}");
        using var arrived = new AutoResetEvent(false);
        using var client = new FetchClient(topic, topic, Guid.Empty, topics.Settings(), new Dictionary<int, OffsetAndEpoch>
        {
            [partition] = new(from, -1),
        }, memory, time, logger, () => arrived.Set(), e =>
        {
            Volatile.Write(ref failure, e);
            arrived.Set();
        });
        using var cursor = new RecordCursor(from, memory);
        client.Start();
        var last = time.GetTimestamp();
        while (cursor.Position < end)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Volatile.Read(ref failure) is { } cause) Fail(cause);
            if (client.TryTake(partition, out var raw))
            {
                cursor.Open(raw!);
                Take(cursor, end, memory, handler);
                if (cursor.Position == from) continue;
                // Where it is begun again, nothing is handed on twice.
                (from, last) = (cursor.Position, time.GetTimestamp());
            }
            else arrived.WaitOne(Look);
            // Answers that hold nothing are none.
            if (time.GetElapsedTime(last) > timeout)
                throw new KafkaClientException(LibRdKafka.TimedOut, $"{topic}-{partition}: no answer for {timeout.TotalSeconds:0} s while reading back from offset {cursor.Position}");
        }
    }

    private static void Fail(Exception cause)
    {
        if (cause is FetchException) throw new KafkaClientException(cause.Message, cause);
        ExceptionDispatchInfo.Throw(cause);
    }

    private void Take(RecordCursor cursor, long end, MemoryScope memory, StateRecordHandler handler)
    {
        try
        {
            while (cursor.MoveToRecord() && cursor.Position < end) TakeBatch(cursor, end, memory, handler);
        }
        catch (MalformedException e)
        {
            throw new KafkaClientException($"{cursor.Source} has sent of {topic}-{partition} at offset {cursor.Position}: {e.Message}", e);
        }
    }

    private static void TakeBatch(RecordCursor cursor, long end, MemoryScope memory, StateRecordHandler handler)
    {
        var arena = memory.RentArena(MostBytes);
        try
        {
            var columns = new RecordColumns(arena, Math.Clamp(cursor.Stretch.RecordsLeft, 1, MostRecords), MostBytes);
            var read = cursor.Stretch.ReadInto(ref columns, cursor.Position, end, out var next);
            // Only the bound keeps a record out of columns that are empty.
            cursor.Took(columns.IsFull && columns.Count == 0 ? end : next, read);
            for (var i = 0; i < columns.Count; i++) handler(columns.Offsets[i], columns.Values[i].Span);
        }
        finally
        {
            arena.Release();
        }
    }
}
