using Akka;
using Akka.Streams;
using Akka.Streams.Dsl;
using Akka.Streams.Stage;
using StreamEngine.Core;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;
using StreamEngine.Streams;

namespace StreamEngine;

/// <summary>One of the engine's chains in a user's own Akka.Streams graph: a SELECT over typed records, row by row, evaluated in batches of columns.</summary>
public static class SqlFlow
{
    /// <summary>
    /// A flow that computes a query over each element. Rows come together as fast as they are asked for: up to <see cref="Batch.DefaultRows"/> are evaluated at once,
    /// fewer when the downstream is faster.
    /// </summary>
    /// <typeparam name="TIn">A record whose properties are the columns of the table "rows".</typeparam>
    /// <typeparam name="TOut">A record whose properties are columns of the result, by name.</typeparam>
    /// <param name="query">For example <c>SELECT origin, delay / 60.0 AS hours FROM rows WHERE delay > 15</c>; no windows, which need a pipeline.</param>
    /// <param name="onFault">Takes rows on which an expression fails, with the reason; null: they fail the stream.</param>
    /// <exception cref="ArgumentException">The query is wrong; the message says where.</exception>
    public static Flow<TIn, TOut, NotUsed> Of<TIn, TOut>(string query, Action<TIn, string>? onFault = null)
        where TIn : notnull
        where TOut : notnull
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(query);
        var (input, output) = (RecordMapping.Of(typeof(TIn)), RecordMapping.Of(typeof(TOut)));
        var plan = PlanOf(query, input.Schema);
        return Flow.Create<TIn>()
            .Batch(Batch.DefaultRows, row => new List<object> { row }, (rows, row) =>
            {
                rows.Add(row);
                return rows;
            })
            .Via(new Stage(input, output, plan, onFault is null ? null : (row, reason) => onFault((TIn)row, reason)))
            .SelectMany(rows => rows.Cast<TOut>());
    }

    private static PhysicalPlan PlanOf(string query, Schema schema)
    {
        var definition = new PipelineDefinition
        {
            Name = "flow", Sources = [new SourceDefinition { Name = "rows", Topic = "rows", Schema = schema }], Sql = $"INSERT INTO result {query}",
                Sinks = [new SinkDefinition { Name = "result", Topic = "result" }],
            DeadLetterTopic = "", LateTopic = "",
        };
        try
        {
            var plan = PhysicalPlanner.Plan(definition, SqlPlanner.Plan);
            return plan.Inserts[0].ExchangeKeys is null ? plan
                : throw new ArgumentException("a flow works row by row: windows and aggregates need a pipeline", nameof(query));
        }
        catch (PlanException e)
        {
            throw new ArgumentException(string.Join('\n',
                e.Errors.Select(x =>
                $"at {x.Error.Offset - "INSERT INTO result ".Length} of the query: {x.Error.Message}{(x.Error.Hint is null ? "" : $"; {x.Error.Hint}")}")), nameof(query),
                e);
        }
    }

    private sealed class Stage(RecordMapping input, RecordMapping output, PhysicalPlan plan, Action<object, string>? onFault) : GraphStage<FlowShape<List<object>,
        object[]>>
    {
        private readonly Inlet<List<object>> _in = new("sql.in");
        private readonly Outlet<object[]> _out = new("sql.out");

        public override FlowShape<List<object>, object[]> Shape => new(_in, _out);

        protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, input, output, plan, onFault);

        private sealed class Logic : InAndOutGraphStageLogic
        {
            private readonly Stage _stage;
            private readonly RecordMapping _input;
            private readonly RecordMapping _output;
            private readonly MemoryScope _scope = new("sql flow");
            private readonly OperatorChain _chain;
            private readonly Refused _refused;
            private readonly Schema _columns;
            private readonly int[] _read;

            public Logic(Stage stage, RecordMapping input, RecordMapping output, PhysicalPlan plan, Action<object, string>? onFault)
                : base(stage.Shape)
            {
                (_stage, _input, _output) = (stage, input, output);
                _refused = new Refused(onFault);
                _columns = plan.Sources[0].Columns;
                _read = [.. plan.Sources[0].Read.Index().Where(r => r.Item).Select(r => r.Index)];
                _chain = new OperatorChain([.. plan.Inserts[0].Before.Select(f => f.Create())], new OperatorContext(_scope, new RowCounts(), KeyGroupRange.All), _refused,
                    (_, _) => { });
                SetHandlers(stage._in, stage._out, this);
            }

            public override void PostStop()
            {
                _chain.Dispose();
                _scope.Dispose();
            }

            public override unsafe void OnPush()
            {
                var (rows, values) = (new List<object>(), new List<object?[]>());
                foreach (var row in Grab(_stage._in))
                {
                    if (_input.ValuesOf(row, out var failure) is { } columns)
                    {
                        rows.Add(row);
                        values.Add(columns);
                    }
                    else _refused.Add(row, failure!);
                }
                if (rows.Count == 0)
                {
                    Pull(_stage._in);
                    return;
                }
                _refused.Rows = rows;
                var batch = _input.Write(values, _scope, null, Watermark.None);
                _chain.Push(batch.With(_columns, [.. _read.Select(c => batch[c])], null, null, rows.Count));
                var results = new List<object>();
                while (_chain.TryPull(out var element))
                {
                    if (element is not Batch result) continue;
                    foreach (var (i, made) in _output.Read(result, out var failures).Index())
                    {
                        if (made is not null) results.Add(made);
                        else _refused.Add(rows[result.RowAt(i)], failures[i]!);
                    }
                    result.Dispose();
                }
                if (results.Count > 0) Push(_stage._out, results.ToArray());
                else Pull(_stage._in);
            }

            public override void OnPull() => Pull(_stage._in);
        }

        /// <summary>There are no topics here: what fails goes to the user's function, or fails the stream.</summary>
        private sealed class Refused(Action<object, string>? onFault) : ISideOutputs
        {
            public IReadOnlyList<object> Rows { get; set; } = [];

            public void Add(Batch batch, int row, in Fault fault) => Add(Rows[row], fault.Message);

            public void Add(object row, string reason)
            {
                if (onFault is null) throw new InvalidOperationException($"{reason} on {row}");
                onFault(row, reason);
            }

            public bool TryTake(out Batch? batch)
            {
                batch = null;
                return false;
            }

            public void Dispose()
            {
            }
        }
    }
}
