using StreamEngine.Core;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Demo;

/// <summary>Follows the manifests that a pipeline commits: its progress as the log has it, also across the death of a worker.</summary>
internal sealed class ManifestWatch(TopicReader reader, string topic)
{
    private readonly Lock _lock = new();
    private readonly List<EpochManifest> _manifests = [];
    private readonly List<EpochClaim> _claims = [];

    public IReadOnlyList<EpochManifest> Manifests
    {
        get { lock (_lock) return [.. _manifests]; }
    }

    public int Count
    {
        get { lock (_lock) return _manifests.Count; }
    }

    public EpochManifest? Last
    {
        get { lock (_lock) return _manifests.Count > 0 ? _manifests[^1] : null; }
    }

    public int Claims
    {
        get { lock (_lock) return _claims.Count; }
    }

    /// <summary>Records that the last committed epoch had read.</summary>
    public long Read => Last?.Sources.Values.Sum(s => s.Partitions.Values.Sum(p => p.Offset)) ?? 0;

    public async Task RunAsync(CancellationToken cancellation)
    {
        await foreach (var record in reader.ReadAsync(new ReadRequest(topic) { ReadCommitted = true, Follow = true }, cancellation))
        {
            var (manifest, claim) = ManifestJson.Read(record.Value);
            lock (_lock)
            {
                if (manifest is not null) _manifests.Add(manifest);
                if (claim is not null) _claims.Add(claim);
            }
        }
    }

    /// <summary>The conservation line of an INSERT over all epochs, with whether each epoch holds and goes on from the one before.</summary>
    public (ConservationLine Line, bool Holds) Total(string insert)
    {
        ConservationLine? total = null;
        var holds = true;
        foreach (var manifest in Manifests)
        {
            var line = manifest.Inserts[insert];
            holds &= line.Holds && line.HeldBefore == (total?.HeldAfter ?? 0);
            total = total is null ? line : new ConservationLine(total.In + line.In, total.HeldBefore, total.Done + line.Done, total.Filtered + line.Filtered,
                total.Late + line.Late, total.DeadLettered + line.DeadLettered, line.HeldAfter);
        }
        return (total ?? new ConservationLine(0, 0, 0, 0, 0, 0, 0), holds && total is { Holds: true });
    }
}
