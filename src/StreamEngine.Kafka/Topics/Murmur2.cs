namespace StreamEngine.Kafka.Topics;

/// <summary>
/// The hash by which Java's producer chooses a partition (Kafka's Utils.murmur2; Austin Appleby's MurmurHash2 with seed 0x9747b28c): equal keys lie where every other
/// client puts them.
/// </summary>
internal static class Murmur2
{
    public static int PartitionOf(ReadOnlySpan<byte> key, int partitions) => (Hash(key) & 0x7fffffff) % partitions;

    public static int Hash(ReadOnlySpan<byte> data)
    {
        const uint multiplier = 0x5bd1e995;
        unchecked
        {
            var h = 0x9747b28cu ^ (uint)data.Length;
            while (data.Length >= 4)
            {
                var k = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(data) * multiplier;
                k = (k ^ (k >> 24)) * multiplier;
                h = (h * multiplier) ^ k;
                data = data[4..];
            }
            if (data.Length == 3) h ^= (uint)data[2] << 16;
            if (data.Length >= 2) h ^= (uint)data[1] << 8;
            if (data.Length >= 1) h = (h ^ data[0]) * multiplier;
            h = (h ^ (h >> 13)) * multiplier;
            return (int)(h ^ (h >> 15));
        }
    }
}
