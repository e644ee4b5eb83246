using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace StreamEngine.Kafka.Fetching;

/// <summary>One login by SCRAM (RFC 5802, RFC 7677), in which both sides show that they know the password without sending it.</summary>
internal sealed class ScramExchange
{
    private const int LeastIterations = 4096;
    private const int MostIterations = 10_000_000;

    private readonly HashAlgorithmName _hash;
    private readonly string _password;
    private readonly string _nonce;
    private readonly string _firstBare;
    private byte[] _serverSignature = [];

    public ScramExchange(SaslSettings settings, string nonce)
    {
        _hash = settings.Mechanism == "SCRAM-SHA-256" ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512;
        _password = settings.Password;
        _nonce = nonce;
        // The two characters that divide the message are written as their codes.
        var user = settings.User.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal);
        _firstBare = $"n={user},r={nonce}";
    }

    /// <summary>A number used once, from the system's generator for secrets.</summary>
    public static string NewNonce() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(24));

    public byte[] First() => Encoding.UTF8.GetBytes("n,," + _firstBare);

    /// <summary>The proof, for what the broker has answered.</summary>
    public byte[] Final(ReadOnlySpan<byte> challenge)
    {
        var text = Encoding.UTF8.GetString(challenge);
        var fields = text.Split(',');
        if (fields.Length < 3 || !fields[0].StartsWith("r=", StringComparison.Ordinal) || !fields[1].StartsWith("s=", StringComparison.Ordinal)
            || !fields[2].StartsWith("i=", StringComparison.Ordinal)) throw new MalformedException("a SCRAM challenge of another form");
        var nonce = fields[0][2..];
        if (nonce.Length <= _nonce.Length || !nonce.StartsWith(_nonce, StringComparison.Ordinal)) throw new MalformedException("a SCRAM challenge to another login");
        if (!int.TryParse(fields[2].AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            || iterations < LeastIterations || iterations > MostIterations)
            throw new MalformedException($"a SCRAM challenge with '{fields[2]}' iterations, from {LeastIterations} to {MostIterations} are accepted");
        var salt = new byte[fields[1].Length];
        if (!Convert.TryFromBase64String(fields[1][2..], salt, out var saltLength)) throw new MalformedException("a SCRAM challenge whose salt is not Base64");
        var finalBare = $"c=biws,r={nonce}";
        var signed = Encoding.UTF8.GetBytes($"{_firstBare},{text},{finalBare}");
        var size = _hash == HashAlgorithmName.SHA256 ? 32 : 64;
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(_password), salt.AsSpan(0, saltLength), iterations, _hash, size);
        var clientKey = Mac(salted, "Client Key"u8);
        var proof = Mac(CryptographicOperations.HashData(_hash, clientKey), signed);
        for (var i = 0; i < proof.Length; i++) proof[i] ^= clientKey[i];
        _serverSignature = Mac(Mac(salted, "Server Key"u8), signed);
        return Encoding.UTF8.GetBytes($"{finalBare},p={Convert.ToBase64String(proof)}");
    }

    /// <summary>The broker knows the password too.</summary>
    public void Check(ReadOnlySpan<byte> answer)
    {
        var text = Encoding.UTF8.GetString(answer);
        var expected = "v=" + Convert.ToBase64String(_serverSignature);
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(text.Split(',')[0]), Encoding.UTF8.GetBytes(expected)))
            throw new MalformedException("a SCRAM answer that does not prove that the broker knows the password");
    }

    private byte[] Mac(byte[] key, ReadOnlySpan<byte> data) => CryptographicOperations.HmacData(_hash, key, data);
}
