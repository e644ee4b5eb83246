using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Hosting.Logging;
using Microsoft.Extensions.Logging;
using StreamEngine.Config;

namespace StreamEngine.Pipelines.Running;

/// <summary>The actor system that pipelines run on.</summary>
internal static class EngineSystem
{
    /// <summary>Starts one with the akka { } of a configuration; what it logs goes where everything goes.</summary>
    public static ActorSystem Start(HoconDocument document, ILoggerFactory loggers)
    {
        var logger = ConfigurationFactory.ParseString($"akka.loggers = [\"{typeof(LoggerFactoryLogger).AssemblyQualifiedName}\"]");
        var config = ConfigurationFactory.ParseString(document.RenderRaw("akka")).WithFallback(logger);
        return ActorSystem.Create("streamengine", ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), new LoggerFactorySetup(loggers)));
    }
}
