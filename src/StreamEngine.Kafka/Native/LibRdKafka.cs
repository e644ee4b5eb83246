using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StreamEngine.Kafka.Native;

/// <summary>
/// The part of librdkafka's C interface that the data path uses (rdkafka.h of 2.16). Calls that may block or call back carry no SuppressGCTransition.
/// </summary>
internal static unsafe partial class LibRdKafka
{
    private const string Library = "librdkafka";

    public const int NoError = 0;
    public const int QueueFull = -184;
    public const int TimedOut = -185;
    public const int Fenced = -144;
    public const int AllBrokersDown = -187;
    public const int Unresolved = -193;
    public const int Transport = -195;
    public const int InvalidProducerEpoch = 47;
    public const int ProducerFenced = 90;

    public const int FlagCopy = 2;

    /// <summary>The engine was run with none before it.</summary>
    public const int OldestVersion = 0x020d02ff;

    static LibRdKafka() => NativeLibrary.SetDllImportResolver(typeof(LibRdKafka).Assembly, Resolve);

    // The package carries builds for several C libraries; the plain name is the one for current glibc systems.
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library) return 0;
        foreach (var candidate in new[] { Library, "centos8-librdkafka", "alpine-librdkafka" })
            if (NativeLibrary.TryLoad(candidate, assembly, path, out var handle)) return handle;
        return 0;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public int Error;
        public nint Topic;
        public int Partition;
        public byte* Payload;
        public nuint Length;
        public byte* Key;
        public nuint KeyLength;
        public long Offset;
        private readonly nint _private;
    }

    /// <summary>rd_kafka_vu_t: a tag and a union of 64 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 72)]
    public struct Argument
    {
        [FieldOffset(0)]
        public int Tag;

        [FieldOffset(8)]
        public nint Pointer;

        [FieldOffset(8)]
        public int Int;

        [FieldOffset(8)]
        public long Long;

        [FieldOffset(16)]
        public nuint Size;

        [FieldOffset(16)]
        public nint Value;

        [FieldOffset(24)]
        public nint ValueSize;
    }

    public const int TagTopic = 2;
    public const int TagPartition = 3;
    public const int TagValue = 4;
    public const int TagKey = 5;
    public const int TagOpaque = 6;
    public const int TagFlags = 7;
    public const int TagTimestamp = 8;
    public const int TagHeader = 9;

    [LibraryImport(Library, EntryPoint = "rd_kafka_version")]
    public static partial int Version();

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_new")]
    public static partial nint ConfNew();

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_destroy")]
    public static partial void ConfDestroy(nint conf);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_set", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ConfSet(nint conf, string name, string value, byte* error, nuint size);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_set_opaque")]
    public static partial void ConfSetOpaque(nint conf, nint opaque);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_set_dr_msg_cb")]
    public static partial void ConfSetDeliveryCallback(nint conf, delegate* unmanaged[Cdecl]<nint, Message*, nint, void> callback);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_interceptor_add_on_new")]
    public static partial int ConfInterceptorAddOnNew(nint conf, byte* name, delegate* unmanaged[Cdecl]<nint, nint, nint, byte*, nuint, int> onNew, nint opaque);

    [LibraryImport(Library, EntryPoint = "rd_kafka_interceptor_add_on_send")]
    public static partial int InterceptorAddOnSend(nint client, byte* name, delegate* unmanaged[Cdecl]<nint, Message*, nint, int> onSend, nint opaque);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_set_error_cb")]
    public static partial void ConfSetErrorCallback(nint conf, delegate* unmanaged[Cdecl]<nint, int, byte*, nint, void> callback);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_set_log_cb")]
    public static partial void ConfSetLogCallback(nint conf, delegate* unmanaged[Cdecl]<nint, int, byte*, byte*, void> callback);

    [LibraryImport(Library, EntryPoint = "rd_kafka_new")]
    public static partial nint New(int type, nint conf, byte* error, nuint size);

    [LibraryImport(Library, EntryPoint = "rd_kafka_destroy")]
    public static partial void Destroy(nint client);

    [LibraryImport(Library, EntryPoint = "rd_kafka_opaque")]
    public static partial nint Opaque(nint client);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_new", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint TopicNew(nint client, string topic, nint conf);

    /// <summary>A handle of a topic, with the client's settings.</summary>
    /// <exception cref="KafkaClientException">The client refuses the name or a setting: used all the same, the null it answers with ends the process.</exception>
    public static nint OpenTopic(nint client, string topic) =>
        TopicNew(client, topic, 0) is not 0 and var handle ? handle : throw new KafkaClientException(LastError(), $"the client refuses topic '{topic}'");

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_destroy")]
    public static partial void TopicDestroy(nint topic);

    [LibraryImport(Library, EntryPoint = "rd_kafka_message_timestamp")]
    [SuppressGCTransition]
    public static partial long MessageTimestamp(Message* message, int* type);

    [LibraryImport(Library, EntryPoint = "rd_kafka_last_error")]
    public static partial int LastError();

    [LibraryImport(Library, EntryPoint = "rd_kafka_err2str")]
    private static partial byte* ErrorText(int error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_err2name")]
    private static partial byte* ErrorName(int error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_poll")]
    public static partial int Poll(nint client, int timeout);

    [LibraryImport(Library, EntryPoint = "rd_kafka_flush")]
    public static partial int Flush(nint client, int timeout);

    [LibraryImport(Library, EntryPoint = "rd_kafka_purge")]
    public static partial int Purge(nint client, int flags);

    [LibraryImport(Library, EntryPoint = "rd_kafka_produceva")]
    public static partial nint Produce(nint client, Argument* arguments, nuint count);

    [LibraryImport(Library, EntryPoint = "rd_kafka_init_transactions")]
    public static partial nint InitTransactions(nint client, int timeout);

    [LibraryImport(Library, EntryPoint = "rd_kafka_begin_transaction")]
    public static partial nint BeginTransaction(nint client);

    [LibraryImport(Library, EntryPoint = "rd_kafka_send_offsets_to_transaction")]
    public static partial nint SendOffsets(nint client, nint offsets, nint group, int timeout);

    [LibraryImport(Library, EntryPoint = "rd_kafka_commit_transaction")]
    public static partial nint CommitTransaction(nint client, int timeout);

    [LibraryImport(Library, EntryPoint = "rd_kafka_abort_transaction")]
    public static partial nint AbortTransaction(nint client, int timeout);

    [LibraryImport(Library, EntryPoint = "rd_kafka_error_code")]
    public static partial int ErrorCode(nint error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_error_string")]
    public static partial byte* ErrorString(nint error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_error_destroy")]
    public static partial void ErrorDestroy(nint error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_fatal_error")]
    public static partial int FatalError(nint client, byte* text, nuint size);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_partition_list_new")]
    public static partial nint PartitionListNew(int size);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_partition_list_add", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint PartitionListAdd(nint list, string topic, int partition);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_partition_list_set_offset", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int PartitionListSetOffset(nint list, string topic, int partition, long offset);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_partition_list_destroy")]
    public static partial void PartitionListDestroy(nint list);

    [LibraryImport(Library, EntryPoint = "rd_kafka_consumer_group_metadata_new", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint GroupMetadataNew(string group);

    [LibraryImport(Library, EntryPoint = "rd_kafka_consumer_group_metadata_destroy")]
    public static partial void GroupMetadataDestroy(nint metadata);

    /// <summary>An error as people read it, for example "Local: Timed out (_TIMED_OUT)".</summary>
    public static string Describe(int error) => $"{Marshal.PtrToStringUTF8((nint)ErrorText(error))} ({Marshal.PtrToStringUTF8((nint)ErrorName(error))})";

    /// <summary>Throws what an error object says, and destroys it; returns on null.</summary>
    public static void Check(nint error, string what)
    {
        if (error == 0) return;
        var code = ErrorCode(error);
        var text = Marshal.PtrToStringUTF8((nint)ErrorString(error)) ?? "";
        ErrorDestroy(error);
        throw new KafkaClientException(code, $"{what}: {text}");
    }

    public static int LengthOf(byte* text)
    {
        var n = 0;
        while (text[n] != 0) n++;
        return n;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint ErrorOf(nint error)
    {
        var code = ErrorCode(error);
        ErrorDestroy(error);
        return code;
    }
}

/// <summary>What a client was to do for a worker has failed: a new incarnation may come through.</summary>
internal sealed class KafkaClientException : Exception
{
    /// <summary>A call of the library.</summary>
    public KafkaClientException(int code, string message)
        : base($"{message} [{LibRdKafka.Describe(code)}]") => Code = code;

    /// <summary>What is read back by the client that fetches; the message has the reason.</summary>
    public KafkaClientException(string message, Exception cause)
        : base(message, cause)
    {
    }

    /// <summary>The library's code; 0 for none.</summary>
    public int Code { get; }
}
