"""Another DuckDB attaches a served engine as a PostgreSQL, by its extension `postgres`; every answer is held against what it has to be.

usage: attached.py PORT
"""

import datetime as dt
import decimal
import importlib.util
import pathlib
import sys

import duckdb

WHERE = f"host=127.0.0.1 port={int(sys.argv[1])} dbname=lake user=ann"
checked = 0


def same(found, wanted, what):
    global checked
    assert found == wanted, f"{what}: {found!r} is not {wanted!r}"
    checked += 1


def refused(sql, words, what):
    global checked
    try:
        ask(sql)
    except duckdb.Error as error:
        assert words in str(error), f"{what}: {error}"
        checked += 1
        return
    raise AssertionError(f"{what} was not refused")


package = importlib.util.find_spec("duckdb_extension_postgres_scanner")
extension = next(pathlib.Path(package.origin).parent.rglob("*.duckdb_extension"))
connection = duckdb.connect()
ask = lambda sql: connection.execute(sql).fetchall()
# What is not DuckDB's own is refused: the extension is signed.
ask(f"LOAD '{extension}'")
ask(f"ATTACH '{WHERE}' AS lake (TYPE postgres)")

listed = [row[1:5] for row in ask("SHOW ALL TABLES")]
same(listed, [("main", "trips", ["id", "fare", "day"], ["BIGINT", "DECIMAL(9,2)", "DATE"])], "SHOW ALL TABLES")
first = (1, decimal.Decimal("9.50"), dt.date(2019, 4, 1))
same(ask("SELECT * FROM lake.main.trips ORDER BY id")[0], first, "rows")
cheap = "SELECT id FROM lake.main.trips WHERE day = DATE '2019-04-01' AND fare > 9.75 ORDER BY id"
same(ask(cheap), [(2,), (3,), (4,)], "filters, which are sent")
summed = "SELECT day, count(*), sum(fare) FROM lake.main.trips GROUP BY day ORDER BY day"
same(ask(summed), [(dt.date(2019, 4, 1), 4, decimal.Decimal("41.00")), (dt.date(2019, 4, 2), 2, decimal.Decimal("23.50"))], "aggregates")
same(ask("SELECT count(*) FROM lake.main.trips"), [(6,)], "no column")
same(ask("SELECT n FROM postgres_query('lake', 'SELECT count(*) AS n FROM trips')"), [(6,)], "postgres_query")
same(ask(f"SELECT fare FROM postgres_scan('{WHERE}', 'main', 'trips') WHERE id = 3"), [(decimal.Decimal("10.50"),)], "postgres_scan")

VALUES = """true AS a, 7::SMALLINT AS b, -7::INTEGER AS c, 1.5::FLOAT AS d, 'it''s "' AS f, '\\x00\\xFF'::BLOB AS g,
    TIME '10:11:12.5' AS h, TIMESTAMP '2019-04-01 10:11:12.25' AS i, TIMESTAMPTZ '2019-04-01 10:11:12+00' AS j,
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID AS k, [1, NULL, 3] AS l, NULL::VARCHAR AS m, INTERVAL 36 HOUR AS n, '' AS o,
    -12.345::DECIMAL(9,3) AS p, DATE '1969-12-31' AS q"""
# Rows of this DuckDB's go there, in bytes, and come back.
ask(f"CREATE TABLE lake.main.sent AS SELECT i, {VALUES} FROM range(2000) r(i)")
same(ask("SELECT count(*), sum(i) FROM lake.main.sent"), [(2000, 1999000)], "CREATE TABLE AS")
ask("SET TimeZone = 'UTC'")
# Python's own times with a zone would take another package.
shown = "SELECT * EXCLUDE i REPLACE (j::VARCHAR AS j)"
back, wanted = (ask(f"{shown} FROM {source}") for source in ("lake.main.sent WHERE i = 7", f"(SELECT 7 AS i, {VALUES})"))
same(back, wanted, "values, there and back")
ask("INSERT INTO lake.main.sent (i, f) VALUES (5000, NULL), (5001, 'x')")
same(ask("SELECT i, f, a FROM lake.main.sent WHERE i >= 5000 ORDER BY i"), [(5000, None, None), (5001, "x", None)], "INSERT of columns")
ask("BEGIN")
ask("INSERT INTO lake.main.sent (i) VALUES (6000)")
same(ask("SELECT count(*) FROM lake.main.sent WHERE i = 6000"), [(1,)], "within a transaction")
ask("ROLLBACK")
same(ask("SELECT count(*) FROM lake.main.sent WHERE i = 6000"), [(0,)], "what was rolled back")
# It makes DOUBLE a FLOAT, which is PostgreSQL's name of that and DuckDB's of a shorter one.
refused("CREATE TABLE lake.main.short AS SELECT 0.1::DOUBLE AS a", "make it one of DOUBLE", "a number that would lose its digits")
ask("CALL postgres_execute('lake', 'CREATE TABLE long (a DOUBLE)')")
ask("CALL pg_clear_cache()")
ask("INSERT INTO lake.main.long VALUES (0.1)")
same(ask("FROM lake.main.long"), [(0.1,)], "a DOUBLE")
ask("DROP TABLE lake.main.long")
# It finds rows by PostgreSQL's `ctid`, which the lake's tables have not.
refused("UPDATE lake.main.sent SET f = 'y' WHERE i = 7", "ctid", "UPDATE")
ask("CALL postgres_execute('lake', 'DELETE FROM sent WHERE i < 1999')")
same(ask("SELECT count(*) FROM lake.main.sent"), [(3,)], "postgres_execute")
ask("CREATE SCHEMA lake.other")
ask("CREATE TABLE lake.other.t (a INTEGER)")
ask("DROP TABLE lake.other.t")
ask("DROP SCHEMA lake.other")
ask("DROP TABLE lake.main.sent")
print(f"{checked} answers to another DuckDB")
