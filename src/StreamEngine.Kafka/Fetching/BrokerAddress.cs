using System.Globalization;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Where a broker listens.</summary>
// No struct: each collection of those is code that is compiled at every start.
internal sealed record BrokerAddress(string Host, int Port)
{
    private const int DefaultPort = 9092;

    /// <summary>The addresses of HOST:PORT, HOST, [IPV6]:PORT, separated by commas; a listener's name in front (PLAINTEXT://) is allowed.</summary>
    /// <exception cref="StartupException">Something else; the message names it.</exception>
    public static IReadOnlyList<BrokerAddress> Parse(string list)
    {
        var addresses = new List<BrokerAddress>();
        foreach (var part in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var scheme = part.IndexOf("://", StringComparison.Ordinal);
            var text = scheme < 0 ? part : part[(scheme + 3)..];
            var colon = text.LastIndexOf(':');
            // An address of IPv6 has colons itself; with a port it stands in brackets.
            var hasPort = colon >= 0 && (text.IndexOf(':') == colon || text[colon - 1] == ']');
            var host = (hasPort ? text[..colon] : text).TrimStart('[').TrimEnd(']');
            var port = DefaultPort;
            if (host.Length == 0 || (hasPort && (!int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is 0 or > 65535)))
                throw new StartupException($"'{part}' is no address of a broker: HOST:PORT is");
            addresses.Add(new BrokerAddress(host, port));
        }
        return addresses.Count > 0 ? addresses : throw new StartupException($"'{list}' names no broker: HOST:PORT is needed");
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
