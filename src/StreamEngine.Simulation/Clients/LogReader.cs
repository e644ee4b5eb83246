using StreamEngine.Broker.Protocol;
using StreamEngine.Core;
using StreamEngine.Simulation.Network;

namespace StreamEngine.Simulation.Clients;

/// <summary>Reads a partition from an offset to its last stable one, committed records only: for recovery, before a graph runs.</summary>
internal sealed class LogReader(SimulatedNetwork network, string client, ClientPatience patience, TimeProvider time)
{
    private const int FetchBytes = 1 << 20;

    private readonly SimulatedNetwork.SimulatedConnection _leader = network.Connect(client);

    /// <summary>The first offset, and the last one for committed readers.</summary>
    public async Task<(long Low, long High)> BoundsAsync(string topic, int partition, CancellationToken cancellation)
    {
        var low = await CallAsync(Messages.ListOffset(topic, partition, Messages.Earliest, true), cancellation);
        return (low, await CallAsync(Messages.ListOffset(topic, partition, Messages.Latest, true), cancellation));
    }

    /// <summary>The high watermark.</summary>
    public Task<long> EndAsync(string topic, int partition, CancellationToken cancellation) =>
        CallAsync(Messages.ListOffset(topic, partition, Messages.Latest, false), cancellation);

    public async Task ReadAsync(string topic, int partition, long from, StateRecordHandler handler, CancellationToken cancellation)
    {
        var begin = time.GetTimestamp();
        for (var position = from; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            if (time.GetElapsedTime(begin) > patience.Call) throw new SimulatedClientException(null, $"{topic}-{partition} cannot be read from offset {from}");
            var reply = await _leader.AskAsync(Messages.Fetch(topic, partition, position, 50, FetchBytes), patience.Read);
            if (!reply.IsAnswered)
            {
                await Task.Delay(patience.Backoff, time, cancellation);
                continue;
            }
            var answer = reply.Value;
            if (answer.Error != ErrorCode.None) throw new SimulatedClientException(answer.Error, $"{topic}-{partition} cannot be read from offset {position}");
            var read = RecordBatches.Read(answer.Batches, position, answer.Aborted);
            foreach (var record in read.Records) handler(record.Offset, record.Value ?? []);
            if (read.NextOffset > position) begin = time.GetTimestamp();
            position = read.NextOffset;
            if (position >= answer.StableOffset) return;
        }
    }

    private async Task<long> CallAsync(Message<(ErrorCode Error, long Offset)> message, CancellationToken cancellation)
    {
        var begin = time.GetTimestamp();
        while (time.GetElapsedTime(begin) < patience.Call)
        {
            cancellation.ThrowIfCancellationRequested();
            var reply = await _leader.AskAsync(message, patience.Read);
            if (reply.IsAnswered) return reply.Value.Error == ErrorCode.None ? reply.Value.Offset
                : throw new SimulatedClientException(reply.Value.Error, "the offsets of a partition cannot be asked");
            await Task.Delay(patience.Backoff, time, cancellation);
        }
        throw new SimulatedClientException(null, "the offsets of a partition cannot be asked");
    }
}
