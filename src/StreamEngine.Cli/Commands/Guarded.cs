using StreamEngine.Cli.Terminal;
using StreamEngine.Config;
using StreamEngine.Core;
using StreamEngine.Kafka.Native;

namespace StreamEngine.Cli.Commands;

/// <summary>Runs a command's body: what a person has to act on is said without a stack, and the exit code says that it failed.</summary>
internal static class Guarded
{
    /// <summary>A body that ends by signals in its own way, from its first moment on: at no moment before it are they without a taker.</summary>
    public static async Task<int> RunAsync(Func<StopSignal, Task<int>> body)
    {
        using var signal = new StopSignal();
        return await GuardAsync(() => body(signal));
    }

    /// <summary>A body that signals end as they end any process.</summary>
    public static Task<int> RunAsync(Func<Task<int>> body)
    {
        StopSignal.EndEarly();
        return GuardAsync(body);
    }

    private static async Task<int> GuardAsync(Func<Task<int>> body)
    {
        try
        {
            return await body();
        }
        catch (ConfigException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCodes.Failed;
        }
        catch (StartupException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCodes.Failed;
        }
        catch (FencedException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCodes.Fenced;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException { ParamName: null })
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCodes.Failed;
        }
        catch (Confluent.Kafka.KafkaException e)
        {
            await Console.Error.WriteLineAsync($"Kafka refuses: {e.Error.Reason} ({e.Error.Code})");
            return ExitCodes.Failed;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("stopped before it was done");
            return ExitCodes.Failed;
        }
        catch (KafkaClientException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCodes.Failed;
        }
        catch (Exception e)
        {
            // Not foreseen: the whole of it helps whoever looks into it, and the exit code is still one of those that are promised.
            await Console.Error.WriteLineAsync($"failed: {e}");
            return ExitCodes.Failed;
        }
    }
}
