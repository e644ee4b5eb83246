using Akka;
using Akka.Streams.Dsl;
using StreamEngine.Core;
using StreamEngine.Streams;

namespace StreamEngine;

/// <summary>Puts a user's own stages into a pipeline.</summary>
public static class ViaExtensions
{
    /// <summary>Makes a new stream of a source or stream by a function on typed records, see <see cref="Records"/>.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="name">How SQL names the new stream.</param>
    /// <param name="input">The source or stream that it is made of.</param>
    /// <param name="records">What <see cref="Records"/> makes.</param>
    public static Pipeline Via(this Pipeline pipeline, string name, string input, RecordFlow records)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(records);
        return pipeline.WithVia(name, input, records.Output, records.Flow);
    }

    /// <summary>
    /// Makes a new stream by any flow of elements: for experts. It passes every element on that is no main batch, in its place; a check behind it fails the graph with
    /// its name when one is lost or overtaken. It owns the batches that it does not pass on. It is materialized once per lane, and again after a failure.
    /// </summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="name">How SQL names the new stream.</param>
    /// <param name="input">The source or stream that it is made of.</param>
    /// <param name="flow">The flow.</param>
    /// <param name="columns">The columns that it gives; null: those of its input.</param>
    public static Pipeline Via<TMat>(this Pipeline pipeline, string name, string input, Flow<StreamElement, StreamElement, TMat> flow, Schema? columns = null)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(flow);
        return pipeline.WithVia(name, input, columns ?? pipeline.SchemaOf(input), flow.MapMaterializedValue(_ => NotUsed.Instance));
    }
}
