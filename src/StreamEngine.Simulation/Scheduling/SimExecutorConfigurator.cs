using Akka.Dispatch;

namespace StreamEngine.Simulation.Scheduling;

/// <summary>
/// The executor of every dispatcher of a simulated actor system: a mailbox that has messages goes into the seeded queue. Named by type in the system's configuration.
/// </summary>
internal sealed class SimExecutorConfigurator : ExecutorServiceConfigurator
{
    public SimExecutorConfigurator(Akka.Configuration.Config config, IDispatcherPrerequisites prerequisites)
        : base(config, prerequisites)
    {
    }

    public override ExecutorService Produce(string id) => new SimExecutor(id, ((VirtualScheduler)Prerequisites.Scheduler).Tasks);

    private sealed class SimExecutor(string id, SimTaskScheduler tasks) : ExecutorService(id)
    {
        public override void Execute(IRunnable run) => tasks.Execute(run);

        public override void Shutdown()
        {
        }
    }
}
