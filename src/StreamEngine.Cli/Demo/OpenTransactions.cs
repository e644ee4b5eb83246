using System.Buffers.Binary;
using System.Net.Sockets;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Cli.Demo;

/// <summary>A transaction that a broker holds open.</summary>
internal sealed record OpenTransaction(string TransactionalId, long ProducerId, int Epoch, DateTimeOffset Started,
    IReadOnlyList<(string Topic, int Partition)> Partitions);

/// <summary>Asks a broker for its open transactions: ListTransactions and DescribeTransactions (KIP-664), which Confluent's client does not offer.</summary>
internal static class OpenTransactions
{
    /// <summary>The open transaction of a transactional id, or null.</summary>
    public static async Task<OpenTransaction?> FindAsync(string host, int port, string transactionalId, CancellationToken cancellation)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(host, port, cancellation);
        var stream = client.GetStream();
        var list = await AskAsync(stream, ApiKey.ListTransactions, w =>
        {
            w.Count(1);
            w.String("Ongoing");
            w.Count(0);
        }, cancellation);
        if (!ReadList(list).Contains(transactionalId)) return null;
        return ReadDescription(await AskAsync(stream, ApiKey.DescribeTransactions, w =>
        {
            w.Count(1);
            w.String(transactionalId);
        }, cancellation));
    }

    private static async Task<ReadOnlyMemory<byte>> AskAsync(NetworkStream stream, ApiKey api, Action<ProtocolWriter> body, CancellationToken cancellation)
    {
        var writer = new ProtocolWriter();
        writer.Int32(0);
        writer.Int16((short)api);
        writer.Int16(0);
        writer.Int32(1);
        writer.NullableString("streamengine-demo");
        writer.Flexible = true;
        writer.Tags();
        body(writer);
        writer.Tags();
        BinaryPrimitives.WriteInt32BigEndian(writer.Writable, writer.Length - 4);
        await stream.WriteAsync(writer.Written.ToArray(), cancellation);
        writer.Abandon();
        var length = new byte[4];
        await stream.ReadExactlyAsync(length, cancellation);
        var answer = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        await stream.ReadExactlyAsync(answer, cancellation);
        return answer;
    }

    private static ProtocolReader Open(ReadOnlyMemory<byte> answer)
    {
        var reader = new ProtocolReader(answer) { Flexible = true };
        reader.Int32();
        reader.Tags();
        reader.Int32();
        return reader;
    }

    private static List<string> ReadList(ReadOnlyMemory<byte> answer)
    {
        var reader = Open(answer);
        reader.Int16();
        reader.StringArray();
        return reader.Array(static (ref ProtocolReader r) =>
        {
            var id = r.String();
            r.Int64();
            r.String();
            r.Tags();
            return id;
        });
    }

    private static OpenTransaction? ReadDescription(ReadOnlyMemory<byte> answer)
    {
        var reader = Open(answer);
        return reader.Array(static (ref ProtocolReader r) =>
        {
            r.Int16();
            var (id, state) = (r.String(), r.String());
            r.Int32();
            var (started, producer, epoch) = (r.Int64(), r.Int64(), r.Int16());
            var partitions = r.Array(static (ref ProtocolReader t) =>
            {
                var (topic, indexes) = (t.String(), t.Int32Array());
                t.Tags();
                return indexes.Select(i => (topic, i));
            }).SelectMany(p => p).ToList();
            r.Tags();
            return state == "Ongoing" ? new OpenTransaction(id, producer, epoch, DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, started)), partitions) : null;
        }).FirstOrDefault();
    }
}
