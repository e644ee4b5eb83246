using Akka.Actor;
using Akka.Streams;

namespace StreamEngine.Pipelines.Running;

/// <summary>Waits until every stage of a materializer has stopped: only then is nothing left that could touch native memory.</summary>
internal static class StageEnd
{
    public static Task WaitAsync(ActorMaterializer materializer, ActorSystem system)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        system.ActorOf(Props.Create(() => new Watcher(materializer.Supervisor, done)));
        return done.Task;
    }

    // The supervisor is terminated after all of its children, the islands, are.
    private sealed class Watcher : ReceiveActor
    {
        public Watcher(IActorRef supervisor, TaskCompletionSource done)
        {
            Context.Watch(supervisor);
            Receive<Terminated>(_ =>
            {
                Context.Stop(Self);
                done.TrySetResult();
            });
        }
    }
}
