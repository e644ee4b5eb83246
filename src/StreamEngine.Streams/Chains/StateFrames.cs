using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Pieces of operator state as records of the state topic. Version 1, little-endian: version (1 byte), kind (1), key group (2), epoch (8), length of the operator's id
/// (2), the id in UTF-8, the operator's payload, XxHash3 of everything before (8). Version 2 is a part of a payload that is longer than a record: the highest bit of its
/// kind says so, and the payload goes on in the next record, the last of which is of version 1.
/// </summary>
internal sealed unsafe class StateFrames(MemoryScope scope) : IStateWriter, IDisposable
{
    public const byte Version = 1;

    private const byte PartVersion = 2;
    private const byte Continued = 0x80;

    private const int Fixed = 1 + 1 + 2 + 8 + 2;
    private const int Checksum = 8;

    private readonly List<Bytes> _frames = [];
    private Arena? _arena;
    private byte[] _id = [];
    private long _epoch;

    /// <summary>The writer, set to an operator and epoch.</summary>
    public IStateWriter For(string operatorId, long epoch)
    {
        _id = Encoding.UTF8.GetBytes(operatorId);
        _epoch = epoch;
        return this;
    }

    public void Write(int keyGroup, StateKind kind, ReadOnlySpan<byte> payload)
    {
        for (; payload.Length > IStateWriter.MaxPiece; payload = payload[IStateWriter.MaxPiece..])
            Write(PartVersion, keyGroup, (byte)((byte)kind | Continued), payload[..IStateWriter.MaxPiece]);
        Write(Version, keyGroup, (byte)kind, payload);
    }

    private void Write(byte version, int keyGroup, byte kind, ReadOnlySpan<byte> payload)
    {
        _arena ??= scope.RentArena();
        var length = Fixed + _id.Length + payload.Length + Checksum;
        var frame = new Span<byte>(_arena.AllocateBytes(length), length);
        frame[0] = version;
        frame[1] = kind;
        BinaryPrimitives.WriteInt16LittleEndian(frame[2..], (short)keyGroup);
        BinaryPrimitives.WriteInt64LittleEndian(frame[4..], _epoch);
        BinaryPrimitives.WriteUInt16LittleEndian(frame[12..], (ushort)_id.Length);
        _id.CopyTo(frame[Fixed..]);
        payload.CopyTo(frame[(Fixed + _id.Length)..]);
        BinaryPrimitives.WriteUInt64LittleEndian(frame[^Checksum..], XxHash3.HashToUInt64(frame[..^Checksum]));
        fixed (byte* p = frame) _frames.Add(new Bytes(p, length));
    }

    /// <summary>What was written since the last call, as one changelog batch.</summary>
    public bool TryTake(out Batch? batch)
    {
        batch = null;
        if (_arena is null) return false;
        var values = _arena.Allocate<Bytes>(_frames.Count);
        for (var i = 0; i < _frames.Count; i++) values[i] = _frames[i];
        batch = Batch.OfRecords(new LogRecords(_frames.Count, "") { Values = values }, _arena, BatchRole.Changelog);
        _frames.Clear();
        _arena = null;
        return true;
    }

    /// <summary>Reads a record of the state topic; false with a reason when it is torn, changed, or of a newer version.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, out string operatorId, out long epoch, out StatePart part, out string error)
    {
        operatorId = "";
        epoch = 0;
        part = default;
        error = "";
        if (frame.Length < Fixed + Checksum) error = $"it has {frame.Length} bytes, fewer than a header";
        else if (BinaryPrimitives.ReadUInt64LittleEndian(frame[^Checksum..]) != XxHash3.HashToUInt64(frame[..^Checksum])) error = "its checksum does not fit";
        else if (frame[0] is not (Version or PartVersion)) error = $"it has version {frame[0]}; this engine reads versions {Version} and {PartVersion}";
        if (error.Length > 0) return false;
        var idLength = BinaryPrimitives.ReadUInt16LittleEndian(frame[12..]);
        if (Fixed + idLength + Checksum > frame.Length || (frame[1] & ~Continued) > (byte)StateKind.FullMore || (frame[1] & Continued) != 0 != (frame[0] == PartVersion))
        {
            error = "its header does not fit its length";
            return false;
        }
        operatorId = Encoding.UTF8.GetString(frame.Slice(Fixed, idLength));
        epoch = BinaryPrimitives.ReadInt64LittleEndian(frame[4..]);
        part = new StatePart(BinaryPrimitives.ReadInt16LittleEndian(frame[2..]), KindOf(frame), frame[(Fixed + idLength)..^Checksum]);
        return true;
    }

    private static StateKind KindOf(ReadOnlySpan<byte> frame) => (StateKind)(frame[1] & ~Continued);

    /// <summary>Whether the payload of a record that was read goes on in the next one.</summary>
    public static bool IsContinued(ReadOnlySpan<byte> frame) => (frame[1] & Continued) != 0;

    /// <summary>
    /// Whether a record, perhaps damaged, is a piece of a whole key group. Kind and key group have to agree, so that one bit that is wrong does not make one of a change.
    /// </summary>
    public static bool IsWhole(ReadOnlySpan<byte> frame) =>
        frame.Length >= Fixed && KindOf(frame) is StateKind.FullFirst or StateKind.FullMore && BinaryPrimitives.ReadInt16LittleEndian(frame[2..]) is >= 0
            and < KeyGroupRange.Count;

    public void Dispose()
    {
        _arena?.Release();
        _arena = null;
    }
}
