using Akka;
using Akka.Streams.Dsl;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>A user's function on typed records, lifted to a flow of elements: what <see cref="Records"/> makes and Via takes.</summary>
public sealed class RecordFlow
{
    internal RecordFlow(Schema output, Flow<StreamElement, StreamElement, NotUsed> flow) => (Output, Flow) = (output, flow);

    /// <summary>The columns that it gives.</summary>
    public Schema Output { get; }

    /// <summary>The flow, usable in any graph: rows are mapped, control elements pass in their place.</summary>
    public Flow<StreamElement, StreamElement, NotUsed> Flow { get; }
}

/// <summary>
/// Lifts functions on typed records into the stream. Rows are managed copies, one object each: for logic that SQL cannot say, not for the hot path. A row on which the
/// function throws becomes a dead letter with the row as JSON; the stream goes on. Rows keep their order.
/// </summary>
public static class Records
{
    /// <summary>Maps each row.</summary>
    /// <typeparam name="TIn">A record whose properties are columns of the stream, by name.</typeparam>
    /// <typeparam name="TOut">A record whose properties are the columns of the new stream.</typeparam>
    public static RecordFlow Select<TIn, TOut>(Func<TIn, TOut> map)
        where TIn : notnull
        where TOut : notnull
    {
        ArgumentNullException.ThrowIfNull(map);
        return Lift<TIn, TOut>(1, row => Task.FromResult<IReadOnlyList<object>>([map((TIn)row)]));
    }

    /// <summary>Maps each row by an asynchronous function, several at a time within a batch; order is kept.</summary>
    /// <param name="parallelism">Calls under way at once, at least 1.</param>
    /// <param name="map">The function.</param>
    public static RecordFlow SelectAsync<TIn, TOut>(int parallelism, Func<TIn, Task<TOut>> map)
        where TIn : notnull
        where TOut : notnull
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfLessThan(parallelism, 1);
        return Lift<TIn, TOut>(parallelism, async row => [await map((TIn)row)]);
    }

    /// <summary>Maps each row to any number of rows.</summary>
    public static RecordFlow SelectMany<TIn, TOut>(Func<TIn, IEnumerable<TOut>> map)
        where TIn : notnull
        where TOut : notnull
    {
        ArgumentNullException.ThrowIfNull(map);
        return Lift<TIn, TOut>(1, row => Task.FromResult<IReadOnlyList<object>>([.. map((TIn)row).Cast<object>()]));
    }

    /// <summary>Keeps the rows for which the function is true.</summary>
    public static RecordFlow Where<T>(Func<T, bool> keep)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(keep);
        return Lift<T, T>(1, row => Task.FromResult<IReadOnlyList<object>>(keep((T)row) ? [row] : []));
    }

    private static RecordFlow Lift<TIn, TOut>(int parallelism, Func<object, Task<IReadOnlyList<object>>> map)
    {
        var (input, output) = (RecordMapping.Of(typeof(TIn)), RecordMapping.Of(typeof(TOut)));
        return new RecordFlow(output.Schema, Flow.FromGraph(new RecordStage(input, output, parallelism, map)));
    }
}
