using Akka.Streams;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Maps the rows of a batch through a user's function, one batch at a time: the next element is pulled when the batch is through, so that control elements keep their
/// place. Rows on which the function throws go on as dead letters; the check stage behind the flow gives them their topic.
/// </summary>
internal sealed class RecordStage(RecordMapping input, RecordMapping output, int parallelism, Func<object, Task<IReadOnlyList<object>>> map)
    : GraphStage<FlowShape<StreamElement, StreamElement>>
{
    private readonly Inlet<StreamElement> _in = new("records.in");
    private readonly Outlet<StreamElement> _out = new("records.out");

    public override FlowShape<StreamElement, StreamElement> Shape => new(_in, _out);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, input, output, parallelism, map);

    /// <summary>What became of one row.</summary>
    private readonly record struct Outcome(IReadOnlyList<object?[]>? Rows, Exception? Failure);

    private sealed class Logic : InAndOutGraphStageLogic
    {
        private readonly RecordStage _stage;
        private readonly RecordMapping _input;
        private readonly RecordMapping _output;
        private readonly int _parallelism;
        private readonly Func<object, Task<IReadOnlyList<object>>> _map;
        private readonly Action<(Batch Batch, object?[] Rows, Outcome[] Outcomes)> _done;
        private readonly Queue<Batch> _ready = new();
        private Batch? _inFlight;
        private bool _finished;

        public Logic(RecordStage stage, RecordMapping input, RecordMapping output, int parallelism, Func<object, Task<IReadOnlyList<object>>> map)
            : base(stage.Shape)
        {
            (_stage, _input, _output, _parallelism, _map) = (stage, input, output, parallelism, map);
            _done = GetAsyncCallback<(Batch, object?[], Outcome[])>(Done);
            SetHandlers(stage._in, stage._out, this);
        }

        public override void PostStop()
        {
            _inFlight?.Dispose();
            while (_ready.TryDequeue(out var batch)) batch.Dispose();
        }

        public override void OnPush()
        {
            var element = Grab(_stage._in);
            if (element is not Batch { Role: BatchRole.Main } batch)
            {
                Push(_stage._out, element);
                return;
            }
            _inFlight = batch;
            var rows = _input.Read(batch, out var failures);
            var mapping = MapAsync(rows, failures);
            if (mapping.IsCompletedSuccessfully) Done((batch, rows, mapping.Result));
            else Await(mapping, batch, rows);
        }

        // The task never fails, since what a function throws is an outcome; a stage that has stopped meanwhile drops the answer.
        private void Await(Task<Outcome[]> mapping, Batch batch, object?[] rows) =>
            mapping.ContinueWith(done => _done((batch, rows, done.Result)), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Current);

        private async Task<Outcome[]> MapAsync(object?[] rows, string?[] failures)
        {
            var outcomes = new Outcome[rows.Length];
            var next = -1;
            async Task Worker()
            {
                for (var i = Interlocked.Increment(ref next); i < rows.Length; i = Interlocked.Increment(ref next))
                {
                    try
                    {
                        outcomes[i] = rows[i] is { } row ? OutcomeOf(await _map(row)) : new Outcome(null, new InvalidDataException(failures[i]));
                    }
                    catch (Exception e)
                    {
                        outcomes[i] = new Outcome(null, e);
                    }
                }
            }
            if (_parallelism == 1) await Worker();
            else await Task.WhenAll(Enumerable.Range(0, Math.Min(_parallelism, rows.Length)).Select(_ => Worker()));
            return outcomes;
        }

        // A row that is none, or that its columns cannot hold, is the function's fault, of this row alone: written, it would stop the stream at this place for ever.
        private Outcome OutcomeOf(IReadOnlyList<object> mapped)
        {
            var rows = new List<object?[]>(mapped.Count);
            foreach (var row in mapped)
            {
                if (row is null) return new Outcome(null, new InvalidOperationException("the function answered null for a row"));
                if (_output.ValuesOf(row, out var failure) is not { } values) return new Outcome(null, new InvalidDataException(failure));
                rows.Add(values);
            }
            return new Outcome(rows, null);
        }

        private void Done((Batch Batch, object?[] Rows, Outcome[] Outcomes) mapped)
        {
            var (batch, rows, outcomes) = mapped;
            _inFlight = null;
            Write(batch, outcomes);
            if (Array.Exists(outcomes, o => o.Failure is not null))
                _ready.Enqueue(RecordFaults.ToBatch(batch, rows, [.. outcomes.Select(o => o.Failure)], batch.Arenas[0].Scope));
            batch.Dispose();
            Answer();
        }

        private unsafe void Write(Batch batch, Outcome[] outcomes)
        {
            var rows = new List<object?[]>();
            var watermarks = new List<long>();
            for (var i = 0; i < outcomes.Length; i++)
            {
                foreach (var row in outcomes[i].Rows ?? [])
                {
                    rows.Add(row);
                    watermarks.Add(batch.RowWatermarks is null ? Watermark.None : batch.RowWatermarks[batch.RowAt(i)]);
                    if (rows.Count == Batch.DefaultRows) Flush();
                }
            }
            Flush();

            void Flush()
            {
                if (rows.Count == 0) return;
                fixed (long* p = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(watermarks)) _ready.Enqueue(_output.Write(rows, batch.Arenas[0].Scope,
                    batch.RowWatermarks is null ? null : p, batch.IdleFloor));
                rows.Clear();
                watermarks.Clear();
            }
        }

        public override void OnPull() => Answer();

        private void Answer()
        {
            if (!IsAvailable(_stage._out)) return;
            if (_ready.TryDequeue(out var batch)) Push(_stage._out, batch);
            else if (_inFlight is not null) return;
            else if (_finished) CompleteStage();
            else if (!HasBeenPulled(_stage._in)) Pull(_stage._in);
        }

        public override void OnUpstreamFinish()
        {
            _finished = true;
            if (_inFlight is null && _ready.Count == 0) CompleteStage();
        }
    }
}
