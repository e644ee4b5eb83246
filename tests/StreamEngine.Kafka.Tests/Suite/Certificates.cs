using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace StreamEngine.Kafka.Suite;

/// <summary>Certificates of a test: two authorities, a server's for this host and for another, a client's.</summary>
internal sealed class Certificates
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly DateTimeOffset To = From.AddDays(100);

    private readonly ECDsa _clientKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public Certificates()
    {
        Authority = SelfSigned("CN=authority");
        AuthorityPem = Authority.ExportCertificatePem();
        OtherAuthorityPem = SelfSigned("CN=other").ExportCertificatePem();
        Server = Signed("CN=broker", ECDsa.Create(ECCurve.NamedCurves.nistP256), names => names.AddIpAddress(IPAddress.Loopback), 1);
        WrongHost = Signed("CN=wrong", ECDsa.Create(ECCurve.NamedCurves.nistP256), names => names.AddDnsName("wrong.example"), 2);
        ClientPem = Signed("CN=client", _clientKey, names => names.AddDnsName("client"), 3).ExportCertificatePem();
    }

    public X509Certificate2 Authority { get; }

    public string AuthorityPem { get; }

    public string OtherAuthorityPem { get; }

    public X509Certificate2 Server { get; }

    public X509Certificate2 WrongHost { get; }

    public string ClientPem { get; }

    public string EncryptedKeyPem(string password) =>
        _clientKey.ExportEncryptedPkcs8PrivateKeyPem(password, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));

    private static X509Certificate2 SelfSigned(string name)
    {
        var request = new CertificateRequest(name, ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(From, To);
    }

    private X509Certificate2 Signed(string name, ECDsa key, Action<SubjectAlternativeNameBuilder> names, byte serial)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        names(alternatives);
        request.CertificateExtensions.Add(alternatives.Build());
        using var signed = request.Create(Authority, From, To, [serial]).CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(signed.Export(X509ContentType.Pkcs12), null);
    }
}
