using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Native;

namespace StreamEngine.Kafka.Commits;

/// <summary>Reads a stretch of one partition, committed records only, on the caller's thread: for recovery, before a graph runs.</summary>
internal static unsafe class PartitionReader
{
    /// <summary>Hands every committed record from an offset on to the handler, until the partition's last stable offset; returns that. An offset that was deleted
    /// is an error, or, where the caller can do with less, means the earliest one there is.</summary>
    /// <exception cref="KafkaClientException">No progress for so long, or the offset is not there: <see cref="LibRdKafka.AutoOffsetReset"/>.</exception>
    public static long Read(KafkaConnection connection, string topic, int partition, long from, StateRecordHandler handler, TimeSpan timeout, TimeProvider time,
        ILogger logger, CancellationToken cancellation, bool orEarliest = false)
    {
        using var client = new NativeClient(LibRdKafka.Consumer, connection,
            [new("isolation.level", "read_committed"), new("enable.partition.eof", "true"), new("auto.offset.reset", orEarliest ? "earliest" : "error"),
                new("check.crcs", "true"), new("fetch.wait.max.ms", "50"), new("fetch.queue.backoff.ms", "5")], logger);
        var handle = LibRdKafka.OpenTopic(client.Handle, topic);
        var buffer = (LibRdKafka.Message**)NativeMemory.Alloc(1024, (nuint)sizeof(nint));
        var started = false;
        try
        {
            if (LibRdKafka.ConsumeStart(handle, partition, from) != 0) throw new KafkaClientException(LibRdKafka.LastError(), $"{topic}-{partition} cannot be read");
            started = true;
            var last = time.GetTimestamp();
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                var read = (int)LibRdKafka.ConsumeBatch(handle, partition, 20, buffer, 1024);
                if (read < 0) throw new KafkaClientException(LibRdKafka.LastError(), $"{topic}-{partition} cannot be read");
                if (read > 0) last = time.GetTimestamp();
                else if (time.GetElapsedTime(last) > timeout)
                    throw new KafkaClientException(LibRdKafka.TimedOut,
                    $"{topic}-{partition}: no answer for {timeout.TotalSeconds:0} s while reading back from offset {from}");
                long end = -1;
                try
                {
                    for (var i = 0; i < read && end < 0; i++) end = Handle(buffer[i], handler, topic);
                }
                finally
                {
                    for (var i = 0; i < read; i++) LibRdKafka.MessageDestroy(buffer[i]);
                }
                if (end >= 0) return end;
            }
        }
        finally
        {
            if (started) _ = LibRdKafka.ConsumeStop(handle, partition);
            LibRdKafka.TopicDestroy(handle);
            NativeMemory.Free(buffer);
        }
    }

    private static long Handle(LibRdKafka.Message* message, StateRecordHandler handler, string topic)
    {
        if (message->Error == LibRdKafka.PartitionEof) return message->Offset;
        if (message->Error != LibRdKafka.NoError)
            throw new KafkaClientException(message->Error, $"{topic}-{message->Partition}: {Marshal.PtrToStringUTF8((nint)message->Payload, (int)message->Length)}");
        handler(message->Offset, new ReadOnlySpan<byte>(message->Payload, (int)message->Length));
        return -1;
    }

    /// <summary>The first and last offsets that exist, the last one for committed readers.</summary>
    public static (long Low, long High) Bounds(KafkaConnection connection, string topic, int partition, TimeSpan timeout, ILogger logger)
    {
        using var client = new NativeClient(LibRdKafka.Consumer, connection, [new("isolation.level", "read_committed")], logger);
        long low, high;
        var error = LibRdKafka.QueryWatermarks(client.Handle, topic, partition, &low, &high, (int)timeout.TotalMilliseconds);
        return error == LibRdKafka.NoError ? (low, high) : throw new KafkaClientException(error, $"the offsets of {topic}-{partition} cannot be asked");
    }
}
