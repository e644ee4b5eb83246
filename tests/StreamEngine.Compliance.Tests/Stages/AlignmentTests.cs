using StreamEngine.Compliance.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Streams;

namespace StreamEngine.Compliance.Tests.Stages;

/// <summary>The fan-in, with the barriers of an epoch in each order that its inlets allow.</summary>
public class AlignmentTests
{
    private static readonly int[][] Orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

    public static TheoryData<Setting, string> Settings()
    {
        var data = new TheoryData<Setting, string>();
        foreach (var setting in Setting.All.Where(s => s.Seed == 1))
            foreach (var order in Orders) data.Add(setting, string.Join(' ', order));
        return data;
    }

    private sealed class Rig : IDisposable
    {
        public Rig(Setting setting)
        {
            Lab = new StageLab(setting);
            Lab.Run(new AlignStage("align", 3));
            Lab.TakeAll();
        }

        public StageLab Lab { get; }

        public List<StreamElement> Received => Lab.Sinks[0].Received;

        /// <summary>Sends elements on an inlet and answers what came out for them.</summary>
        public List<string> Send(int inlet, params IEnumerable<StreamElement> elements)
        {
            var before = Received.Count;
            Lab.Sources[inlet].Send(elements);
            Lab.System.Settle();
            return Elements.Text(Received.Skip(before));
        }

        public Batch Row(long key, long number) => Elements.Rows(Lab.Scope, (key, number));

        public void Dispose() => Lab.Dispose();
    }

    private static int[] Parse(string order) => [.. order.Split(' ').Select(int.Parse)];

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_barrier_goes_on_behind_the_last_inlets_whatever_their_order(Setting setting, string order)
    {
        using var rig = new Rig(setting);
        var inlets = Parse(order);
        for (var epoch = 1; epoch <= 2; epoch++)
        {
            var barrier = new Barrier(epoch, new EpochReport());
            foreach (var (at, inlet) in inlets.Index())
            {
                // Those that have not sent theirs are held back by nothing.
                foreach (var other in inlets[at..]) Assert.Equal([$"{other}:{epoch}"], rig.Send(other, rig.Row(other, epoch)));
                var came = rig.Send(inlet, barrier, rig.Row(inlet, 10 + epoch));
                if (at < 2) Assert.Empty(came);
                else
                {
                    Assert.Equal(barrier.ToString(), came[0]);
                    Assert.Equal(inlets.Order().Select(i => $"{i}:{10 + epoch}"), came[1..].Order(StringComparer.Ordinal));
                }
            }
            // The next one comes in the opposite order.
            Array.Reverse(inlets);
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void An_inlet_that_has_ended_counts_for_every_barrier_that_comes_later(Setting setting, string order)
    {
        using var rig = new Rig(setting);
        var (inlets, first, second) = (Parse(order), new Barrier(1, new EpochReport()), new Barrier(2, new EpochReport()));
        Assert.Empty(rig.Send(inlets[0], first));
        Assert.Empty(rig.Send(inlets[1], End.Instance));
        Assert.Equal([first.ToString()], rig.Send(inlets[2], first));
        Assert.Empty(rig.Send(inlets[2], second, rig.Row(2, 2)));
        Assert.Equal([second.ToString(), "2:2"], rig.Send(inlets[0], End.Instance));
        Assert.Equal(["End"], rig.Send(inlets[2], End.Instance));
        foreach (var source in rig.Lab.Sources) source.Complete();
        rig.Lab.System.Settle();
        Assert.True(rig.Lab.Sinks[0].Completed);
    }
}
