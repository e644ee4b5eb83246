namespace StreamEngine.Kafka.Fetching;

/// <summary>The error codes of Kafka's protocol that something is decided by; others are shown by their number.</summary>
internal enum KafkaError : short
{
    UnknownServerError = -1,
    None = 0,
    OffsetOutOfRange = 1,
    CorruptMessage = 2,
    UnknownTopicOrPartition = 3,
    LeaderNotAvailable = 5,
    NotLeaderOrFollower = 6,
    RequestTimedOut = 7,
    BrokerNotAvailable = 8,
    ReplicaNotAvailable = 9,
    NetworkException = 13,
    CoordinatorLoadInProgress = 14,
    CoordinatorNotAvailable = 15,
    NotCoordinator = 16,
    InvalidTopic = 17,
    TopicAuthorizationFailed = 29,
    GroupAuthorizationFailed = 30,
    ClusterAuthorizationFailed = 31,
    UnsupportedSaslMechanism = 33,
    IllegalSaslState = 34,
    UnsupportedVersion = 35,
    KafkaStorageError = 56,
    SaslAuthenticationFailed = 58,
    GroupIdNotFound = 69,
    ListenerNotFound = 72,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    UnsupportedCompressionType = 76,
    OffsetNotAvailable = 78,
    ThrottlingQuotaExceeded = 89,
    UnknownTopicId = 100,
    InconsistentTopicId = 103,
}

/// <summary>What an error of a fetch means for the reader.</summary>
internal static class KafkaErrors
{
    /// <summary>It passes by itself, or once the leaders or the coordinator were asked for anew.</summary>
    public static bool IsPassing(this KafkaError error) => error is KafkaError.UnknownServerError or KafkaError.UnknownTopicOrPartition or KafkaError.LeaderNotAvailable
        or KafkaError.NotLeaderOrFollower or KafkaError.RequestTimedOut or KafkaError.BrokerNotAvailable or KafkaError.ReplicaNotAvailable
        or KafkaError.NetworkException or KafkaError.CoordinatorLoadInProgress or KafkaError.CoordinatorNotAvailable or KafkaError.NotCoordinator
        or KafkaError.KafkaStorageError or KafkaError.ListenerNotFound or KafkaError.FencedLeaderEpoch or KafkaError.UnknownLeaderEpoch
        or KafkaError.OffsetNotAvailable or KafkaError.ThrottlingQuotaExceeded or KafkaError.UnknownTopicId or KafkaError.InconsistentTopicId;

    /// <summary>The name with its number, for people who look it up.</summary>
    public static string Described(this KafkaError error) => Enum.IsDefined(error) ? $"{error} ({(short)error})" : $"Kafka's error {(short)error}";
}

/// <summary>What was read of a topic cannot be gone on with; the message names broker, topic, partition and offset.</summary>
internal sealed class FetchException : Exception
{
    public FetchException(string message)
        : base(message)
    {
    }

    public FetchException(string message, Exception cause)
        : base(message, cause)
    {
    }
}

/// <summary>Bytes of a broker that are not what its protocol says.</summary>
internal sealed class MalformedException(string message) : Exception(message);
