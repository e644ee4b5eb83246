using System.Runtime.CompilerServices;
using StreamEngine.Core;
using StreamEngine.Kafka.Native;

namespace StreamEngine.Kafka.Sources;

/// <summary>
/// Copies messages of the client into a batch of raw records, and gives them back to the client at once: a message that is kept pins the whole fetch response it lies in.
/// </summary>
internal static unsafe class RecordBatcher
{
    /// <summary>The end of the run of records that make one batch: up to an error entry, an offset, or so many bytes.</summary>
    public static int EndOfBatch(LibRdKafka.Message** messages, int from, int to, int bytes, long before = long.MaxValue)
    {
        long sum = 0;
        var i = from;
        for (; i < to && messages[i]->Error == LibRdKafka.NoError && messages[i]->Offset < before; i++)
        {
            sum += (long)messages[i]->Length + (long)messages[i]->KeyLength;
            if (sum > bytes && i > from) break;
        }
        return i;
    }

    /// <summary>A raw batch of the messages, which are destroyed.</summary>
    public static Batch Copy(MemoryScope scope, string topic, string name, int partition, LibRdKafka.Message** messages, int from, int to)
    {
        var count = to - from;
        var arena = scope.RentArena();
        var offsets = arena.Allocate<long>(count);
        var timestamps = arena.Allocate<long>(count);
        var values = arena.Allocate<Bytes>(count);
        var keys = arena.Allocate<Bytes>(count);
        Bytes* headers = null;
        long size = 0;
        for (var i = from; i < to; i++) size += messages[i]->Payload is null ? 0 : (long)messages[i]->Length;
        // All values in one run: a decoder reads them as one text, and a copy is one pass.
        var text = arena.Allocate<byte>(checked((int)size));
        for (var i = 0; i < count; i++)
        {
            var message = messages[from + i];
            int type;
            offsets[i] = message->Offset;
            timestamps[i] = LibRdKafka.MessageTimestamp(message, &type);
            if (message->Payload is null) values[i] = Bytes.Null;
            else
            {
                Unsafe.CopyBlockUnaligned(text, message->Payload, (uint)message->Length);
                values[i] = new Bytes(text, (int)message->Length);
                text += message->Length;
            }
            keys[i] = message->Key is null ? Bytes.Null : new Bytes(arena.Copy(new ReadOnlySpan<byte>(message->Key, (int)message->KeyLength)), (int)message->KeyLength);
            nint list;
            var error = LibRdKafka.MessageHeaders(message, &list);
            if (error == LibRdKafka.NoEntry) continue;
            if (headers is null) headers = arena.AllocateZeroed<Bytes>(count);
            headers[i] = error == LibRdKafka.NoError ? CopyHeaders(list, arena) : Unreadable(error, arena);
        }
        var next = offsets[count - 1] + 1;
        for (var i = from; i < to; i++) LibRdKafka.MessageDestroy(messages[i]);
        return Batch.OfRecords(new LogRecords(count, topic)
        {
            Partition = partition, Name = name, Offsets = offsets, Timestamps = timestamps, Keys = keys, Values = values, Headers = headers, NextOffset = next,
        }, arena, BatchRole.Raw);
    }

    // The client parses 100,000 headers at most. The record goes on, and says that it had some.
    private static Bytes Unreadable(int error, Arena arena)
    {
        var reason = System.Text.Encoding.UTF8.GetBytes(LibRdKafka.Describe(error));
        var length = RecordHeaders.SizeOf(UnreadableName.Length, reason.Length);
        var bytes = arena.AllocateBytes(length);
        RecordHeaders.Write(new Span<byte>(bytes, length), UnreadableName, reason);
        return new Bytes(bytes, length);
    }

    private static ReadOnlySpan<byte> UnreadableName => "streamengine.headers-unreadable"u8;

    private static Bytes CopyHeaders(nint list, Arena arena)
    {
        byte* name, value;
        nuint size;
        var length = 0;
        for (nuint i = 0; LibRdKafka.HeaderAt(list, i, &name, &value, &size) == LibRdKafka.NoError; i++)
            length += RecordHeaders.SizeOf(LibRdKafka.LengthOf(name), (int)size);
        var bytes = arena.AllocateBytes(length);
        var rest = new Span<byte>(bytes, length);
        for (nuint i = 0; LibRdKafka.HeaderAt(list, i, &name, &value, &size) == LibRdKafka.NoError; i++)
            rest = RecordHeaders.Write(rest, new ReadOnlySpan<byte>(name, LibRdKafka.LengthOf(name)), value is null ? default : new ReadOnlySpan<byte>(value, (int)size),
                value is null);
        return new Bytes(bytes, length);
    }
}
