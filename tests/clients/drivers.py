"""Real clients of PostgreSQL ask a served engine, each in its own ways; every answer is held against what it has to be.

usage: drivers.py PORT
"""

import asyncio
import datetime as dt
import decimal
import sys
import time
import uuid

import asyncpg
import psycopg
import psycopg2
import sqlalchemy

PORT = int(sys.argv[1])
WHERE = f"host=127.0.0.1 port={PORT} user=ann dbname=lake"
checked = 0


def same(found, wanted, what):
    global checked
    assert found == wanted, f"{what}: {found!r} is not {wanted!r}"
    checked += 1


def refused(run, state, what):
    global checked
    try:
        run()
    except psycopg.Error as error:
        assert error.sqlstate == state, f"{what}: {error.sqlstate} {error}"
        checked += 1
        return error
    raise AssertionError(f"{what} was not refused")


VALUES = """SELECT true AS a, 7::TINYINT AS b, -7::INTEGER AS c, 5000000000 AS d, 1.5::FLOAT AS e, 0.1::DOUBLE AS f,
    12.50::DECIMAL(9,2) AS g, 'it''s' AS h, '\\x00\\xFF'::BLOB AS i, DATE '2019-04-01' AS j, TIME '10:11:12.5' AS k,
    TIMESTAMP '2019-04-01 10:11:12.25' AS l, TIMESTAMPTZ '2019-04-01 10:11:12+00' AS m,
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID AS n, [1, NULL, 3] AS o, ['a', 'b "c"'] AS p,
    170141183460469231731687303715884105727::HUGEINT AS q, NULL AS r, INTERVAL 36 HOUR AS s"""
WANTED = (
    True, 7, -7, 5_000_000_000, 1.5, 0.1, decimal.Decimal("12.50"), "it's", b"\x00\xff", dt.date(2019, 4, 1),
    dt.time(10, 11, 12, 500000), dt.datetime(2019, 4, 1, 10, 11, 12, 250000),
    dt.datetime(2019, 4, 1, 10, 11, 12, tzinfo=dt.timezone.utc), uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    [1, None, 3], ["a", 'b "c"'], decimal.Decimal(2**127 - 1), None, dt.timedelta(hours=36),
)


def psycopg3():
    with psycopg.connect(WHERE, autocommit=True) as connection:
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            row = cursor.execute(VALUES + " FROM trips LIMIT 1").fetchone()
            for name, found, wanted in zip("abcdefghijklmnopqrs", row, WANTED):
                same(found, wanted, f"psycopg, binary {binary}: {name}")
        cursor = connection.cursor()
        counted = "SELECT count(*) FROM trips WHERE day = %s AND fare >= %s"
        same(cursor.execute(counted, (dt.date(2019, 4, 1), 10)).fetchone(), (3,), "parameters")
        same(cursor.execute(counted, ("2019-04-01", decimal.Decimal("10.5")), prepare=True).fetchone(), (2,), "prepared")
        same(cursor.execute("SELECT %s::INT[]", ([1, 2],)).fetchone(), ([1, 2],), "a list for a parameter")
        same(cursor.execute("SELECT id FROM trips WHERE id = ANY(%s) ORDER BY id", ([2, 4, 9],)).fetchall(), [(2,), (4,)], "ANY")
        both = "SELECT %s, id FROM trips WHERE id = %s"
        same(cursor.execute(both, ("x", 2)).fetchone(), ("x", 2), "one parameter of any type beside one of a number")
        hostile = "'; DROP TABLE trips; --"
        same(cursor.execute("SELECT %s", (hostile,)).fetchone(), (hostile,), "a hostile parameter")
        same(cursor.execute("SELECT count(*) FROM trips").fetchone(), (6,), "the table is there")
        error = refused(lambda: cursor.execute("SELECT fair FROM trips"), "42703", "an unknown column")
        same(error.diag.statement_position, "8", "its place")
        refused(lambda: cursor.execute("SELECT * FROM nowhere"), "42P01", "an unknown table")
        refused(lambda: cursor.execute("SELEC 1"), "42601", "no SQL")
        refused(lambda: cursor.execute("SELECT * FROM trips WHERE day = %s", ("x",)), "22P02", "no date")
        same(cursor.execute("SHOW server_version").fetchone(), ("16.6",), "SHOW")
        with cursor.copy("COPY (SELECT id, NULL AS n, 'a' || chr(9) || 'b' AS t FROM trips WHERE id < 3 ORDER BY id) TO STDOUT") as rows:
            same(list(rows.rows()), [("1", None, "a\tb"), ("2", None, "a\tb")], "COPY as text")
        with cursor.copy("COPY (SELECT id, fare, day, [id] AS l FROM trips WHERE id = 1) TO STDOUT (FORMAT binary)") as rows:
            rows.set_types(["int8", "numeric", "date", "int8[]"])
            same(list(rows.rows()), [(1, decimal.Decimal("9.50"), dt.date(2019, 4, 1), [1])], "COPY as bytes")
        with cursor.copy("COPY trips (id, day) TO STDOUT WITH (FORMAT csv, HEADER)") as rows:
            same(b"".join(rows).decode().splitlines()[:2], ["id,day", "1,2019-04-01"], "COPY as CSV")
        cursor.execute("CREATE TABLE sent (a INTEGER, t VARCHAR, d DATE)")
        rows = [(1, 'a\t"b"\\\n', dt.date(2019, 4, 1)), (2, "", None), (None, "\\N", dt.date(1, 1, 1)), (None, None, None)]
        with cursor.copy("COPY sent FROM STDIN") as lines:
            for row in rows:
                lines.write_row(row)
        same(cursor.rowcount, 4, "rows sent")
        with cursor.copy("COPY sent (t, a) FROM STDIN (FORMAT csv, HEADER, DELIMITER ';')") as lines:
            lines.write("t;a\n")
            lines.write('"x;y";5\n;6\n"";7\n')
        same(
            cursor.execute("SELECT a, t, d FROM sent ORDER BY a NULLS FIRST, t NULLS LAST").fetchall(),
            [rows[2], rows[3], rows[0], rows[1], (5, "x;y", None), (6, None, None), (7, "", None)],
            "rows sent as text and as CSV",
        )
        with connection.transaction(force_rollback=True):
            with cursor.copy("COPY sent (a) FROM STDIN") as lines:
                lines.write_row((8,))
            same(cursor.execute("SELECT max(a) FROM sent").fetchone(), (8,), "rows sent within a transaction")

        def copied(target, text):
            with cursor.copy(f"COPY {target} FROM STDIN") as lines:
                lines.write(text)

        error = refused(lambda: copied("sent", "1\ta\t2019-04-01\nx\tb\t2019-04-01\n"), "22P02", "rows of another type")
        same(("_quack" in str(error), "STDIN" in str(error)), (False, True), "where it was")
        refused(lambda: copied("nowhere", "1\n"), "42P01", "rows for no table")
        refused(lambda: copied("sent (z)", "1\n"), "42703", "rows for no column")
        try:
            with cursor.copy("COPY sent (a) FROM STDIN") as lines:
                lines.write_row((9,))
                raise KeyError("enough")
        except KeyError:
            pass
        same(cursor.execute("SELECT count(*), max(a) FROM sent").fetchone(), (7, 7), "what failed changed nothing")
        cursor.execute("DROP TABLE sent")
        # All rows come, however few at a time.
        with connection.transaction():
            named = connection.cursor(name="many")
            named.itersize = 7
            named.execute("SELECT i FROM range(100) r(i)")
            same([row[0] for row in named], list(range(100)), "a named cursor")
    with psycopg.connect(WHERE) as connection:
        connection.execute("SET statement_timeout = '400ms'")
        named = connection.cursor(name="later")
        named.execute("SELECT i FROM range(20) r(i)")
        same(named.fetchmany(2), [(0,), (1,)], "some rows in time")
        time.sleep(0.6)
        same(len(named.fetchall()), 18, "the rest, which has a time of its own")
    with psycopg.connect(WHERE) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE made (a INTEGER, b VARCHAR)")
        cursor.execute("INSERT INTO made VALUES (%s, %s), (2, 'two')", (1, "it's"))
        same(cursor.rowcount, 2, "rows of INSERT")
        same(cursor.execute("SELECT * FROM made ORDER BY a").fetchall(), [(1, "it's"), (2, "two")], "in the transaction")
        with psycopg.connect(WHERE, autocommit=True) as other:
            refused(lambda: other.execute("SELECT * FROM made"), "42P01", "what is not committed")
        connection.rollback()
        refused(lambda: cursor.execute("SELECT * FROM made"), "42P01", "what was rolled back")
        refused(lambda: cursor.execute("SELECT 1"), "25P02", "a failed transaction")
        connection.rollback()
        cursor.execute("CREATE TABLE made AS SELECT 1 AS a")
        connection.commit()
        same(cursor.execute("DELETE FROM made WHERE a = %s RETURNING a", (1,)).fetchall(), [(1,)], "RETURNING")
        connection.commit()
        cursor.execute("DROP TABLE made")
        connection.commit()


def psycopg_two():
    connection = psycopg2.connect(WHERE)
    cursor = connection.cursor()
    cursor.execute("SELECT id, fare FROM trips WHERE day = %s ORDER BY id LIMIT 2", (dt.date(2019, 4, 1),))
    same(cursor.fetchall(), [(1, decimal.Decimal("9.50")), (2, decimal.Decimal("10.00"))], "psycopg2")
    same([column.name for column in cursor.description], ["id", "fare"], "its columns")
    held = connection.cursor("held", withhold=True)
    held.execute("SELECT id FROM trips ORDER BY id")
    connection.commit()
    same(held.fetchall(), [(i,) for i in range(1, 7)], "a cursor WITH HOLD, after COMMIT")
    held.close()
    named = connection.cursor("named")
    named.execute("SELECT id FROM trips ORDER BY id")
    same(named.fetchmany(4), [(1,), (2,), (3,), (4,)], "a cursor, some")
    same(named.fetchall(), [(5,), (6,)], "a cursor, the rest")
    connection.rollback()
    connection.close()


async def over_asyncpg():
    connection = await asyncpg.connect(host="127.0.0.1", port=PORT, user="ann", database="lake")
    row = await connection.fetchrow("SELECT id, fare, day FROM trips WHERE id = $1", 3)
    same(tuple(row), (3, decimal.Decimal("10.50"), dt.date(2019, 4, 1)), "asyncpg")
    same(await connection.fetchval("SELECT [1, 2, NULL]"), [1, 2, None], "a list, of a type that asyncpg asks for")
    statement = await connection.prepare("SELECT count(*) FROM trips WHERE day = $1 AND fare > $2")
    same(await statement.fetchval(dt.date(2019, 4, 2), decimal.Decimal(1)), 2, "prepared by asyncpg")
    row = await connection.fetchrow("SELECT $1, id FROM trips WHERE id = $2", "x", 2)
    same(tuple(row), ("x", 2), "types that asyncpg asks for")
    async with connection.transaction():
        same([row["i"] async for row in connection.cursor("SELECT i FROM range(60) r(i)", prefetch=9)], list(range(60)), "its cursor")
    await connection.close()


def alchemy():
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://ann@127.0.0.1:{PORT}/lake")
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.text("SELECT sum(fare) FROM trips WHERE id < :most"), {"most": 3}).scalar()
        same(found, decimal.Decimal("19.50"), "SQLAlchemy")


def catalog():
    with psycopg.connect(WHERE, autocommit=True) as connection:
        run = lambda sql: connection.execute(sql).fetchall()
        connection.execute("CREATE OR REPLACE VIEW cheap AS SELECT id FROM trips WHERE fare < 10")
        connection.execute("COMMENT ON TABLE trips IS 'yellow cabs'")
        listed = """SELECT n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'v') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2"""
        same(run(listed), [("main", "cheap", "v"), ("main", "trips", "r")], "tables and views")
        columns = """SELECT attname, pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute
            WHERE attrelid = 'trips'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
        same(run(columns), [("id", "bigint"), ("fare", "numeric(9,2)"), ("day", "date")], "columns")
        same(run("SELECT obj_description('main.trips'::regclass, 'pg_class')"), [("yellow cabs",)], "a comment")
        same(run("SELECT pg_get_viewdef('cheap'::regclass, true)"), [("SELECT id FROM trips WHERE fare < 10",)], "a view's SQL")
        standard = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'cheap'"
        same(run(standard), [("id", "BIGINT")], "information_schema")
        same(run("SELECT relname FROM pg_class WHERE relname OPERATOR(pg_catalog.~) '^(tri)' COLLATE pg_catalog.default"), [("trips",)], "a pattern")
        same(run("SELECT version() LIKE 'PostgreSQL 16%', current_setting('TimeZone')"), [(True, "UTC")], "what it is")
        # As psql completes `\\d che_`.
        same(run(r"SELECT relname FROM pg_catalog.pg_class WHERE (relname) LIKE 'che\_%' OR (relname) LIKE 'tri\ps'"), [("trips",)], "names by LIKE")
        # As it completes `SET statement_ti`, and `SET max_i`, which nobody can set.
        settable = "SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings WHERE context IN ('user', 'superuser') AND pg_catalog.lower(name) LIKE pg_catalog.lower('{}%')"
        same(run(settable.format(r"statement\_ti")), [("statement_timeout",)], "settings by LIKE")
        same(run(settable.format(r"max\_i")), [], "settings that are fixed")
        # psql's \\dconfig.
        config = "SELECT s.name, pg_catalog.current_setting(s.name) AS v FROM pg_catalog.pg_settings s WHERE s.name = 'statement_timeout' ORDER BY 1"
        same(run(config), [("statement_timeout", "0")], "settings of a list")
        # As SQLAlchemy 1.4 asks, by which Superset looks at a table.
        indexes = """SELECT i.relname, a.attname FROM pg_class t JOIN pg_index ix ON t.oid = ix.indrelid
            JOIN pg_class i ON i.oid = ix.indexrelid LEFT OUTER JOIN pg_attribute a ON t.oid = a.attrelid AND a.attnum = ANY(ix.indkey)
            WHERE t.relkind IN ('r', 'v') AND t.oid = 'trips'::regclass AND ix.indisprimary = 'f' ORDER BY t.relname, i.relname"""
        same(run(indexes), [], "indexes")
        since = "SELECT count(*) FROM trips WHERE day >= TO_TIMESTAMP('2019-04-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')"
        same(run(since), run("SELECT count(*) FROM trips WHERE day >= '2019-04-01'"), "a moment in Superset's words")
        connection.execute("CREATE TABLE uploaded (n CHARACTER VARYING(10), x FLOAT(53), t TIMESTAMP WITHOUT TIME ZONE)")
        same(run("SELECT data_type FROM information_schema.columns WHERE table_name = 'uploaded'"), [("VARCHAR",), ("DOUBLE",), ("TIMESTAMP",)], "types")
        connection.execute("DROP TABLE uploaded")
        said = []
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
        connection.execute("SET search_path = sales")
        connection.execute("SET search_path = public")
        same((len(said), "of main" in said[0], run("SHOW search_path")), (1, True, [("main",)]), "another schema for names")
        refused(lambda: connection.execute("CREATE TABLE x (a serial)"), "42704", "no type")
        connection.execute("DROP VIEW cheap")
    inspector = sqlalchemy.inspect(sqlalchemy.create_engine(f"postgresql+psycopg://ann@127.0.0.1:{PORT}/lake"))
    same(inspector.get_table_names(schema="main"), ["trips"], "tables by SQLAlchemy")
    found = [(column["name"], str(column["type"])) for column in inspector.get_columns("trips", schema="main")]
    same(found, [("id", "BIGINT"), ("fare", "NUMERIC(9, 2)"), ("day", "DATE")], "columns by SQLAlchemy")
    same(inspector.get_pk_constraint("trips", schema="main")["constrained_columns"], [], "no key")
    same(inspector.get_indexes("trips", schema="main"), [], "no index")


def several():
    with psycopg.connect(WHERE, autocommit=True) as connection:
        answers = connection.execute("SET application_name = 'x'; SELECT 1; SELECT 2")
        same(answers.nextset(), True, "several statements")
        same(answers.fetchone(), (1,), "the second of several")
        refused(lambda: connection.execute("CREATE TABLE half AS SELECT 1 AS a; SELECT nothing FROM half"), "42703", "half")
        refused(lambda: connection.execute("SELECT * FROM half"), "42P01", "several statements are one transaction")
        refused(lambda: connection.execute("COMMIT; SELECT 1/x FROM nowhere"), "42P01", "after a COMMIT of nothing")


psycopg3()
psycopg_two()
asyncio.run(over_asyncpg())
alchemy()
catalog()
several()
print(f"{checked} answers of clients")
