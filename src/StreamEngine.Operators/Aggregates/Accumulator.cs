using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>The values of one aggregate for all groups of a pane, by the group's number. Called per batch, never per row.</summary>
internal abstract unsafe class Accumulator : IDisposable
{
    public abstract long Bytes { get; }

    /// <summary>Makes room for so many groups; new ones are empty.</summary>
    public abstract void Reserve(int groups);

    /// <summary>Adds rows of a batch: the i-th of them to group <paramref name="groups"/>[i].</summary>
    public abstract void Add(Batch batch, RowSet rows, int* groups);

    /// <summary>Adds other groups: the one numbered <paramref name="from"/>[i] to ours <paramref name="to"/>[i], for each i below the count; null stands for i
    /// itself.</summary>
    public abstract void Merge(Accumulator other, int* to, int* from, int count);

    /// <summary>Replaces groups by others, numbered as for <see cref="Merge"/>.</summary>
    public abstract void Copy(Accumulator other, int* to, int* from, int count);

    /// <summary>
    /// The results of so many groups from the first one on. A group whose result does not fit its type is put into <paramref name="overflowed"/> (numbers from 0) and
    /// gets null.
    /// </summary>
    public abstract ColumnVector Emit(int first, int count, Arena arena, List<int> overflowed);

    /// <summary>Writes a group's value, of variable length.</summary>
    public abstract void Write(int group, StateBuffer to);

    /// <summary>Replaces a group's value by what <see cref="Write"/> wrote.</summary>
    public abstract void Read(int group, ref StateReader from);

    public abstract void Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static int At(int* numbers, int i) => numbers is null ? i : numbers[i];

    public static Accumulator Create(AggregateSpec spec, MemoryScope scope) => (spec.Function, spec.ArgumentType?.Kind) switch
    {
        (AggregateFunction.Count, _) when spec.Distinct => new CountDistinctAccumulator(spec.Argument, scope),
        (AggregateFunction.Count, _) => new CountAccumulator(spec.Argument, scope),
        (AggregateFunction.Sum or AggregateFunction.Avg, TypeKind.Int32) => new SumAccumulator<int, long, Int32Sum>(spec, scope),
        (AggregateFunction.Sum or AggregateFunction.Avg, TypeKind.Int64) => new SumAccumulator<long, Int128, Int64Sum>(spec, scope),
        (AggregateFunction.Sum or AggregateFunction.Avg, TypeKind.Float64) => new SumAccumulator<double, double, DoubleSum>(spec, scope),
        (AggregateFunction.Sum or AggregateFunction.Avg, TypeKind.Decimal) => new SumAccumulator<Int128, Int128, DecimalSum>(spec, scope),
        (_, TypeKind.Utf8) => new TextExtremeAccumulator(spec, scope),
        (_, TypeKind.Boolean) => new ExtremeAccumulator<byte, ByteOrder>(spec, scope),
        (_, TypeKind.Int32 or TypeKind.Date) => new ExtremeAccumulator<int, Int32Order>(spec, scope),
        (_, TypeKind.Int64 or TypeKind.Timestamp) => new ExtremeAccumulator<long, Int64Order>(spec, scope),
        (_, TypeKind.Float64) => new ExtremeAccumulator<double, DoubleOrder>(spec, scope),
        (_, TypeKind.Decimal) => new ExtremeAccumulator<Int128, DecimalOrder>(spec, scope),
        _ => throw new ArgumentException($"{spec.Function} does not take {spec.ArgumentType}"),
    };
}
