using System.Reflection;
using Akka.Actor;
using Akka.Configuration;
using Akka.Streams;
using Akka.Streams.Implementation;

namespace StreamEngine.Simulation.Scheduling;

/// <summary>
/// An actor system whose every dispatcher, timer and await runs on one thread, in an order that a seed picks, in virtual time. It is booted unseeded, since an actor
/// system blocks on its own start; from
/// <see cref="Boot"/>'s return on, the caller's thread is the only one.
/// </summary>
internal sealed class SimulatedSystem : IDisposable
{
    private const string Executor =
        "type = Dispatcher, throughput = 1, executor = \"StreamEngine.Simulation.Scheduling.SimExecutorConfigurator, StreamEngine.Simulation\"";

    private const string Settings = $$"""
        akka {
          loglevel = OFF, stdout-loglevel = OFF, loggers = [], log-dead-letters = off, log-dead-letters-during-shutdown = off
          scheduler.implementation = "StreamEngine.Simulation.Scheduling.VirtualScheduler, StreamEngine.Simulation"
          coordinated-shutdown { run-by-clr-shutdown-hook = off, run-by-actor-system-terminate = off, exit-clr = off }
          actor.default-dispatcher { {{Executor}} }
          actor.internal-dispatcher { {{Executor}} }
          actor.default-blocking-io-dispatcher { {{Executor}} }
          stream.materializer { initial-input-buffer-size = 2, max-input-buffer-size = 2 }
        }
        """;

    private readonly VirtualScheduler _timers;

    private SimulatedSystem(ActorSystem system, SimTaskScheduler tasks, VirtualClock clock)
    {
        System = system;
        Tasks = tasks;
        Clock = clock;
        _timers = (VirtualScheduler)system.Scheduler;
    }

    public ActorSystem System { get; }

    public SimTaskScheduler Tasks { get; }

    public VirtualClock Clock { get; }

    /// <summary>Its timers.</summary>
    public VirtualScheduler Timers => _timers;

    /// <summary>Starts a system.</summary>
    /// <param name="seed">Of all picks from here on.</param>
    /// <param name="clock">Time, which goes on from system to system.</param>
    /// <param name="akka">Further settings, which win.</param>
    public static SimulatedSystem Boot(ulong seed, VirtualClock clock, string akka = "")
    {
        var tasks = new SimTaskScheduler();
        using var work = new AutoResetEvent(false);
        ActorSystem? system = null;
        Exception? failure = null;
        var creator = new Thread(() =>
        {
            try
            {
                VirtualScheduler.Booting(tasks, clock);
                system = ActorSystem.Create("simulation", ConfigurationFactory.ParseString(akka).WithFallback(ConfigurationFactory.ParseString(Settings)));
                // The default materializer is made by the first use of any other one.
                system.Materializer();
            }
            catch (Exception e)
            {
                failure = e;
            }
        })
        { IsBackground = true, Name = "simulation boot" };
        creator.Start();
        Quietly(() =>
        {
            while (!creator.Join(0))
                if (!tasks.TryStep(0)) creator.Join(1);
            while (tasks.TryStep(0))
            {
            }
            return true;
        });
        if (failure is not null) throw new InvalidOperationException("the simulated system does not start", failure);
        tasks.Seed(seed);
        return new SimulatedSystem(system!, tasks, clock);
    }

    /// <summary>Steps until the goal is reached, or the number of steps is; false for the latter.</summary>
    /// <exception cref="SimulationException">It cannot go on (a deadlock), went on for more virtual time than allowed (a livelock), or is not repeatable.</exception>
    public bool Run(Func<bool> goal, long untilStep = long.MaxValue, TimeSpan? limit = null)
    {
        var end = Clock.Elapsed + (limit ?? TimeSpan.FromHours(1));
        return Quietly(() =>
        {
            while (!goal())
            {
                if (Tasks.Steps >= untilStep) return false;
                if (Tasks.Violation is { } violation) throw new SimulationException(violation);
                if (Tasks.TryStep(Clock.Elapsed.Ticks)) continue;
                if (_timers.NextDue is { } next && next > end)
                    throw new SimulationException($"the goal was not reached by {end} of virtual time, after {Tasks.Steps} steps: a livelock, or a wait that nothing ends\n{GraphDump()}");
                if (!_timers.TryAdvance())
                    throw new SimulationException($"nothing can run, no timer is set and the goal is not reached: a deadlock, after {Tasks.Steps} steps\n{GraphDump()}");
            }
            return true;
        });
    }

    /// <summary>Steps until nothing can run, without moving time.</summary>
    public void Settle() => Quietly(() =>
    {
        while (Tasks.TryStep(Clock.Elapsed.Ticks))
        {
        }
        return Tasks.Violation is { } violation ? throw new SimulationException(violation) : true;
    });

    /// <summary>Lets so much virtual time pass, and everything happen that is due in it.</summary>
    public void Pass(TimeSpan time)
    {
        var end = Clock.Elapsed + time;
        Settle();
        while (_timers.NextDue is { } next && next <= end)
        {
            _timers.TryAdvance();
            Settle();
        }
        Clock.MoveTo(end);
    }

    /// <summary>An await must come back to the task scheduler, and a test framework's synchronization context would win over it.</summary>
    public static T Quietly<T>(Func<T> action)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return action();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>What the stages of all running graphs wait for, as Akka prints it.</summary>
    public string GraphDump()
    {
        var message = typeof(StreamSupervisor).GetNestedType("PrintDebugDump", BindingFlags.Public | BindingFlags.NonPublic)?.GetField("Instance")?.GetValue(null);
        if (message is null) return "(this version of Akka.Streams prints no graphs)";
        var console = Console.Out;
        using var text = new StringWriter();
        Console.SetOut(text);
        try
        {
            System.ActorSelection("/user/StreamSupervisor-*").Tell(message);
            for (var i = 0; i < 10_000 && Tasks.TryStep(Clock.Elapsed.Ticks); i++)
            {
            }
        }
        finally
        {
            Console.SetOut(console);
        }
        return text.ToString();
    }

    /// <summary>
    /// Ends the system in order, as far as that goes without time. A crash is not this: it is not stepping any further, which leaves nothing behind but garbage.
    /// </summary>
    public void Dispose()
    {
        var end = Tasks.Start(async () =>
        {
            await System.Terminate();
            return true;
        });
        Quietly(() =>
        {
            for (var i = 0; i < 100_000 && !end.IsCompleted && Tasks.TryStep(Clock.Elapsed.Ticks); i++)
            {
            }
            return true;
        });
    }
}

/// <summary>A simulated run that is not a run: it hangs, or cannot be repeated.</summary>
internal sealed class SimulationException(string message) : Exception(message);
