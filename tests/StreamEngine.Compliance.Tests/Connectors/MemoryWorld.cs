using System.Text;
using StreamEngine.Core;
using StreamEngine.Pipelines.Testing;

namespace StreamEngine.Compliance.Tests.Connectors;

/// <summary>The log in memory that pipelines are tested on.</summary>
internal sealed class MemoryWorld : IConnectorWorld
{
    private readonly MemoryLog _log = new();

    public bool HasTransactions => false;

    public ICommitLog Log(string pipeline, int process, string output, int partitions)
    {
        _log.Create(output, partitions);
        return new MemoryCommitLog(_log, pipeline, TimeProvider.System);
    }

    public ISource Source(string topic, MemoryScope scope) => new MemorySource(_log, "s", topic, Batch.DefaultRows, scope);

    public Task CreateAsync(string topic, int partitions)
    {
        _log.Create(topic, partitions);
        return Task.CompletedTask;
    }

    public Task WriteAsync(string topic, int partition, bool? commit, params Sample[] records)
    {
        foreach (var record in records) _log.Append(topic, partition, new MemoryRecord(Bytes(record.Key), Bytes(record.Value), [], record.Timestamp));
        return Task.CompletedTask;
    }

    private static byte[]? Bytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text);

    public Task<IReadOnlyList<string>> CommittedAsync(string topic, int partition) =>
        Task.FromResult<IReadOnlyList<string>>([.. _log.Read(topic, partition, 0, int.MaxValue).Select(r => $"{Text(r.Key)}={Text(r.Value)}")]);

    private static string Text(byte[]? bytes) => bytes is null ? "null" : Encoding.UTF8.GetString(bytes);

    public Task<T> CallAsync<T>(Func<Task<T>> call) => call();

    public Task UntilAsync(Func<bool> condition, string what)
    {
        // Everything is answered within the call that asks.
        Assert.True(condition(), what);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

public sealed class MemoryCommitLogContract : CommitLogContract
{
    internal override Task<IConnectorWorld> CreateAsync() => Task.FromResult<IConnectorWorld>(new MemoryWorld());
}

public sealed class MemorySourceContract : SourceContract
{
    internal override Task<IConnectorWorld> CreateAsync() => Task.FromResult<IConnectorWorld>(new MemoryWorld());
}
