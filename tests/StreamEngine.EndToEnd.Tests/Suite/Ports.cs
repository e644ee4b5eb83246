using System.Net;
using System.Net.Sockets;

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>Ports for who has to be told one before it listens, or has to come back to its own.</summary>
internal static class Ports
{
    /// <summary>A free one below those that the system gives to whoever asks for any: with many processes at once these would be somebody else's soon.</summary>
    public static int Free()
    {
        while (true)
        {
            var port = Random.Shared.Next(10_000, 20_000);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Another one, then.
            }
        }
    }
}
