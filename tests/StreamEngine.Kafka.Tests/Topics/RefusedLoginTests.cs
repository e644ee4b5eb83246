using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Topics;

/// <summary>A broker that answers, and lets nobody in, or that nobody trusts, when something is to be changed: that is what Kafka's admin client is for.</summary>
public sealed class RefusedLoginTests
{
    private const string Secret = "s3cret";

    private static KafkaTopics Topics(string bootstrap, string password) => new(new KafkaConnection(bootstrap, new Dictionary<string, string>
    {
        ["security.protocol"] = "sasl_plaintext", ["sasl.mechanism"] = "PLAIN", ["sasl.username"] = "user", ["sasl.password"] = password,
    }), NullLogger.Instance) { Timeout = TimeSpan.FromSeconds(5) };

    [Fact]
    public async Task A_wrong_password_is_told_as_that_and_not_as_a_broker_that_is_away()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1, b => b.Login = new ScriptedLogin("PLAIN", "user", Secret));
        using var topics = Topics(cluster.Bootstrap, "wr0ng");
        var refused = await RefusedAsync(topics);
        Assert.Contains($"the brokers on {cluster.Bootstrap} refuse the login: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Authentication failed: invalid credentials", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng", refused.ToString(), StringComparison.Ordinal);
        // Somebody may be changing it: a pipeline that ran already tries again.
        Assert.True(refused.MayPass);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_certificate_of_another_authority_or_host_is_told_as_that(bool isHost)
    {
        var made = new Certificates();
        using var cluster = new ScriptedCluster();
        cluster.Start(1, b => b.ServerCertificate = isHost ? made.WrongHost : made.Server);
        using var topics = new KafkaTopics(new KafkaConnection(cluster.Bootstrap, new Dictionary<string, string>
        {
            ["security.protocol"] = "ssl", ["ssl.ca.pem"] = isHost ? made.AuthorityPem : made.OtherAuthorityPem,
        }), NullLogger.Instance) { Timeout = TimeSpan.FromSeconds(5) };
        var refused = await RefusedAsync(topics);
        Assert.StartsWith($"the brokers on {cluster.Bootstrap} cannot be talked to by TLS: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("certificate verify failed", refused.Message, StringComparison.Ordinal);
        Assert.Contains("look at security.protocol, ssl.ca.location and ssl.endpoint.identification.algorithm", refused.Message, StringComparison.Ordinal);
        // Certificates are changed as passwords are.
        Assert.True(refused.MayPass);
    }

    /// <summary>On a busy machine a handshake may not be through within the time of a question, whose answer is told truly: it is asked again.</summary>
    private static async Task<StartupException> RefusedAsync(KafkaTopics topics)
    {
        for (var attempt = 1; ; attempt++)
            if (await Assert.ThrowsAsync<StartupException>(() => CreateAsync(topics)) is var refused
                && (attempt == 3 || !refused.Message.StartsWith("no broker answers", StringComparison.Ordinal))) return refused;
    }

    private static Task CreateAsync(KafkaTopics topics) => topics.CreateAsync("new", 1, null, CancellationToken.None);

    private static Task SetAsync(KafkaTopics topics) => topics.SetAsync("old", new Dictionary<string, string> { ["retention.ms"] = "1" }, CancellationToken.None);

    [Fact]
    public async Task A_broker_that_is_away_is_told_as_that_by_every_change()
    {
        using var topics = new KafkaTopics(new KafkaConnection("127.0.0.1:1"), NullLogger.Instance) { Timeout = TimeSpan.FromSeconds(1) };
        Func<Task>[] changes =
        [
            () => CreateAsync(topics), () => SetAsync(topics), () => topics.DeleteAsync("old", CancellationToken.None),
            () => topics.DeleteGroupAsync("old", CancellationToken.None),
        ];
        var told = await Task.WhenAll(changes.Select(change => Assert.ThrowsAnyAsync<Exception>(change)));
        Assert.All(told, e =>
        {
            Assert.StartsWith("no broker answers on 127.0.0.1:1", Assert.IsType<StartupException>(e).Message, StringComparison.Ordinal);
            Assert.True(((StartupException)e).MayPass);
        });
    }
}
