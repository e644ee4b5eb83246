namespace StreamEngine.Broker.Protocol;

/// <summary>The bytes of a request do not follow the protocol: the connection that sent them is closed, the broker goes on.</summary>
internal sealed class ProtocolException(string message) : Exception(message);
