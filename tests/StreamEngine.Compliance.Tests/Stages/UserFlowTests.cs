using System.Text;
using Akka;
using Akka.Streams.Dsl;
using StreamEngine.Compliance.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Streams;

namespace StreamEngine.Compliance.Tests.Stages;

/// <summary>Users' own functions and flows: what they do wrong is a dead letter or a failure with their name, and never a lost row, element or block.</summary>
public class UserFlowTests
{
    public sealed record Pair(long Key, long Number);

    private sealed class Chosen(string message) : Exception(message);

    public static TheoryData<Setting> Settings() => [.. Setting.All];

    private static Flow<StreamElement, StreamElement, NotUsed> Any => Flow.Create<StreamElement>();

    private static (List<Barrier> Barriers, List<Queue<StreamElement>> Input) Input(StageLab lab)
    {
        var barriers = Enumerable.Range(1, 6).Select(i => new Barrier(i, new EpochReport())).ToList();
        return (barriers, [Elements.Stream(lab.Scope, lab.Random, 0, barriers)]);
    }

    /// <summary>Runs a flow behind the check on a whole input, and answers what it failed with.</summary>
    private static Exception? Failure(Setting setting, Flow<StreamElement, StreamElement, NotUsed> flow)
    {
        using var lab = new StageLab(setting);
        lab.Run(FlowCheck.Around("mine", flow, "dlq", 1 << 20));
        var (_, input) = Input(lab);
        lab.Play(input);
        lab.Sources[0].Complete();
        lab.TakeAll();
        Assert.True(lab.IsOver, "the graph hangs");
        Assert.Equal(0, lab.Lost());
        return lab.Sinks[0].Failure;
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_flow_that_loses_reorders_doubles_or_makes_a_control_element_fails_by_name(Setting setting)
    {
        Assert.Null(Failure(setting, Any));
        Assert.Contains("Via 'mine' lost or overtook Barrier(3)", Failure(setting, Any.Where(e => e is not Barrier { Epoch: 3 }))!.Message, StringComparison.Ordinal);
        Assert.Contains("Via 'mine' completed and lost End", Failure(setting, Any.Where(e => e is not End))!.Message, StringComparison.Ordinal);
        Assert.Contains("Via 'mine'", Failure(setting, Any.SelectMany(e => e is Barrier ? [e, e] : new[] { e }))!.Message, StringComparison.Ordinal);
        Assert.Contains("Via 'mine'", Failure(setting, Any.Select(e => e is Barrier b ? new Barrier(b.Epoch, new EpochReport()) : e))!.Message, StringComparison.Ordinal);
        Assert.Contains("Via 'mine' lost or overtook", Failure(setting, Any.StatefulSelectMany(Swapping))!.Message, StringComparison.Ordinal);
        Assert.Contains("chosen", Failure(setting, Any.Select(e => e is Barrier { Epoch: 2 } ? throw new Chosen("chosen") : e))!.Message, StringComparison.Ordinal);
    }

    /// <summary>Holds a barrier back until the next element that is one too.</summary>
    private static Func<StreamElement, IEnumerable<StreamElement>> Swapping()
    {
        StreamElement? held = null;
        return element =>
        {
            if (element is not Barrier) return [element];
            if (held is null)
            {
                held = element;
                return [];
            }
            return [element, held];
        };
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Dead_letters_of_a_function_get_the_pipelines_topic(Setting setting)
    {
        using var lab = new StageLab(setting);
        lab.Run(FlowCheck.Around("mine", Records.Select<Pair, Pair>(p => p.Key == 3 ? throw new Chosen("no three") : p).Flow, "my.dlq", 1 << 20));
        var (_, input) = Input(lab);
        var sent = Elements.Text(input[0]);
        lab.Play(input);
        lab.Sources[0].Complete();
        lab.TakeAll();
        Assert.True(lab.Sinks[0].Completed, lab.Sinks[0].Failure?.ToString());
        var received = lab.Sinks[0].Received;
        // Rows and control elements in their order; the rows that it threw on are dead letters before the next control element.
        Assert.Equal(sent.Where(t => t != "DeadLetter" && !t.StartsWith("3:", StringComparison.Ordinal)), Elements.Text(received).Where(t => t != "DeadLetter"));
        Assert.Equal(sent.Count(t => t == "DeadLetter" || t.StartsWith("3:", StringComparison.Ordinal)), Elements.Text(received).Count(t => t == "DeadLetter"));
        var letters = received.OfType<Batch>().Where(b => b.Role == BatchRole.DeadLetter).ToList();
        Assert.All(letters, b => Assert.Contains(b.Records!.Topic, new[] { "my.dlq", "side" }));
        Assert.All(letters.Where(b => b.Records!.Topic == "my.dlq").SelectMany(Shown), text =>
            Assert.Matches("^\\{\"key\":3,\"number\":\\d+\\} .*Chosen: no three", text));
        Assert.Equal(sent.Where(t => t.StartsWith("3:", StringComparison.Ordinal)).Select(t => t[2..]),
            letters.SelectMany(Shown).Where(t => t.Contains("number", StringComparison.Ordinal)).Select(t => t[18..t.IndexOf('}', StringComparison.Ordinal)]));
        Assert.Equal(0, lab.Lost());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_row_on_which_a_function_throws_is_a_dead_letter_on_the_line_of_its_epoch(Setting setting)
    {
        // The last flow makes two rows of each and fails on both: of what came in no more can have failed than that.
        foreach (var (flow, isThree) in new (Flow<StreamElement, StreamElement, NotUsed>, bool)[] { (ThrowingIf(p => p.Key == 3), true),
            (Records.SelectMany<Pair, Pair>(p => [p, p]).Flow.Via(ThrowingIf(_ => true)), false) })
        {
            using var lab = new StageLab(setting);
            lab.Run(FlowCheck.Around("mine", flow, "my.dlq", 1 << 20));
            var (barriers, input) = Input(lab);
            var expected = new List<(long Done, long DeadLettered)>();
            var (done, failed) = (0L, 0L);
            foreach (var element in input[0])
            {
                if (element is Batch { Role: BatchRole.Main } batch)
                {
                    var fails = Elements.Pairs(batch).Count(p => !isThree || p.Key == 3);
                    (done, failed) = (done + batch.Count - fails, failed + fails);
                }
                if (element is not Barrier) continue;
                expected.Add((done, failed));
                (done, failed) = (0, 0);
            }
            lab.Play(input);
            lab.Sources[0].Complete();
            lab.TakeAll();
            Assert.True(lab.Sinks[0].Completed, lab.Sinks[0].Failure?.ToString());
            Assert.Equal(expected, barriers.Select(b => b.Report.InsertCounts("mine")).Select(c => (c.Done, c.DeadLettered)));
            Assert.Equal(0, lab.Lost());
        }
    }

    private static Flow<StreamElement, StreamElement, NotUsed> ThrowingIf(Func<Pair, bool> isWrong) =>
        Records.Select<Pair, Pair>(p => isWrong(p) ? throw new Chosen("wrong") : p).Flow;

    private static unsafe List<string> Shown(Batch batch)
    {
        var shown = new List<string>();
        for (var i = 0; i < batch.Count; i++)
            shown.Add($"{Encoding.UTF8.GetString(batch.Records!.Values[i].Span)} {Encoding.UTF8.GetString(batch.Records.HeadersAt(i).Span)}".Replace('\n', ' '));
        return shown;
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Answers_that_come_in_another_order_do_not_change_the_rows(Setting setting)
    {
        using var lab = new StageLab(setting);
        var calls = new List<(Pair Pair, TaskCompletionSource<Pair> Answer)>();
        var most = 0;
        lab.Run(Records.SelectAsync<Pair, Pair>(4, pair =>
        {
            var answer = new TaskCompletionSource<Pair>();
            calls.Add((pair, answer));
            most = Math.Max(most, calls.Count);
            return answer.Task;
        }).Flow);
        var barrier = new Barrier(1, new EpochReport());
        lab.Sinks[0].Request(100);
        lab.Sources[0].Send(Elements.Rows(lab.Scope, [.. Enumerable.Range(0, 10).Select(i => ((long)i, (long)i))]), barrier, End.Instance);
        lab.Sources[0].Complete();
        lab.System.Settle();
        while (calls.Count > 0)
        {
            Assert.Empty(lab.Sinks[0].Received);
            var at = lab.Random.Next(calls.Count);
            var (pair, answer) = calls[at];
            calls.RemoveAt(at);
            answer.SetResult(pair with { Key = pair.Key * 2 });
            lab.System.Settle();
        }
        Assert.Equal(4, most);
        Assert.True(lab.Sinks[0].Completed, lab.Sinks[0].Failure?.ToString());
        Assert.Equal([.. Enumerable.Range(0, 10).Select(i => $"{i * 2}:{i}"), "Barrier(1)", "End"], Elements.Text(lab.Sinks[0].Received));
        Assert.Equal(0, lab.Lost());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_function_that_answers_null_makes_a_dead_letter(Setting setting)
    {
        foreach (var records in new[] { Records.Select<Pair, Pair>(p => p.Key == 1 ? null! : p), Records.SelectAsync<Pair, Pair>(2, async p =>
        {
            await Task.Yield();
            return p.Key == 1 ? null! : p;
        }), Records.SelectMany<Pair, Pair>(p => p.Key == 1 ? [p, null!] : [p]) })
        {
            using var lab = new StageLab(setting);
            lab.Run(FlowCheck.Around("mine", records.Flow, "my.dlq", 1 << 20));
            lab.Sources[0].Send(Elements.Rows(lab.Scope, (0, 5), (1, 6), (2, 7)), End.Instance);
            lab.Sources[0].Complete();
            lab.TakeAll();
            Assert.True(lab.Sinks[0].Completed, lab.Sinks[0].Failure?.ToString() ?? "the graph hangs");
            Assert.Equal(["0:5", "2:7", "DeadLetter", "End"], Elements.Text(lab.Sinks[0].Received));
            Assert.Equal(0, lab.Lost());
        }
    }

    [Fact]
    public void A_stop_while_a_function_works_gives_its_batch_back()
    {
        using var lab = new StageLab(new Setting(false, 1, 1));
        var answer = new TaskCompletionSource<Pair>();
        lab.Run(Records.SelectAsync<Pair, Pair>(1, _ => answer.Task).Flow);
        lab.Sinks[0].Request(1);
        lab.Sources[0].Send(Elements.Rows(lab.Scope, (1, 1)));
        lab.System.Settle();
        lab.Stop();
        Assert.Equal(0, lab.Lost());
        answer.SetResult(new Pair(1, 1));
    }
}
