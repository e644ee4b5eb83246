using System.Collections.Concurrent;
using Akka;
using Akka.Streams;
using Akka.Streams.Dsl;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Puts a user's flow between two stages that watch it: what control elements go in has to come out, each once and in the same order. A flow that loses, doubles or
/// reorders one fails the graph with its name, since a lost barrier would stop the commits for ever and an overtaken one would commit what was not written. They also
/// count the rows of the Via's own conservation line: what goes in is done, but for the rows on which a function failed.
/// </summary>
internal static class FlowCheck
{
    public static IGraph<FlowShape<StreamElement, StreamElement>,
        NotUsed> Around(string name, IGraph<FlowShape<StreamElement, StreamElement>, NotUsed> flow, string deadLetterTopic, int mostBytes)
    {
        var expected = new ConcurrentQueue<Passed>();
        return Flow.FromGraph(new Before(name, expected)).Via(flow).Via(new Behind(name, expected, deadLetterTopic, mostBytes));
    }

    /// <summary>An element that went in and has to come out, with the rows that went in since the barrier before it.</summary>
    private readonly record struct Passed(StreamElement Element, long Rows);

    private sealed class Before(string name, ConcurrentQueue<Passed> expected) : GraphStage<FlowShape<StreamElement, StreamElement>>
    {
        private readonly Inlet<StreamElement> _in = new($"{name} before.in");
        private readonly Outlet<StreamElement> _out = new($"{name} before.out");

        public override FlowShape<StreamElement, StreamElement> Shape => new(_in, _out);

        protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, expected);

        private sealed class Logic : InAndOutGraphStageLogic
        {
            private readonly Before _stage;
            private readonly ConcurrentQueue<Passed> _expected;
            private long _rows;

            public Logic(Before stage, ConcurrentQueue<Passed> expected)
                : base(stage.Shape)
            {
                (_stage, _expected) = (stage, expected);
                SetHandlers(stage._in, stage._out, this);
            }

            public override void OnPush()
            {
                var element = Grab(_stage._in);
                if (element is Batch { Role: BatchRole.Main } batch) _rows += batch.Count;
                else _expected.Enqueue(new Passed(element, _rows));
                if (element is Barrier) _rows = 0;
                Push(_stage._out, element);
            }

            public override void OnPull() => Pull(_stage._in);
        }
    }

    private sealed class Behind(string name, ConcurrentQueue<Passed> expected, string deadLetterTopic, int mostBytes)
        : GraphStage<FlowShape<StreamElement, StreamElement>>
    {
        private readonly Inlet<StreamElement> _in = new($"{name} behind.in");
        private readonly Outlet<StreamElement> _out = new($"{name} behind.out");

        public override FlowShape<StreamElement, StreamElement> Shape => new(_in, _out);

        protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, name, expected, deadLetterTopic, mostBytes);

        private sealed class Logic : InAndOutGraphStageLogic
        {
            private readonly Behind _stage;
            private readonly string _name;
            private readonly ConcurrentQueue<Passed> _expected;
            private readonly string _deadLetterTopic;
            private readonly int _mostBytes;
            private long _failed;

            public Logic(Behind stage, string name, ConcurrentQueue<Passed> expected, string deadLetterTopic, int mostBytes)
                : base(stage.Shape)
            {
                (_stage, _name, _expected, _deadLetterTopic, _mostBytes) = (stage, name, expected, deadLetterTopic, mostBytes);
                SetHandlers(stage._in, stage._out, this);
            }

            public override void OnPush()
            {
                var element = Grab(_stage._in);
                if (element is Batch { Role: BatchRole.Main })
                {
                    Push(_stage._out, element);
                    return;
                }
                // The record helpers make dead letters of their own, for a topic that they do not know.
                if (element is Batch { Role: BatchRole.DeadLetter, Records.Topic: RecordFaults.TopicToCome } made)
                {
                    _failed += made.Count;
                    Push(_stage._out, RecordFaults.ForTopic(made, _deadLetterTopic, _mostBytes));
                    return;
                }
                if (!_expected.TryDequeue(out var next))
                    Refuse(element, $"the Flow of Via '{_name}' made {element}: control elements are the engine's, pass on those that come and no others");
                else if (!ReferenceEquals(next.Element, element))
                    Refuse(element, $"the Flow of Via '{_name}' lost or overtook {next.Element}: {element} came instead. A Flow passes every element on that is no Batch of role Main, in its place");
                else
                {
                    if (element is Barrier barrier) Count(barrier.Report, next.Rows);
                    Push(_stage._out, element);
                }
            }

            private void Count(EpochReport report, long rows)
            {
                // Each row on which a function failed is one dead letter. A flow of several functions may fail on rows that it made itself, on more than it was given.
                var failed = Math.Min(_failed, rows);
                report.AddInsert(_name, new RowCounts { Done = rows - failed, DeadLettered = failed });
                _failed = 0;
            }

            private void Refuse(StreamElement element, string reason)
            {
                (element as Batch)?.Dispose();
                FailStage(new InvalidOperationException(reason));
            }

            public override void OnPull() => Pull(_stage._in);

            public override void OnUpstreamFinish()
            {
                if (_expected.TryDequeue(out var lost)) FailStage(new InvalidOperationException($"the Flow of Via '{_name}' completed and lost {lost.Element}"));
                else CompleteStage();
            }
        }
    }
}
