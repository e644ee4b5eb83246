using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Formats.Tests.Suite;

internal static unsafe class Encoded
{
    /// <summary>What an encoder makes of the rows; null for null.</summary>
    public static byte[]?[] Values(Batch batch, IEncoder encoder, MemoryScope scope)
    {
        var arena = scope.RentArena();
        var values = arena.Allocate<Bytes>(Math.Max(batch.Count, 1));
        encoder.Encode(batch, arena, values);
        var copies = new byte[]?[batch.Count];
        for (var i = 0; i < batch.Count; i++) copies[i] = values[i].IsNull ? null : values[i].Span.ToArray();
        arena.Release();
        return copies;
    }

    public static string[] Texts(Batch batch, IEncoder encoder, MemoryScope scope) => Array.ConvertAll(Values(batch, encoder, scope),
        v => v is null ? null! : Encoding.UTF8.GetString(v));
}
