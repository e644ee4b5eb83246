using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

internal readonly unsafe struct ExtractOp : IBinary<Utf8View, long, long>
{
    public static Outcome Apply(Utf8View* a, long* b, long* result, OpState state)
    {
        if (!((FieldCache)state.Extra!).TryGet(a, state, out var field)) return Outcome.Fault;
        *result = TimeFields.Of(*b, field);
        return Outcome.Value;
    }
}

internal readonly unsafe struct ExtractDateOp : IBinary<Utf8View, int, long>
{
    public static Outcome Apply(Utf8View* a, int* b, long* result, OpState state)
    {
        var micros = *b * Calendar.MicrosPerDay;
        return ExtractOp.Apply(a, &micros, result, state);
    }
}

internal readonly unsafe struct ExtractIntervalOp : IBinary<Utf8View, Interval, long>
{
    public static Outcome Apply(Utf8View* a, Interval* b, long* result, OpState state)
    {
        if (!((FieldCache)state.Extra!).TryGet(a, state, out var field)) return Outcome.Fault;
        return TimeFields.TryOf(*b, field, out *result) ? Outcome.Value : state.Fail("an INTERVAL has no such field");
    }
}

/// <summary>Fields with a fraction.</summary>
internal readonly unsafe struct ExtractDecimalOp : IBinary<Utf8View, long, Int128>
{
    public static Outcome Apply(Utf8View* a, long* b, Int128* result, OpState state)
    {
        long value;
        var outcome = ExtractOp.Apply(a, b, &value, state);
        *result = value;
        return outcome;
    }
}

internal readonly unsafe struct ExtractIntervalDecimalOp : IBinary<Utf8View, Interval, Int128>
{
    public static Outcome Apply(Utf8View* a, Interval* b, Int128* result, OpState state)
    {
        long value;
        var outcome = ExtractIntervalOp.Apply(a, b, &value, state);
        *result = value;
        return outcome;
    }
}

internal readonly unsafe struct DatePartOp : IBinary<Utf8View, long, double>
{
    public static Outcome Apply(Utf8View* a, long* b, double* result, OpState state)
    {
        if (!((FieldCache)state.Extra!).TryGet(a, state, out var field)) return Outcome.Fault;
        *result = NumberCasts.ToDouble(TimeFields.Of(*b, field), TimeFields.ScaleOf(field));
        return Outcome.Value;
    }
}

internal readonly unsafe struct DatePartIntervalOp : IBinary<Utf8View, Interval, double>
{
    public static Outcome Apply(Utf8View* a, Interval* b, double* result, OpState state)
    {
        if (!((FieldCache)state.Extra!).TryGet(a, state, out var field)) return Outcome.Fault;
        if (!TimeFields.TryOf(*b, field, out var value)) return state.Fail("an INTERVAL has no such field");
        *result = NumberCasts.ToDouble(value, TimeFields.ScaleOf(field));
        return Outcome.Value;
    }
}

internal readonly unsafe struct DateTruncOp : IBinary<Utf8View, long, long>
{
    public static Outcome Apply(Utf8View* a, long* b, long* result, OpState state)
    {
        if (!((FieldCache)state.Extra!).TryGet(a, state, out var field)) return Outcome.Fault;
        return TimeFields.TryTruncate(*b, field, out *result) ? Outcome.Value : state.Fail($"a time has no start of its {field.ToString().ToLowerInvariant()}");
    }
}

/// <summary>Seconds since 1970, rounded to microseconds.</summary>
internal readonly unsafe struct ToTimestampOp : IUnary<double, long>
{
    public static Outcome Apply(double* a, long* result, OpState state)
    {
        var micros = Math.Round(*a * 1e6, MidpointRounding.ToEven);
        if (!(Math.Abs(micros) < 9.2e18)) return state.OutOfRange();
        *result = (long)micros;
        return Outcome.Value;
    }
}

internal readonly unsafe struct MakeDateOp : ITernary<int, int, int, int>
{
    public static Outcome Apply(int* a, int* b, int* c, int* result, OpState state)
    {
        if (*a is < 1 or > 9999 || !Calendar.Exists(*a, *b, *c)) return state.Fail($"{*a}-{*b}-{*c} is no DATE");
        *result = Calendar.ToDays(*a, *b, *c);
        return Outcome.Value;
    }
}

internal readonly unsafe struct DateBinOp : ITernary<Interval, long, long, long>
{
    public static Outcome Apply(Interval* a, long* b, long* c, long* result, OpState state)
    {
        if (a->FixedMicroseconds is not { } size || size <= 0) return state.Fail("the size of a bin is a positive interval without months");
        var distance = (Int128)(*b) - *c;
        var start = *b - (distance % size + size) % size;
        *result = (long)start;
        return start == *result ? Outcome.Value : state.OutOfRange();
    }
}
