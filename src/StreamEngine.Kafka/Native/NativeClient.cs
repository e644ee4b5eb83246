using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Native;

/// <summary>A producer of the library: its configuration is checked by the library itself, its log lines go to ours, and it is destroyed once.</summary>
internal sealed unsafe class NativeClient : IDisposable
{
    private const int Producer = 0;

    private readonly GCHandle _self;
    private readonly ILogger _logger;
    private readonly string _bootstrap;
    private nint _handle;
    private int _cutOff;
    private int _saidAway;

    public NativeClient(KafkaConnection connection, IEnumerable<KeyValuePair<string, string>> settings, ILogger logger, delegate* unmanaged[Cdecl]<nint,
        LibRdKafka.Message*, nint, void> onDelivery = null, object? deliveryTarget = null)
    {
        if (LibRdKafka.Version() < LibRdKafka.OldestVersion)
            throw new InvalidOperationException($"librdkafka {LibRdKafka.Version():x8} is too old: 2.13.2 or newer is needed");
        _logger = logger;
        _bootstrap = connection.Bootstrap;
        DeliveryTarget = deliveryTarget;
        _self = GCHandle.Alloc(this);
        var conf = LibRdKafka.ConfNew();
        try
        {
            // The user's settings first: what the engine depends on wins.
            foreach (var (name, value) in connection.Settings) Set(conf, name, value);
            Set(conf, "bootstrap.servers", connection.Bootstrap);
            Set(conf, "client.id", "streamengine");
            foreach (var (name, value) in settings) Set(conf, name, value);
            LibRdKafka.ConfSetOpaque(conf, GCHandle.ToIntPtr(_self));
            LibRdKafka.ConfSetLogCallback(conf, &OnLog);
            LibRdKafka.ConfSetErrorCallback(conf, &OnError);
            if (onDelivery is not null) LibRdKafka.ConfSetDeliveryCallback(conf, onDelivery);
            EpochTimestamp.AddTo(conf);
            var text = stackalloc byte[512];
            _handle = LibRdKafka.New(Producer, conf, text, 512);
            if (_handle == 0) throw new StartupException($"the Kafka client cannot be made of its settings: {Marshal.PtrToStringUTF8((nint)text)}\n  look at kafka.settings and kafka.transaction-timeout") { MayPass = true };
            conf = 0;
        }
        finally
        {
            if (conf != 0) LibRdKafka.ConfDestroy(conf);
            if (_handle == 0) _self.Free();
        }
    }

    public nint Handle => _handle != 0 ? _handle : throw new ObjectDisposedException(nameof(NativeClient));

    /// <summary>There was a time when no broker could be reached.</summary>
    public bool WasCutOff => Volatile.Read(ref _cutOff) != 0;

    /// <summary>What delivery reports are for.</summary>
    public object? DeliveryTarget { get; }

    /// <summary>The client behind a callback's opaque.</summary>
    public static NativeClient Of(nint opaque) => (NativeClient)GCHandle.FromIntPtr(opaque).Target!;

    /// <summary>What the library has against a setting; null: nothing.</summary>
    public static string? SettingError(string name, string value)
    {
        var conf = LibRdKafka.ConfNew();
        try
        {
            return TrySet(conf, name, value);
        }
        finally
        {
            LibRdKafka.ConfDestroy(conf);
        }
    }

    private static string? TrySet(nint conf, string name, string value)
    {
        var text = stackalloc byte[512];
        return LibRdKafka.ConfSet(conf, name, value, text, 512) == 0 ? null : Marshal.PtrToStringUTF8((nint)text);
    }

    private static void Set(nint conf, string name, string value)
    {
        if (TrySet(conf, name, value) is { } error)
            throw new StartupException($"the Kafka client refuses its setting '{name}': {error}\n  mend it in kafka.settings");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void OnLog(nint client, int level, byte* facility, byte* message)
    {
        var opaque = LibRdKafka.Opaque(client);
        if (opaque == 0) return;
        var logger = Of(opaque)._logger;
        // The error callback says the same once more.
        if (level <= 4 && new ReadOnlySpan<byte>(facility, LibRdKafka.LengthOf(facility)).SequenceEqual("FAIL"u8)) level = 7;
        var severity = level <= 3 ? LogLevel.Warning : level <= 4 ? LogLevel.Information : LogLevel.Debug;
        if (logger.IsEnabled(severity)) logger.Log(severity, "{Facility}: {Message}", Text(facility), Text(message));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void OnError(nint client, int error, byte* reason, nint opaque)
    {
        var self = Of(opaque);
        // What it means for the pipeline is another matter than which of its connections broke first.
        if (error == LibRdKafka.AllBrokersDown && Interlocked.Exchange(ref self._cutOff, 1) == 0)
            self._logger.LogWarning("Kafka client: none of the brokers on {Bootstrap} can be reached: what was not committed is read again, by a new client, once one answers",
                self._bootstrap);
        // While a broker is away the library says so in many ways, again and again: the first is enough.
        var away = error is LibRdKafka.Transport or LibRdKafka.Unresolved or LibRdKafka.TimedOut;
        var level = error == LibRdKafka.AllBrokersDown || (away && Interlocked.Exchange(ref self._saidAway, 1) != 0) ? LogLevel.Debug : LogLevel.Warning;
        if (self._logger.IsEnabled(level)) self._logger.Log(level, "Kafka client: {Reason} ({Error})", Text(reason), LibRdKafka.Describe(error));
    }

    private static string Text(byte* text) => Encoding.UTF8.GetString(text, LibRdKafka.LengthOf(text));

    public void Dispose()
    {
        if (_handle == 0) return;
        LibRdKafka.Destroy(_handle);
        _handle = 0;
        _self.Free();
    }
}
