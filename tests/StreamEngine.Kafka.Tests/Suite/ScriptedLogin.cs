using System.Security.Cryptography;
using System.Text;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Kafka.Suite;

/// <summary>How a scripted broker lets clients in: by PLAIN or SCRAM, the server's side of which is written by RFC 5802.</summary>
internal sealed record ScriptedLogin(string Mechanism, string User, string Password)
{
    /// <summary>How long a login lasts; 0 for ever.</summary>
    public long LifetimeMs { get; init; }

    /// <summary>The broker only pretends to know the password.</summary>
    public bool IsImpostor { get; init; }

    public Session Begin() => new(this);

    internal sealed class Session(ScriptedLogin login)
    {
        private static readonly byte[] Salt = "some salt"u8.ToArray();

        private string _firstBare = "";
        private string _challenge = "";

        public bool IsDone { get; private set; }

        public void Handshake(string mechanism, ProtocolWriter w)
        {
            w.Int16(mechanism == login.Mechanism ? (short)0 : (short)33);
            w.Count(1);
            w.String(login.Mechanism);
        }

        public void Authenticate(byte[] bytes, short version, ProtocolWriter w)
        {
            var text = Encoding.UTF8.GetString(bytes);
            var answer = login.Mechanism == "PLAIN" ? text == $"\0{login.User}\0{login.Password}" ? Done("") : null : _challenge.Length == 0 ? Challenge(text) : Prove(text);
            w.Int16(answer is null ? (short)58 : (short)0);
            w.NullableString(answer is null ? "Authentication failed: invalid credentials" : null);
            w.Bytes(Encoding.UTF8.GetBytes(answer ?? ""));
            if (version >= 1) w.Int64(login.LifetimeMs);
        }

        private string Done(string answer)
        {
            IsDone = true;
            return answer;
        }

        private string? Challenge(string first)
        {
            if (!first.StartsWith("n,,n=", StringComparison.Ordinal)) return null;
            _firstBare = first[3..];
            var fields = _firstBare.Split(',');
            if (fields[0][2..].Replace("=2C", ",", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal) != login.User) return null;
            return _challenge = $"{fields[1]}server,s={Convert.ToBase64String(Salt)},i=4096";
        }

        private string? Prove(string final)
        {
            var hash = login.Mechanism == "SCRAM-SHA-256" ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512;
            var proofAt = final.LastIndexOf(",p=", StringComparison.Ordinal);
            var signed = Encoding.UTF8.GetBytes($"{_firstBare},{_challenge},{final[..proofAt]}");
            var salted = Rfc2898DeriveBytes.Pbkdf2(login.Password, Salt, 4096, hash, hash == HashAlgorithmName.SHA256 ? 32 : 64);
            byte[] Mac(byte[] key, byte[] data) => CryptographicOperations.HmacData(hash, key, data);
            var stored = CryptographicOperations.HashData(hash, Mac(salted, "Client Key"u8.ToArray()));
            var key = Mac(stored, signed);
            var proof = Convert.FromBase64String(final[(proofAt + 3)..]);
            for (var i = 0; i < key.Length; i++) key[i] ^= proof[i];
            if (!CryptographicOperations.HashData(hash, key).SequenceEqual(stored)) return null;
            var server = login.IsImpostor ? new byte[32] : Mac(salted, "Server Key"u8.ToArray());
            return Done("v=" + Convert.ToBase64String(Mac(server, signed)));
        }
    }
}
