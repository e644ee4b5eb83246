using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>Real Apache Kafka with listeners for TLS and SASL, one for all of these tests; they are skipped where it is absent.</summary>
public sealed class SecuredKafka : IAsyncLifetime
{
    private Task<RealKafka>? _kafka;

    /// <summary>The broker, started for the first test that asks.</summary>
    internal Task<RealKafka> StartedAsync() => _kafka ??= RealKafka.StartAsync(secured: true);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_kafka is { IsCompletedSuccessfully: true }) await (await _kafka).DisposeAsync();
    }
}

/// <summary>Engines that come in by TLS and SCRAM, as a pipeline's file says: all of the engine's clients, the source's own among them.</summary>
public sealed class SecuredClusterTests(SecuredKafka secured, ITestOutputHelper output) : IClassFixture<SecuredKafka>
{
    private const string Variable = "STREAMENGINE_KAFKA_PASSWORD";
    private const string Wrong = "n0t-the-passw0rd";

    private static (string Name, string Password) UserOf(RealKafka kafka) => kafka.Endpoint("sasl_users").Split(',')[0].Split(':') is [var name, var password]
        ? (name, password) : throw new InvalidOperationException($"no user in {kafka.Endpoint("sasl_users")}");

    private static Dictionary<string, string> Environment(string password) => new() { [Variable] = password };

    private static string Pipeline(RealKafka kafka, string authority) => $$"""
        {{FlightPipeline.Text()}}
        kafka.settings {
          "security.protocol" = SASL_SSL, "sasl.mechanism" = SCRAM-SHA-512, "sasl.username" = {{UserOf(kafka).Name}}, "sasl.password" = ${{{Variable}}}
          "ssl.ca.location" = "{{authority}}"
        }
        """;

    [SkippableFact]
    public async Task A_pipeline_over_TLS_and_SASL_that_is_killed_commits_what_it_has_to()
    {
        var kafka = await secured.StartedAsync();
        var access = new EngineAccess(kafka.Endpoint("sasl_tls"), Environment(UserOf(kafka).Password));
        await using var scene = await FlightScene.CreateAsync(kafka, new FlightPlan(Seed: 31, Rows: 8_000, Days: 2), Pipeline(kafka, kafka.Endpoint("tls_ca")), access);
        try
        {
            var first = scene.StartEngine();
            await scene.IsReadyAsync(first);
            var sending = scene.Loader.SendAsync(4_000, TimeSpan.FromSeconds(1));
            await scene.WaitAsync(first, () => scene.Reader.Count("flights.hourly") > 20, "windows to close");
            await first.KillAsync();
            scene.Tell("killed");
            await sending;
            var second = scene.StartEngine();
            await scene.IsReadyAsync(second);
            await scene.CompleteAsync(second);
            var (code, listed) = await scene.CommandAsync("dlq", "list", "FILE");
            Assert.True(code == 0 && listed.Contains("plausible-delay", StringComparison.Ordinal), listed);
            Assert.DoesNotContain(UserOf(kafka).Password, scene.Written, StringComparison.Ordinal);
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }

    [SkippableFact]
    public async Task A_wrong_password_ends_the_start_with_that_reason_and_is_shown_nowhere()
    {
        var kafka = await secured.StartedAsync();
        var ended = await RefusedAsync(kafka, "tls_ca", Wrong);
        Assert.Contains($"the brokers on {kafka.Endpoint("sasl_tls")} refuse the login: ", ended, StringComparison.Ordinal);
        Assert.Contains("look at sasl.mechanism, sasl.username and sasl.password", ended, StringComparison.Ordinal);
        Assert.DoesNotContain(Wrong, ended, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_broker_of_an_authority_that_is_not_trusted_ends_the_start_with_that_reason()
    {
        var kafka = await secured.StartedAsync();
        var password = UserOf(kafka).Password;
        var ended = await RefusedAsync(kafka, "tls_other_ca", password);
        Assert.Contains($"the brokers on {kafka.Endpoint("sasl_tls")} cannot be talked to by TLS: ", ended, StringComparison.Ordinal);
        Assert.Contains("look at security.protocol, ssl.ca.location and ssl.endpoint.identification.algorithm", ended, StringComparison.Ordinal);
        Assert.DoesNotContain(password, ended, StringComparison.Ordinal);
    }

    /// <summary>A start that comes to nothing; all that it wrote, to the screen and into files.</summary>
    private static async Task<string> RefusedAsync(RealKafka kafka, string authority, string password)
    {
        // A broker that has just come up, on a busy machine, may not get to a handshake within the time that a start gives it: that is told truly, and tried again.
        for (var attempt = 1; ; attempt++)
            if (await TryAsync(kafka, authority, password) is var ended && (attempt == 4 || !ended.Contains("no broker answers", StringComparison.Ordinal))) return ended;
    }

    private static async Task<string> TryAsync(RealKafka kafka, string authority, string password)
    {
        using var folder = new TemporaryFolder();
        var pipeline = folder.Write("flights.conf", Pipeline(kafka, kafka.Endpoint(authority)));
        await using var engine = ChildProcess.Engine("engine", folder.Path, Environment(password), "run", pipeline, "--bootstrap", kafka.Endpoint("sasl_tls"));
        Assert.True(await engine.WaitForExitAsync() == 1, engine.Tail);
        File.Delete(pipeline);
        return string.Join('\n', [engine.Output, .. Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories).Select(File.ReadAllText)]);
    }

    [SkippableFact]
    public async Task Commands_without_a_pipeline_come_in_by_a_file_of_settings()
    {
        var kafka = await secured.StartedAsync();
        var (user, password) = UserOf(kafka);
        using var folder = new TemporaryFolder();
        var settings = folder.Write("client.properties", Settings(password));
        var rows = folder.Write("rows.ndjson", "{\"a\":1}\n{\"a\":2}\n");
        Assert.Contains("created tls.rows with 2 partitions", await DoneAsync("topic", "create", "tls.rows", "--partitions", "2"), StringComparison.Ordinal);
        Assert.Contains("tls.rows", await DoneAsync("topic", "list"), StringComparison.Ordinal);
        await DoneAsync("produce", "--topic", "tls.rows", "--file", rows);
        var read = await DoneAsync("consume", "--topic", "tls.rows", "--read-committed");
        Assert.Equal(["{\"a\":1}", "{\"a\":2}"], read.Split('\n').Where(l => l.StartsWith('{')).Order());
        Assert.Contains("deleted tls.rows", await DoneAsync("topic", "delete", "tls.rows"), StringComparison.Ordinal);

        folder.Write("client.properties", Settings(Wrong));
        var (code, refused) = await CommandAsync("topic", "list");
        Assert.Equal(1, code);
        Assert.Contains("refuse the login: ", refused, StringComparison.Ordinal);

        string Settings(string given) => $"""
            security.protocol=SASL_SSL
            sasl.mechanism=SCRAM-SHA-512
            sasl.username={user}
            sasl.password={given}
            ssl.ca.location={kafka.Endpoint("tls_ca")}
            """;

        async Task<string> DoneAsync(params string[] arguments)
        {
            var (ended, written) = await CommandAsync(arguments);
            Assert.True(ended == 0, $"{string.Join(' ', arguments)} ended with {ended}\n{written}");
            return written;
        }

        async Task<(int Code, string Output)> CommandAsync(params string[] arguments)
        {
            string[] all = [.. arguments, "--bootstrap", kafka.Endpoint("sasl_tls"), "--command-config", settings];
            await using var process = ChildProcess.Engine("command", folder.Path, all);
            var ended = await process.WaitForExitAsync();
            Assert.DoesNotContain(password, process.Output, StringComparison.Ordinal);
            Assert.DoesNotContain(Wrong, process.Output, StringComparison.Ordinal);
            return (ended, process.Output);
        }
    }
}
