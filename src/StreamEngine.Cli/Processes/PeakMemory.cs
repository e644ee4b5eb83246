using System.Diagnostics;
using System.Globalization;

namespace StreamEngine.Cli.Processes;

/// <summary>The most memory a process had in use. .NET gives zero for it on Linux, where the kernel says it in /proc/PID/status.</summary>
internal static class PeakMemory
{
    public static long Of(Process process)
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                foreach (var line in File.ReadLines($"/proc/{process.Id}/status"))
                    if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                        return long.Parse(line.AsSpan(6).Trim().TrimEnd("kB ").ToString(), CultureInfo.InvariantCulture) * 1024;
            }
            catch (IOException)
            {
                return 0;
            }
        }
        return process.PeakWorkingSet64;
    }
}
