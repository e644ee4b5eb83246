using System.Buffers.Binary;
using System.IO.Compression;
using K4os.Compression.LZ4.Streams;
using Snappier;
using StreamEngine.Core;
using ZstdSharp;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Decompresses the records of one batch after the other into a buffer of its own, which grows with what comes out and not with what is claimed.</summary>
internal sealed unsafe class RecordDecompressor(MemoryScope scope, int most) : IDisposable
{
    /// <summary>A batch that unpacks to more is taken for a bomb.</summary>
    public const int Most = 128 << 20;

    private const int FirstBuffer = 64 << 10;
    private const int SnappyFrameHead = 16;

    private Decompressor? _zstd;
    private NativeBlock? _block;

    private static ReadOnlySpan<byte> XerialMagic => [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0];

    /// <summary>The records; valid until the next call.</summary>
    /// <exception cref="MalformedException">They do not decompress, or to too much.</exception>
    public (nint Start, int Length) Decompress(int codec, byte* data, int length)
    {
        try
        {
            var size = codec switch
            {
                1 => Drain(new GZipStream(Stream(data, length), CompressionMode.Decompress)),
                2 => Unsnap(new ReadOnlySpan<byte>(data, length)),
                3 => Drain(LZ4Stream.Decode(Stream(data, length))),
                4 => Drain(new DecompressionStream(Stream(data, length), _zstd ??= new Decompressor(), checkEndOfStream: true)),
                _ => throw new MalformedException($"the unknown compression {codec}"),
            };
            return ((nint)Buffer(0).Pointer, size);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ZstdException or ArgumentException or NotSupportedException or InvalidOperationException
            or NotImplementedException or OverflowException or IndexOutOfRangeException)
        {
            throw new MalformedException($"records that do not decompress ({Name(codec)}: {e.Message})");
        }
    }

    private static string Name(int codec) => codec switch { 1 => "gzip", 2 => "snappy", 3 => "lz4", _ => "zstd" };

    private MalformedException TooMuch() => new($"a batch that unpacks to more than {most} bytes");

    private static UnmanagedMemoryStream Stream(byte* data, int length) => new(data, length);

    private NativeBlock Buffer(int size)
    {
        if (_block is not null && _block.Capacity >= size) return _block;
        if (size > most) throw TooMuch();
        var larger = scope.Rent(Math.Max(size, FirstBuffer));
        _block?.GetSpan().CopyTo(larger.GetSpan());
        _block?.Release();
        return _block = larger;
    }

    private int Drain(Stream stream)
    {
        using var _ = stream;
        var filled = 0;
        while (true)
        {
            if (filled == most)
            {
                if (stream.ReadByte() < 0) return filled;
                throw TooMuch();
            }
            var buffer = Buffer(_block is null || filled < _block.Capacity ? 1 : (int)Math.Min(2L * filled, most));
            var read = stream.Read(buffer.GetSpan()[filled..Math.Min(buffer.Capacity, most)]);
            if (read == 0) return filled;
            filled += read;
        }
    }

    /// <summary>Snappy comes as one raw block (librdkafka) or in the frame of snappy-java: magic, two versions, then blocks with their length in front.</summary>
    private int Unsnap(ReadOnlySpan<byte> data)
    {
        if (!data.StartsWith(XerialMagic)) return UnsnapBlock(data, 0);
        if (data.Length < SnappyFrameHead) throw new MalformedException("a snappy frame that ends within its head");
        var filled = 0;
        for (data = data[SnappyFrameHead..]; !data.IsEmpty;)
        {
            if (data.Length < 4) throw new MalformedException("a snappy frame that ends within a length");
            var size = BinaryPrimitives.ReadInt32BigEndian(data);
            if (size < 0 || size > data.Length - 4) throw new MalformedException($"a snappy block of {size} bytes where {data.Length - 4} are left");
            filled = UnsnapBlock(data.Slice(4, size), filled);
            data = data[(4 + size)..];
        }
        return filled;
    }

    private int UnsnapBlock(ReadOnlySpan<byte> block, int filled)
    {
        var size = Snappy.GetUncompressedLength(block);
        if (size < 0 || size > most - filled) throw TooMuch();
        return filled + Snappy.Decompress(block, Buffer(filled + size).GetSpan()[filled..]);
    }

    public void Dispose()
    {
        _block?.Release();
        _block = null;
        _zstd?.Dispose();
        _zstd = null;
    }
}
