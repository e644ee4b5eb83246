using StreamEngine.Core;
using StreamEngine.Operators.Groups;

namespace StreamEngine.Operators.Windows;

/// <summary>The groups of a window that closes.</summary>
internal unsafe interface IWindowGroups
{
    GroupKeys Keys { get; }

    /// <summary>The numbers of the next groups from the cursor on, at most so many, and moves it behind them; 0 at the end.</summary>
    int Next(ref int cursor, int* groups, int most);

    /// <summary>The results of an aggregate for groups that <see cref="Next"/> gave. Those that do not fit their type are put into <paramref name="overflowed"/>, by
    /// their place, and are null.</summary>
    ColumnVector Emit(int aggregate, int* groups, int count, Arena arena, List<int> overflowed);
}
