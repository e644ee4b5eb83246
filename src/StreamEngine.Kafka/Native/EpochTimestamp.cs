using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StreamEngine.Kafka.Native;

/// <summary>
/// A record stamped 1970-01-01T00:00:00.000Z: the library takes a timestamp of 0 for "now" and has no other way to say it. Such a record is handed over with a mark
/// instead, and the library's own on_send interceptor, which is called before the record is queued, puts the 0 in its place. The place is found by the mark among the
/// words that follow the public part of the message; a record that kept the mark would be refused by every broker.
/// </summary>
internal static unsafe class EpochTimestamp
{
    /// <summary>Stands for the timestamp 0 until the record is queued: no time that anybody stamps.</summary>
    public const long Mark = long.MinValue + 0x5eed_0e9c;

    private const int SearchFrom = 72;
    private const int SearchTo = 160;

    /// <summary>Adds the interceptor to the configuration of a producer.</summary>
    public static void AddTo(nint conf)
    {
        var name = Marshal.StringToCoTaskMemUTF8("epoch-timestamp");
        _ = LibRdKafka.ConfInterceptorAddOnNew(conf, (byte*)name, &OnNew, 0);
        Marshal.FreeCoTaskMem(name);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnNew(nint client, nint conf, nint opaque, byte* error, nuint size)
    {
        var name = "epoch-timestamp\0"u8;
        fixed (byte* p = name) return LibRdKafka.InterceptorAddOnSend(client, p, &OnSend, 0);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnSend(nint client, LibRdKafka.Message* message, nint opaque)
    {
        int type;
        if (LibRdKafka.MessageTimestamp(message, &type) != Mark) return LibRdKafka.NoError;
        for (var at = SearchFrom; at < SearchTo; at += sizeof(long))
        {
            var place = (long*)((byte*)message + at);
            if (*place != Mark) continue;
            *place = 0;
            break;
        }
        return LibRdKafka.NoError;
    }
}
