using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Events;
using Serilog.Extensions.Logging;
using Serilog.Formatting.Compact;

namespace StreamEngine.Cli.Logging;

/// <summary>Structured logs: readable lines on standard error where nobody draws there, and compact JSON in a rolling file.</summary>
internal static class Logs
{
    /// <param name="level">The least level: debug, information, warning, error.</param>
    /// <param name="folder">Where the files go; empty or null for none.</param>
    /// <param name="console">Lines on standard error; off where a progress display owns the terminal.</param>
    public static ILoggerFactory Create(string level = "information", string? folder = null, bool console = true)
    {
        var least = Enum.TryParse<LogEventLevel>(level, ignoreCase: true, out var parsed) ? parsed : LogEventLevel.Information;
        var configuration = new LoggerConfiguration().MinimumLevel.Is(least).MinimumLevel.Override("Microsoft", LogEventLevel.Warning).Enrich.FromLogContext();
        if (console) configuration.WriteTo.Console(outputTemplate: "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}",
            standardErrorFromLevel: LogEventLevel.Verbose, formatProvider: System.Globalization.CultureInfo.InvariantCulture);
        if (!string.IsNullOrEmpty(folder))
            configuration.WriteTo.File(new CompactJsonFormatter(), Path.Combine(folder, "engine-.log"), rollingInterval: RollingInterval.Day, retainedFileCountLimit: 7,
            fileSizeLimitBytes: 64 << 20, rollOnFileSizeLimit: true, shared: true);
        return new SerilogLoggerFactory(configuration.CreateLogger(), dispose: true);
    }
}
