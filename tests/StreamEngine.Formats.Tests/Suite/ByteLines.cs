namespace StreamEngine.Formats.Tests.Suite;

internal static class ByteLines
{
    /// <summary>The pieces between separators; none behind the last one.</summary>
    public static IEnumerable<byte[]> Split(this byte[] bytes, byte separator)
    {
        for (var from = 0; from < bytes.Length;)
        {
            var length = bytes.AsSpan(from).IndexOf(separator);
            if (length < 0) length = bytes.Length - from;
            yield return bytes.AsSpan(from, length).ToArray();
            from += length + 1;
        }
    }
}
