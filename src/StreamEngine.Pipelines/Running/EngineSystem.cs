using Akka.Actor;
using Akka.Configuration;
using StreamEngine.Config;

namespace StreamEngine.Pipelines.Running;

/// <summary>The actor system that pipelines run on.</summary>
internal static class EngineSystem
{
    /// <summary>Starts one with the akka { } of a configuration.</summary>
    public static ActorSystem Start(HoconDocument document) => ActorSystem.Create("streamengine", ConfigurationFactory.ParseString(document.RenderRaw("akka")));
}
