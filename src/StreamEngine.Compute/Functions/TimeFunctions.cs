using System.Text;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Functions of dates, timestamps and intervals.</summary>
internal static class TimeFunctions
{
    private const TypeKind Text = TypeKind.Utf8;

    /// <summary>The forms of extract; the field decides the type, so that values are exact: BIGINT, but DECIMAL where there is a fraction.</summary>
    private static Overload[] Extracts =>
    [
        Define.Binary<Utf8View, long, long, ExtractOp>(Text, TypeKind.Timestamp, DataType.Int64, FieldOf),
        Define.Binary<Utf8View, int, long, ExtractDateOp>(Text, TypeKind.Date, DataType.Int64, FieldOf),
        Define.Binary<Utf8View, Interval, long, ExtractIntervalOp>(Text, TypeKind.Interval, DataType.Int64, FieldOf),
        Define.Binary<Utf8View, long, Int128, ExtractDecimalOp>(Text, TypeKind.Timestamp, DataType.Null, FieldOf),
        Define.Binary<Utf8View, Interval, Int128, ExtractIntervalDecimalOp>(Text, TypeKind.Interval, DataType.Null, FieldOf),
    ];

    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("extract", "A field of a time: year, quarter, month, week, day, dow, doy, hour, minute, second, epoch, ..",
            "EXTRACT(HOUR FROM TIMESTAMP '2001-01-02 03:04:05')", "3", () => Extracts[..3])
        {
            Form = "extract(field FROM TIMESTAMP | DATE | INTERVAL)", Bind = BindExtract,
        },
        new("date_part", "The same as a DOUBLE.", "date_part('minute', TIMESTAMP '2001-01-02 03:04:05')", "4",
            () => [Define.Binary<Utf8View, long, double, DatePartOp>(Text, TypeKind.Timestamp, DataType.Float64, FieldOf),
            Define.Binary<Utf8View, Interval, double, DatePartIntervalOp>(Text, TypeKind.Interval, DataType.Float64, FieldOf)]),
        new("date_trunc", "The start of the hour, day, week, month, .. that a time lies in.", "date_trunc('hour', TIMESTAMP '2001-01-02 03:04:05')",
            "2001-01-02 03:00:00",
            () => [Define.Binary<Utf8View, long, long, DateTruncOp>(Text, TypeKind.Timestamp, DataType.Timestamp, FieldOf)]),
        new("to_timestamp", "A time of seconds since 1970, or of a text in a form such as 'YYYY-MM-DD HH24:MI:SS'.", "to_timestamp('02/01/2001', 'DD/MM/YYYY')",
            "2001-01-02 00:00:00",
            () => [Define.Unary<double, long, ToTimestampOp>(TypeKind.Float64, DataType.Timestamp),
            Define.Binary<Utf8View, Utf8View, long, ParseTimestampOp>(Text, Text, DataType.Timestamp, _ => new TimeFormatCache())]),
        new("to_date", "A date of a text in a form such as 'YYYY-MM-DD'.", "to_date('2001 01 02', 'YYYY MM DD')", "2001-01-02",
            () => [Define.Binary<Utf8View, Utf8View, int, ParseDateOp>(Text, Text, DataType.Date, _ => new TimeFormatCache())]),
        new("to_char", "A time as text in a form such as 'YYYY-MM-DD HH24:MI:SS.MS', 'Day DD Mon YYYY'.", "to_char(TIMESTAMP '2001-01-02 03:04:05', 'DD Mon YYYY')",
            "02 Jan 2001",
            () => [Define.Binary<long, Utf8View, Utf8View, ToCharOp>(TypeKind.Timestamp, Text, DataType.Utf8, _ => new TimeFormatCache())]),
        new("make_date", "A date of year, month and day.", "make_date(2001, 2, 3)", "2001-02-03", () => [Define.Ternary<int, int, int, int,
            MakeDateOp>(TypeKind.Int32, TypeKind.Int32, TypeKind.Int32, DataType.Date)]),
        new("date_bin", "The start of the bin that a time lies in: bins of an interval, counted from an origin.",
            "date_bin(INTERVAL '15' MINUTE, TIMESTAMP '2001-01-02 03:44:05', TIMESTAMP '2001-01-01')", "2001-01-02 03:30:00",
            () => [Define.Ternary<Interval, long, long, long, DateBinOp>(TypeKind.Interval, TypeKind.Timestamp, TypeKind.Timestamp, DataType.Timestamp)]),
        Part("year"), Part("quarter"), Part("month"), Part("week"), Part("day"), Part("hour"), Part("minute"),
    ];

    private static object? FieldOf(CallSite site) => new FieldCache();

    /// <summary>hour(t) and its like: EXTRACT with the function's name as the field.</summary>
    private static FunctionDefinition Part(string field)
    {
        var value = field switch { "year" => "2001", "day" => "3", "hour" => "4", "minute" => "5", "month" => "2", "week" => "5", _ => "1" };
        return new(field, $"EXTRACT({field.ToUpperInvariant()} FROM t).", $"{field}(TIMESTAMP '2001-02-03 04:05:06')", value, () => Extracts[..3])
        {
            Form = $"{field}(TIMESTAMP | DATE | INTERVAL)",
            Bind = site => site.Arguments.Count != 1 ? throw new SqlException(site.Call.Span, $"{field} has one argument", $"it is {site.Function.Form}")
                : BindField(site, new BoundConstant(site.Call, Constant.OfText(field)), site.Arguments[0]),
        };
    }

    private static BoundExpression BindExtract(BindSite site)
    {
        if (site.Arguments.Count != 2) throw new SqlException(site.Call.Span, "extract has a field and a time", "for example EXTRACT(HOUR FROM t)");
        if (site.Arguments[0] is not BoundConstant { Type.Kind: TypeKind.Utf8 } field) throw new SqlException(site.Arguments[0].Span, "the field of extract is a word",
            "for example EXTRACT(HOUR FROM t); date_part takes a field that differs by row");
        return BindField(site, field, site.Arguments[1]);
    }

    private static BoundExpression BindField(BindSite site, BoundConstant field, BoundExpression time)
    {
        var name = field.Value.Text;
        if (!TimeFields.TryParse(field.Value.Bytes, out var parsed)) throw new SqlException(field.Span, $"'{name}' is no field of a time",
            Spelling.DidYouMean(name, TimeFields.All) ?? $"fields are {string.Join(", ", TimeFields.All)}");
        if (TimeFields.ScaleOf(parsed) == 0) return ExpressionBinder.Call(site.Call, site.Function, [field, time]);
        var isInterval = time.Type.Kind == TypeKind.Interval;
        if (ExpressionBinder.Convert(time, isInterval ? DataType.Interval : DataType.Timestamp) is not { } converted) return ExpressionBinder.Call(site.Call,
            site.Function, [field, time]);
        return new BoundCall(site.Call, site.Function, Extracts[isInterval ? 4 : 3], [field, converted],
            DataType.Decimal(parsed == TimeField.Epoch ? 20 : 8, TimeFields.ScaleOf(parsed)));
    }
}

/// <summary>The field of a node's last row: parsed again only when it changes.</summary>
internal sealed unsafe class FieldCache
{
    private byte[]? _text;
    private TimeField _field;
    private bool _known;

    public bool TryGet(Utf8View* text, OpState state, out TimeField field)
    {
        if (_text is null || !Utf8View.SpanOf(text).SequenceEqual(_text))
        {
            _text = Utf8View.SpanOf(text).ToArray();
            _known = TimeFields.TryParse(_text, out _field);
        }
        field = _field;
        if (!_known) state.Fail($"'{Encoding.UTF8.GetString(_text)}' is no field of a time");
        return _known;
    }
}
