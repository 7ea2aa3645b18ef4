"""psqlodbc, the driver that Tableau, Excel and Power BI have, asks a served engine, with cursors and without; every answer is held against
what it has to be. No test runs this: Debian's package of the driver cannot be pinned. By hand, with the example's table `trips` of the tests:

    apt-get install odbc-postgresql && pip install pyodbc && python odbc.py PORT
"""

import datetime as dt
import decimal
import sys

import pyodbc

PORT = int(sys.argv[1])
DRIVER = sys.argv[2] if len(sys.argv) > 2 else "{PostgreSQL Unicode}"
checked = 0


def same(found, wanted, what):
    global checked
    assert found == wanted, f"{what}: {found!r} is not {wanted!r}"
    checked += 1


def connect(autocommit=True, **more):
    settings = {"Driver": DRIVER, "Server": "127.0.0.1", "Port": PORT, "Database": "lake", "Uid": "ann", **more}
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in settings.items()), autocommit=autocommit)


VALUES = """SELECT 7::TINYINT, -7::INTEGER, 5000000000, 1.5::FLOAT, 12.50::DECIMAL(9,2), 'it''s', '\\x00\\xFF'::BLOB, DATE '2019-04-01',
    TIMESTAMP '2019-04-01 10:11:12.25', NULL, [1, NULL] FROM trips LIMIT 1"""
WANTED = [
    7, -7, 5_000_000_000, 1.5, decimal.Decimal("12.50"), "it's", b"\0\xff", dt.date(2019, 4, 1),
    dt.datetime(2019, 4, 1, 10, 11, 12, 250000), None, "{1,NULL}",
]


def everything(way):
    connection = connect(**way)
    ask = lambda sql, *values: [tuple(row) for row in connection.execute(sql, *values).fetchall()]
    same(list(ask(VALUES)[0]), WANTED, f"{way}: values")
    found = ask("SELECT id FROM trips WHERE day = ? AND fare >= ? ORDER BY id", dt.date(2019, 4, 1), decimal.Decimal("9.75"))
    same(found, [(2,), (3,), (4,)], f"{way}: parameters")
    same(len(ask("SELECT i FROM range(100) r(i)")), 100, f"{way}: more rows than are fetched at once")
    one, other = connection.cursor(), connection.cursor()
    one.execute("SELECT i FROM range(30) r(i)")
    other.execute("SELECT id FROM trips ORDER BY id")
    same((one.fetchone()[0], other.fetchone()[0], len(one.fetchall()), len(other.fetchall())), (0, 1, 29, 5), f"{way}: two at once")
    about = lambda rows: [tuple(row) for row in rows]
    same([row[1:4] for row in about(connection.cursor().tables(schema="main"))], [("main", "trips", "TABLE")], f"{way}: SQLTables")
    columns = [(row[3], row[5], row[6]) for row in about(connection.cursor().columns(table="trips"))]
    same(columns, [("id", "int8", 19), ("fare", "numeric", 9), ("day", "date", 10)], f"{way}: SQLColumns")
    for name in ("primaryKeys", "foreignKeys", "statistics", "rowIdColumns"):
        same(about(getattr(connection.cursor(), name)(table="trips")), [], f"{way}: {name}")
    same(about(connection.cursor().procedureColumns()), [], f"{way}: SQLProcedureColumns")
    connection.execute("CREATE TABLE kept (a INTEGER, b VARCHAR, d TIMESTAMP)")
    rows = [(i, f"it's {i}", dt.datetime(2019, 4, 1)) for i in range(9)]
    connection.cursor().executemany("INSERT INTO kept VALUES (?, ?, ?)", rows)
    same(connection.execute("UPDATE kept SET b = ? WHERE a < ?", "x", 3).rowcount, 3, f"{way}: UPDATE")
    same(ask("SELECT count(*)::INT, sum(a)::INT FROM kept WHERE b <> 'x'"), [(6, 33)], f"{way}: what was put in")
    connection.execute("DROP TABLE kept")
    if not connection.autocommit:
        connection.commit()
    try:
        ask("SELECT fair FROM trips")
        raise AssertionError("an unknown column")
    except pyodbc.Error as error:
        same(error.args[0], "42703", f"{way}: an unknown column")
    if not connection.autocommit:
        connection.rollback()
    same(ask("SELECT {fn LCASE('A')}, {d '2019-04-01'}"), [("a", dt.date(2019, 4, 1))], f"{way}: escapes")
    connection.close()


for way in ({}, {"UseDeclareFetch": 1, "Fetch": 7}, {"UseServerSidePrepare": 0}, {"UseDeclareFetch": 1, "autocommit": False}):
    everything(way)
print(f"{checked} answers of psqlodbc")
