using StreamEngine.Broker;
using StreamEngine.Broker.Protocol;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Simulation.Network;

/// <summary>
/// The embedded broker's core in the world: it is handed requests one at a time with the virtual time, and can crash in the middle of one. Then its memory is gone, what
/// was on its way back is not sent, and a new core starts on the same storage.
/// </summary>
internal sealed class SimulatedBroker
{
    private readonly SimulatedWorld _world;
    private readonly SimulatedStorage _storage = new();
    private readonly BrokerOptions _options;
    private readonly Random _random;
    private readonly Dictionary<BrokerExchange, Action<byte[]?>> _pending = [];
    private BrokerCore? _core;
    private long _wake = long.MaxValue;
    private int _lives;
    private readonly Queue<(BrokerCrash Kind, TimeSpan Down)> _crashes = new();

    public SimulatedBroker(SimulatedWorld world, FsyncPolicy fsync, ulong seed)
    {
        _world = world;
        _random = new Random(unchecked((int)seed));
        _options = new BrokerOptions { Seed = seed, Fsync = fsync };
        Start();
    }

    private long Now => _world.Clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The core; null while the broker is down.</summary>
    public BrokerCore? Core => _core;

    /// <summary>Requests that were handled, of all lives.</summary>
    public long Requests { get; private set; }

    public int Crashes { get; private set; }

    /// <summary>What a new core said of what it found.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>
    /// The next request of a client is cut short by a crash; the broker is back after a while. Of several crashes each has a request of its own, in the order given.
    /// </summary>
    public void CrashOnNext(BrokerCrash kind, TimeSpan down) => _crashes.Enqueue((kind, down));

    /// <summary>Told of each client's request before it is handled (true) and after it (false).</summary>
    public Action<ApiKey, bool>? Handling { get; init; }

    /// <summary>Handles a client's request, whose answer comes in this call or a later one; null when the broker dies over it. False when it is down.</summary>
    public bool TryHandle(byte[] request, Action<byte[]?> answer)
    {
        if (_core is null) return false;
        var key = (ApiKey)System.Buffers.Binary.BinaryPrimitives.ReadInt16BigEndian(request);
        Handling?.Invoke(key, true);
        Handle(key, request, answer, mayCrash: true);
        Handling?.Invoke(key, false);
        return true;
    }

    private void Handle(ApiKey key, byte[] request, Action<byte[]?> answer, bool mayCrash)
    {
        var life = _lives;
        var exchange = new BrokerExchange((byte[])request.Clone());
        exchange.Completed = done =>
        {
            _pending.Remove(done);
            if (life == _lives) answer(done.Response?.ToArray());
        };
        Requests++;
        _world.Note(((ulong)key << 32) | (uint)request.Length);
        _storage.BeginRequest();
        if (mayCrash && _crashes.TryDequeue(out var crash))
        {
            CrashOver(exchange, crash.Kind, crash.Down, answer);
            return;
        }
        _pending[exchange] = answer;
        _core!.Handle(exchange, Now);
        Plan();
    }

    /// <summary>A request of the world itself, which no network lies before and no crash hits; false while the broker is down.</summary>
    public bool TryAsk<T>(Message<T> message, out T answer)
    {
        var result = default(T)!;
        if (_core is not null) Handle(message.Key, message.Bytes, bytes => result = message.Parse(bytes!), mayCrash: false);
        answer = result;
        return _core is not null;
    }

    private void CrashOver(BrokerExchange exchange, BrokerCrash kind, TimeSpan down, Action<byte[]?> answer)
    {
        Crashes++;
        var waiting = _pending.Values.ToList();
        _lives++;
        _core!.Handle(exchange, Now);
        _storage.Crash(kind, _random);
        _core = null;
        _wake = long.MaxValue;
        _pending.Clear();
        answer(null);
        // Those who wait for an answer see their connection end.
        foreach (var lost in waiting) lost(null);
        _world.After(down, Start);
    }

    private void Start()
    {
        _storage.BeginRequest();
        _core = new BrokerCore(_options, _storage, Now, Notes.Add);
        Plan();
    }

    /// <summary>The core has no clock: it is woken when something in it is due.</summary>
    private void Plan()
    {
        var due = _core!.NextDeadline;
        if (due >= _wake) return;
        _wake = due;
        var life = _lives;
        // No further ahead than a day: deadlines without end stay where they are.
        var delay = Math.Min(Math.Max(due, Now) - Now, 86_400_000);
        _world.After(TimeSpan.FromMilliseconds(delay), () =>
        {
            if (life != _lives || _core is null) return;
            _wake = long.MaxValue;
            _storage.BeginRequest();
            _core.Advance(Now);
            Plan();
        });
    }
}
