using System.Security.Cryptography.X509Certificates;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Encrypted connections and logins, and what is refused before a connection is made. No secret is in any text.</summary>
public sealed class SecureConnectionTests
{
    private const string Secret = "s3cret,=word";

    private static readonly Certificates Made = new();

    [Theory]
    [InlineData("PLAIN", "PLAIN", false)]
    [InlineData("SCRAM-SHA-256", "SCRAM-SHA-256", false)]
    [InlineData("SCRAM-SHA-512", "scram-sha-512", true)]
    [InlineData("PLAIN", "PLAIN", true)]
    public async Task A_login_is_done_before_anything_is_read(string mechanism, string given, bool tls)
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1, b => (b.Login, b.ServerCertificate) = (new ScriptedLogin(mechanism, "us=e,r", Secret), tls ? Made.Server : null));
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, settings: [("security.protocol", tls ? "SASL_SSL" : "sasl_plaintext"), ("sasl.mechanism", given),
            ("sasl.username", "us=e,r"), ("sasl.password", Secret), ("ssl.ca.pem", Made.AuthorityPem)]);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
    }

    [Theory]
    [InlineData("PLAIN", "wrong", false, "refuses the login: Authentication failed: invalid credentials")]
    [InlineData("SCRAM-SHA-256", "wrong", false, "refuses the login: Authentication failed: invalid credentials")]
    [InlineData("SCRAM-SHA-512", Secret, false, "does not take SCRAM-SHA-512 (UnsupportedSaslMechanism (33)), it takes SCRAM-SHA-256")]
    public async Task A_login_that_is_refused_is_told_and_tried_again(string mechanism, string password, bool impostor, string expected)
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1, b => b.Login = new ScriptedLogin(mechanism == "PLAIN" ? mechanism : "SCRAM-SHA-256", "user", Secret) { IsImpostor = impostor });
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, settings: [("security.protocol", "sasl_plaintext"), ("sasl.mechanisms", mechanism), ("sasl.username", "user"),
            ("sasl.password", password)]);
        await topic.ToldAsync(expected);
        // Somebody sets the password that the pipeline has.
        broker.Login = new ScriptedLogin(mechanism, "user", password);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        lock (topic.Log) Assert.DoesNotContain(topic.Log, l => l.Contains(password, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_broker_that_only_pretends_to_know_the_password_is_not_read_from()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1, b => b.Login = new ScriptedLogin("SCRAM-SHA-256", "user", Secret) { IsImpostor = true });
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, settings: [("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "SCRAM-SHA-256"),
            ("sasl.username", "user"),
            ("sasl.password", Secret)]);
        Assert.Contains("does not prove that the broker knows the password", await topic.FailureAsync(), StringComparison.Ordinal);
        Assert.Empty(cluster.Fetches);
    }

    [Fact]
    public async Task A_login_that_ends_is_renewed()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1, b => b.Login = new ScriptedLogin("PLAIN", "user", Secret) { LifetimeMs = 50 });
        await using var topic = new FetchedTopic(cluster, settings: [("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "PLAIN"), ("sasl.username", "user"),
            ("sasl.password", Secret)]);
        for (var i = 0; broker.Connections < 5; i++)
        {
            cluster.Append(0, "a");
            Assert.Equal($"{i}:a", await topic.ReadAsync(0, 1));
        }
    }

    [Fact]
    public async Task The_authority_and_the_host_of_a_certificate_are_checked()
    {
        foreach (var (server, authority, identification, accepted) in new (X509Certificate2, string, string, bool)[]
        {
            (Made.Server, Made.AuthorityPem, "https", true), (Made.Server, Made.OtherAuthorityPem, "https", false), (Made.Server, Made.OtherAuthorityPem, "none", false),
            (Made.WrongHost, Made.AuthorityPem, "https", false), (Made.WrongHost, Made.AuthorityPem, "none", true),
        })
        {
            using var cluster = new ScriptedCluster();
            cluster.Start(1, b => b.ServerCertificate = server);
            cluster.Append(0, "a");
            await using var topic = new FetchedTopic(cluster, settings: [("security.protocol", "ssl"), ("ssl.ca.pem", authority),
                ("ssl.endpoint.identification.algorithm", identification)]);
            if (accepted) Assert.Equal("0:a", await topic.ReadAsync(0, 1));
            else await topic.ToldAsync("cannot be asked for the leaders of flights: ");
            Assert.Equal(accepted, !cluster.Fetches.IsEmpty);
        }
    }

    [Fact]
    public async Task A_client_shows_its_own_certificate_from_files_and_with_an_encrypted_key()
    {
        var folder = Directory.CreateTempSubdirectory("streamengine-tls-");
        try
        {
            string File(string name, string text)
            {
                var path = Path.Combine(folder.FullName, name);
                System.IO.File.WriteAllText(path, text);
                return path;
            }
            using var cluster = new ScriptedCluster();
            cluster.Start(1, b => (b.ServerCertificate, b.ClientAuthority) = (Made.Server, Made.Authority));
            cluster.Append(0, "a");
            await using var topic = new FetchedTopic(cluster, settings: [("security.protocol", "ssl"), ("ssl.ca.location", File("ca.pem", Made.AuthorityPem)),
                ("ssl.certificate.location", File("client.pem", Made.ClientPem)), ("ssl.key.location", File("key.pem", Made.EncryptedKeyPem(Secret))),
                ("ssl.key.password", Secret)]);
            Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("security.protocol", "nonsense", "'security.protocol' is 'nonsense', it may be plaintext, ssl, sasl_plaintext, sasl_ssl")]
    [InlineData("security.protocol", "sasl_ssl", "'sasl.mechanism' is missing: PLAIN, SCRAM-SHA-256")]
    [InlineData("sasl.mechanism", "GSSAPI", "'sasl.mechanism' is 'GSSAPI', it may be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512")]
    [InlineData("sasl.mechanism", "PLAIN", "'sasl.username' is missing: PLAIN needs it")]
    [InlineData("ssl.cipher.suites", "ALL", "'ssl.cipher.suites' cannot be honoured")]
    [InlineData("ssl.ca.pem", "s3cret", "'ssl.ca.pem' cannot be used: it is not in PEM form")]
    [InlineData("ssl.ca.location", "/nowhere/at/all", "'ssl.ca.location' cannot be used: ")]
    [InlineData("ssl.key.pem", "s3cret", "'ssl.key.pem' needs its counterpart")]
    [InlineData("fetch.wait.max.ms", "-1", "'fetch.wait.max.ms' is '-1', it may be a number from 0 to 300000")]
    [InlineData("broker.address.family", "v5", "'broker.address.family' is 'v5', it may be any, v4, v6")]
    public void What_cannot_be_done_is_refused_by_name(string setting, string value, string expected)
    {
        var settings = new Dictionary<string, string> { ["security.protocol"] = setting.StartsWith("sasl", StringComparison.Ordinal) ? "sasl_plaintext" : "ssl" };
        settings[setting] = value;
        var refused = Assert.Throws<StartupException>(() => FetchSettings.Of(new KafkaConnection("h:1", settings)));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", refused.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("h", "h:9092")]
    [InlineData("h:1, PLAINTEXT://i:2", "h:1,i:2")]
    [InlineData("[::1]:7,[::2],::3", "[::1]:7,[::2]:9092,[::3]:9092")]
    public void Addresses_are_read_in_every_form(string given, string expected) => Assert.Equal(expected, string.Join(',', BrokerAddress.Parse(given)));

    [Theory]
    [InlineData("h:")]
    [InlineData("h:0")]
    [InlineData("h:70000")]
    [InlineData(":1")]
    [InlineData(",")]
    public void What_is_no_address_is_named(string given) => Assert.Throws<StartupException>(() => BrokerAddress.Parse(given));
}
