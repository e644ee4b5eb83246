using StreamEngine.Config;

namespace StreamEngine.Pipelines.Files;

/// <summary>One mistake is one error: what rests on it has none of its own.</summary>
public class FollowOnErrorTests
{
    private const string Right = """
        pipeline {
          name = flights
          sources.flights {
            topic = flights
            schema = "date TIMESTAMP NOT NULL, delay INT, distance INT, origin STRING NOT NULL, place STRUCT<city STRING>"
            event-time { column = date, out-of-orderness = 1h }
            rules { plausible = "delay BETWEEN -120 AND 2000", far = "distance > 0 AND delay > 0" }
          }
          sql = \"\"\"
            CREATE VIEW late AS SELECT date, delay, origin, upper(origin) AS upper FROM flights WHERE delay > 15;
            CREATE VIEW everything AS SELECT * FROM flights;
            INSERT INTO hourly
            SELECT window_start, upper(origin) AS origin, count(*) AS flights, avg(delay) AS average, max(delay) - min(delay) AS spread
            FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, upper(origin) HAVING avg(delay) > 0;
            INSERT INTO viewed SELECT window_end, origin, sum(delay) AS delay FROM HOP(late, date, INTERVAL '1' HOUR, INTERVAL '2' HOUR) GROUP BY window_end, origin;
            INSERT INTO copied SELECT delay, origin AS o FROM everything WHERE delay > 1
          \"\"\"
          sinks {
            hourly { topic = hourly, key = [window_start, origin], mode = upsert }
            viewed { topic = viewed, key = origin }
            copied { topic = copied, key = o }
          }
          commit-interval = 1s
        }
        """;

    private static string Text => Right.Replace("\\\"", "\"", StringComparison.Ordinal);

    private static IReadOnlyList<ConfigError> Errors(string text) => Assert.Throws<ConfigException>(() => PipelineFile.Parse(text, "p.conf")).Errors;

    [Fact]
    public void The_text_without_a_mistake_is_right() => PipelineFile.Parse(Text, "p.conf");

    [Theory]
    // A column that is declared with an error: rules, conditions, views of it, windows, keys, and * that would hold it.
    [InlineData("delay INT,", "delay INTEGR,", "unknown type 'INTEGR'")]
    [InlineData("delay INT,", "delay INT(4),", "expected ',' or the end of the text, found '('")]
    [InlineData("origin STRING NOT NULL", "origin VARCHAR(3) NOT NULL", "VARCHAR has no length here")]
    [InlineData("date TIMESTAMP NOT NULL", "date TIMESTAMP FORMAT yyyy NOT NULL", "expected the format, found 'yyyy'")]
    [InlineData("date TIMESTAMP NOT NULL", "date TIMESTAMP FORMAT 'QQ' NOT NULL", "'QQ' is no part of a timestamp format")]
    [InlineData("date TIMESTAMP NOT NULL", "date INT FORMAT 'yyyy' NOT NULL", "column 'date' is INT: only TIMESTAMP and DATE have a FORMAT")]
    [InlineData("delay INT, distance INT,", "delay INT distance INT,", "expected ',' or the end of the text, found 'distance'")]
    [InlineData("place STRUCT<city STRING>", "place STRUCT<city STRNG>", "unknown type 'STRNG'")]
    // Names that are lost with what could not be read.
    [InlineData("delay INT, distance", "tags ARRAY<STRING, delay INT, distance", "expected '>', found ','")]
    [InlineData("schema = \"date", "schem = \"date", "unknown key 'schem'")]
    [InlineData("schema = \"date TIMESTAMP NOT NULL, delay INT, distance INT, origin STRING NOT NULL, place STRUCT<city STRING>\"", "", "missing required key 'schema'")]
    [InlineData("schema = \"date", "schema = \"'date", "a text is not closed")]
    // An event time that is wrong: windows on the column that was meant.
    [InlineData("column = date", "column = datum", "column 'datum' does not exist in flights")]
    [InlineData("column = date", "column = delay", "the event time 'delay' is INT, not TIMESTAMP")]
    [InlineData("column = date", "colum = date", "unknown key 'colum'")]
    [InlineData("event-time { column", "event-tme { column", "unknown key 'event-tme'")]
    [InlineData("column = date", "column = [date]", "pipeline.sources.flights.event-time.column has to be a text")]
    // Sources, sinks and SQL that are not there.
    [InlineData("sources.flights {", "sorces.flights {", "unknown key 'sorces'")]
    [InlineData("sinks {", "sinkz {", "unknown key 'sinkz'")]
    [InlineData("sql = ", "sqll = ", "unknown key 'sqll'")]
    [InlineData("copied { topic = copied, key = o }", "copied = 3", "pipeline.sinks.copied has to be a block")]
    [InlineData("key = [window_start, origin]", "kye = [window_start, origin]", "unknown key 'kye'")]
    // A view that failed, and what reads it.
    [InlineData("SELECT date, delay, origin, upper(origin) AS upper FROM", "SELECT date, dely, origin, upper(origin) AS upper FROM", "column 'dely' does not exist in flights")]
    [InlineData("CREATE VIEW late AS SELECT date", "CREATE VIEW late AS SELEC date", "expected SELECT, found 'SELEC'")]
    [InlineData("CREATE VIEW late AS", "CREAT VIEW late AS", "expected INSERT INTO or CREATE VIEW, found 'CREAT'")]
    [InlineData("CREATE VIEW late AS SELECT date", "CREATE VIEW late AS SELECT € date", "unexpected character '€'")]
    [InlineData("FROM TUMBLE(flights", "FROM TUMBLE(fligths", "'fligths' is neither a source nor a view")]
    // An operand that failed, in every place where more is asked of the whole.
    [InlineData("count(*) AS flights, avg(delay)", "count(*) AS flights, avg(uper(origin) + 1)", "function 'uper' does not exist", "avg(delay) > 0", "count(*) > 0")]
    [InlineData("WHERE delay > 15", "WHERE (dely + 1) * 2 > 15", "column 'dely' does not exist in flights")]
    [InlineData("distance > 0 AND", "distanc + 1 > 0 AND", "rule 'far' of flights: column 'distanc' does not exist")]
    [InlineData("max(delay) - min(delay)", "max(dely) - min(delay)", "column 'dely' does not exist in flights")]
    [InlineData("HAVING avg(delay) > 0", "HAVING round(avg(dely)) > 0", "column 'dely' does not exist in flights")]
    // A key or window of a query that failed: its columns, and the sink's key over them.
    [InlineData("GROUP BY window_start, upper(origin)", "GROUP BY window_start, uper(origin)", "function 'uper' does not exist")]
    [InlineData("TUMBLE(flights, date, INTERVAL '1' HOUR)", "TUMBLE(flights, date, INTERVAL '0' HOUR)", "the window's size must be positive")]
    [InlineData("avg(delay) AS average,", "avrage(delay) AS average,", "function 'avrage' does not exist")]
    [InlineData("INSERT INTO copied", "INSERT INTO copyed", "sink 'copyed' is not declared")]
    // One of two values that are compared.
    [InlineData("commit-interval = 1s", "commit-interval = 40s, \n}\nkafka { transaction-timeout = 2 fortnights", "kafka.transaction-timeout: unknown unit 'fortnights'")]
    public void One_mistake_is_one_error(string part, string mistake, string message, string? further = null, string? instead = null)
    {
        Assert.Contains(part, Text, StringComparison.Ordinal);
        var text = Text.Replace(part, mistake, StringComparison.Ordinal);
        if (further is not null) text = text.Replace(further, instead, StringComparison.Ordinal);
        var errors = Errors(text);
        Assert.True(errors.Count == 1, string.Join("\n\n", errors));
        Assert.Contains(errors, e => e.Message.StartsWith(message, StringComparison.Ordinal));
        Assert.All(errors, e => Assert.Equal("p.conf", e.File));
    }

    [Fact]
    public void What_does_not_rest_on_a_mistake_is_judged_beside_it()
    {
        var text = Text.Replace("delay INT,", "delay INTEGR,", StringComparison.Ordinal).Replace("AS o FROM", "AS o, distnce FROM", StringComparison.Ordinal)
            .Replace("key = o }", "key = \"uper(o)\" }", StringComparison.Ordinal).Replace("1h }", "1x }", StringComparison.Ordinal)
            .Replace("upper(origin) AS upper FROM", "upper(orgin) AS upper FROM", StringComparison.Ordinal);
        Assert.Equal(["unknown type 'INTEGR'", "pipeline.sources.flights.event-time.out-of-orderness: unknown unit 'x' of a duration",
            "column 'orgin' does not exist in flights", "key of sink 'copied': function 'uper' does not exist"], Errors(text).Select(e => e.Message));
    }

    [Fact]
    public void Very_many_errors_are_counted()
    {
        var text = Text.Replace("SELECT delay, origin AS o", $"SELECT {string.Join(", ", Enumerable.Range(0, 60).Select(i => $"uper{i}(origin) AS c{i}"))}, delay, origin AS o",
            StringComparison.Ordinal);
        var message = Assert.Throws<ConfigException>(() => PipelineFile.Parse(text, "p.conf")).Message;
        Assert.Equal(51, message.Split("\n\n").Length);
        Assert.Contains("function 'uper49' does not exist", message, StringComparison.Ordinal);
        Assert.DoesNotContain("function 'uper50' does not exist", message, StringComparison.Ordinal);
        Assert.EndsWith("\n\nand 10 more", message, StringComparison.Ordinal);
    }
}
