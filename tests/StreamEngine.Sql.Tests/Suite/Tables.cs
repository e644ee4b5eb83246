using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Plan.Logical;

namespace StreamEngine.Sql.Suite;

/// <summary>What the tests' SQL can name.</summary>
internal static class Tables
{
    /// <summary>A catalog from lines `NAME on TIME (COLUMN TYPE, ..)`: TIME is a column, a path of a struct, or - for none.</summary>
    public static Catalog Of(IEnumerable<string> sources, IEnumerable<string> sinks) => new([.. sources.Select(Source)], [.. sinks]);

    private static CatalogSource Source(string line)
    {
        var open = line.IndexOf('(', StringComparison.Ordinal);
        var words = line[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var (name, time) = (words[0], words[2]);
        var declared = TypeParser.ParseSchema(line[(open + 1)..line.LastIndexOf(')')]);
        // As the physical planner does: every source has its record timestamp, and a nested event time is copied behind it.
        var columns = new List<Field>([.. declared, new Field(CatalogColumns.RecordTimestamp, DataType.Timestamp)]);
        if (time == "-") return new CatalogSource(name, new Schema(columns), -1);
        if (declared.IndexOf(time) >= 0) return new CatalogSource(name, new Schema(columns), declared.IndexOf(time));
        columns.Add(new Field(CatalogColumns.EventTime, DataType.Timestamp));
        return new CatalogSource(name, new Schema(columns), columns.Count - 1) { EventTimePath = ExpressionParser.Parse(time).ToString() };
    }

    public static Catalog Flights { get; } = Of(
        ["flights on date (date TIMESTAMP NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL)",
            "quakes on properties.time (id STRING NOT NULL, properties STRUCT<time TIMESTAMP, mag DOUBLE>)"],
        ["hourly", "busiest", "raw"]);
}
