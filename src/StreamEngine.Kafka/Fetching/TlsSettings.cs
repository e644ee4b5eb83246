using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Whom to trust and how to show who one is.</summary>
/// <param name="Authorities">The only authorities that are trusted; null: those of the system.</param>
/// <param name="Client">The client's certificate with its key; null for none.</param>
/// <param name="ChecksHost">The broker's certificate has to name the host that was connected to.</param>
internal sealed record TlsSettings(X509Certificate2Collection? Authorities, SslStreamCertificateContext? Client, bool ChecksHost)
{
    public static TlsSettings Of(FetchSettings.Given given) =>
        new(ReadAuthorities(given), ReadClient(given), given.OneOf("ssl.endpoint.identification.algorithm", "https", "https", "none") == "https");

    private static X509Certificate2Collection? ReadAuthorities(FetchSettings.Given given)
    {
        if (given.Text("ssl.ca.pem") is { } pem) return Guarded("ssl.ca.pem", () => OfPem(pem));
        if (given.Text("ssl.ca.location") is not { } place || place.Equals("probe", StringComparison.OrdinalIgnoreCase)) return null;
        return Guarded("ssl.ca.location", () =>
        {
            var files = Directory.Exists(place) ? Directory.GetFiles(place) : [place];
            var all = new X509Certificate2Collection();
            foreach (var file in files) all.ImportFromPem(File.ReadAllText(file));
            return all.Count > 0 ? all : throw new CryptographicException($"{place} holds no certificate in PEM form");
        });
    }

    private static X509Certificate2Collection OfPem(string pem)
    {
        var all = new X509Certificate2Collection();
        all.ImportFromPem(pem);
        return all.Count > 0 ? all : throw new CryptographicException("it holds no certificate in PEM form");
    }

    private static SslStreamCertificateContext? ReadClient(FetchSettings.Given given)
    {
        var (certificate, certificateName) = PemOf(given, "ssl.certificate");
        var (key, keyName) = PemOf(given, "ssl.key");
        if (certificate is null && key is null) return null;
        if (certificate is null || key is null) throw new StartupException($"the Kafka client setting '{certificateName ?? keyName}' needs its counterpart: a certificate and a key belong together");
        var password = given.Text("ssl.key.password");
        return Guarded(keyName!, () =>
        {
            var chain = OfPem(certificate);
            using var own = password is null ? X509Certificate2.CreateFromPem(certificate, key) : X509Certificate2.CreateFromEncryptedPem(certificate, key, password);
            // A key that lives in memory only is not taken by every system's TLS: through PKCS #12 it is.
            var whole = X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pkcs12), null);
            return SslStreamCertificateContext.Create(whole, chain, offline: true);
        });
    }

    private static (string? Pem, string? Name) PemOf(FetchSettings.Given given, string stem)
    {
        if (given.Text(stem + ".pem") is { } pem) return (pem, stem + ".pem");
        if (given.Text(stem + ".location") is not { } file) return (null, null);
        return (Guarded(stem + ".location", () => File.ReadAllText(file)), stem + ".location");
    }

    // The cause is left out of the message where it could quote what was read.
    private static T Guarded<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            var reason = e is IOException or UnauthorizedAccessException ? e.Message : "it is not in PEM form, or the password is not the key's";
            // It may be exchanged at this moment.
            throw new StartupException($"the Kafka client setting '{name}' cannot be used: {reason}") { MayPass = true };
        }
    }

    /// <summary>Encrypts a connection and checks whose it is.</summary>
    /// <exception cref="AuthenticationException">The broker's certificate is not accepted, or the broker does not speak TLS.</exception>
    public SslStream Wrap(Stream stream, string host)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ClientCertificateContext = Client,
            CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck },
            RemoteCertificateValidationCallback = (_, _, _, errors) =>
                (ChecksHost ? errors : errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None,
        };
        if (Authorities is not null)
        {
            options.CertificateChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            options.CertificateChainPolicy.CustomTrustStore.AddRange(Authorities);
        }
        var tls = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            tls.AuthenticateAsClient(options);
            return tls;
        }
        catch
        {
            tls.Dispose();
            throw;
        }
    }
}
