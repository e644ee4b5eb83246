using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Who logs in, and by which mechanism. It has no text of its own: a password is in no message.</summary>
internal sealed class SaslSettings(string mechanism, string user, string password)
{
    public string Mechanism { get; } = mechanism;

    public string User { get; } = user;

    public string Password { get; } = password;

    public static SaslSettings Of(FetchSettings.Given given)
    {
        var name = given.Text("sasl.mechanism") is null ? "sasl.mechanisms" : "sasl.mechanism";
        if (given.Text(name) is null)
            throw new StartupException("the Kafka client setting 'sasl.mechanism' is missing: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are what the source can do");
        var mechanism = given.OneOf(name, "", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512");
        return new SaslSettings(mechanism, Needed(given, "sasl.username", mechanism), Needed(given, "sasl.password", mechanism));
    }

    private static string Needed(FetchSettings.Given given, string name, string mechanism) =>
        given.Text(name) ?? throw new StartupException($"the Kafka client setting '{name}' is missing: {mechanism} needs it");
}
