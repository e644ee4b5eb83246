using System.Globalization;

namespace StreamEngine.Cli.Demo;

/// <summary>What the demo shows while it goes on: lines that stay, and one that is drawn again on a terminal and written now and then elsewhere.</summary>
internal sealed class DemoScreen
{
    private readonly long _start = TimeProvider.System.GetTimestamp();
    private readonly bool _terminal = !Console.IsOutputRedirected;
    private double _lastStatus = double.MinValue;
    private bool _drawn;

    public double Seconds => TimeProvider.System.GetElapsedTime(_start).TotalSeconds;

    public void Say(string text)
    {
        Clear();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Seconds,5:0.0} s  {text}"));
    }

    public void Print(string text)
    {
        Clear();
        Console.WriteLine(text);
    }

    public void Status(string text)
    {
        if (!_terminal && Seconds - _lastStatus < 1) return;
        _lastStatus = Seconds;
        if (!_terminal) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Seconds,5:0.0} s  {text}"));
        else
        {
            Console.Write(string.Create(CultureInfo.InvariantCulture, $"\r\u001b[2K{Seconds,5:0.0} s  {text}"));
            _drawn = true;
        }
    }

    private void Clear()
    {
        if (_drawn) Console.Write("\r\u001b[2K");
        _drawn = false;
    }
}
