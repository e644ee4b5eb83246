using Akka.Actor;
using Akka.Streams;

namespace StreamEngine.Pipelines.Running;

/// <summary>
/// Makes a materializer with a supervisor of its own, and waits until that runs. One made by its name alone shares the system's default supervisor: after its shutdown
/// nothing runs under it any more, neither another pipeline nor the next incarnation. And a graph that is materialized under a supervisor that has not started yet blocks
/// its thread on an Ask (Akka.Streams, ActorMaterializerImpl.cs).
/// </summary>
internal static class StageStart
{
    public static async Task<ActorMaterializer> CreateAsync(ActorSystem system, string name)
    {
        var materializer = ActorMaterializer.Create(system, ActorMaterializerSettings.Create(system), name);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        system.ActorOf(Props.Create(() => new Caller(materializer.Supervisor, started)));
        await started.Task;
        return materializer;
    }

    private sealed class Caller : ReceiveActor
    {
        public Caller(IActorRef supervisor, TaskCompletionSource started)
        {
            supervisor.Tell(new Identify(null), Self);
            Receive<ActorIdentity>(_ =>
            {
                Context.Stop(Self);
                started.TrySetResult();
            });
        }
    }
}
