using System.Diagnostics;
using Confluent.Kafka;

namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>Writes flights to their partitions, idempotently and in order, all at once or spread over a time.</summary>
internal sealed class FlightLoader : IDisposable
{
    private readonly IReadOnlyList<Flight> _flights;
    private readonly IProducer<byte[]?, byte[]?> _producer;
    private readonly Lock _lock = new();
    private readonly List<string> _wrong = [];
    private readonly List<Flight> _kept = [];
    private int? _quiet;
    private int _next;

    public FlightLoader(string bootstrap, IReadOnlyList<Flight> flights)
    {
        _flights = flights;
        var config = new ProducerConfig { BootstrapServers = bootstrap, EnableIdempotence = true, LingerMs = 2, MessageTimeoutMs = 120_000 };
        _producer = new ProducerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    public int Sent => _next;

    public int Total => _flights.Count;

    /// <summary>Sends the next rows, evenly over the time given.</summary>
    public async Task SendAsync(int rows, TimeSpan over)
    {
        var spent = Stopwatch.StartNew();
        var end = Math.Min(_flights.Count, _next + rows);
        for (var start = _next; _next < end;)
        {
            var due = over == TimeSpan.Zero ? end : Math.Min(end, start + (int)((end - start) * Math.Min(1, spent.Elapsed / over)) + 1);
            while (_next < due) Send(_flights[_next++]);
            if (_next < end) await Task.Delay(5);
        }
    }

    public Task SendRestAsync() => SendAsync(_flights.Count, TimeSpan.Zero);

    /// <summary>Keeps the rows of a partition back from here on, while those of the others go.</summary>
    public void Quieten(int partition) => _quiet = partition;

    /// <summary>Sends what was kept back: rows that are as far behind the others as these went on meanwhile.</summary>
    public void Wake()
    {
        _quiet = null;
        foreach (var flight in _kept) Send(flight);
        _kept.Clear();
    }

    private void Send(Flight flight)
    {
        if (flight.Partition == _quiet)
        {
            _kept.Add(flight);
            return;
        }
        var message = new Message<byte[]?, byte[]?> { Value = flight.Value, Timestamp = new Timestamp(flight.Timestamp, TimestampType.CreateTime) };
        _producer.Produce(new TopicPartition("flights", flight.Partition), message, report =>
        {
            if (report.Error.Code == ErrorCode.NoError && report.Offset.Value == flight.Offset) return;
            lock (_lock) _wrong.Add($"row {flight.Id} went to {report.TopicPartitionOffset} instead of offset {flight.Offset}: {report.Error.Reason}");
        });
    }

    /// <summary>Waits until everything is written, each row where it belongs.</summary>
    public void Finish()
    {
        var left = _producer.Flush(TimeSpan.FromSeconds(120));
        lock (_lock)
            if (left > 0 || _wrong.Count > 0)
                throw new InvalidOperationException($"the input was not written as planned: {left} undelivered, {_wrong.Count} failed, first {_wrong.FirstOrDefault()}");
    }

    public void Dispose() => _producer.Dispose();
}
