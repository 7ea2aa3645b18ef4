"""DB-API 2.0, as PEP 249 has it."""

import datetime as dt
import threading
import time

import pytest

import quackctl


def test_the_module():
    assert (quackctl.apilevel, quackctl.threadsafety, quackctl.paramstyle) == ("2.0", 2, "qmark")
    for error in ("DataError", "OperationalError", "IntegrityError", "InternalError", "ProgrammingError", "NotSupportedError"):
        assert issubclass(getattr(quackctl, error), quackctl.DatabaseError)
    assert issubclass(quackctl.DatabaseError, quackctl.Error) and issubclass(quackctl.InterfaceError, quackctl.Error)
    assert issubclass(quackctl.Error, Exception) and issubclass(quackctl.Warning, Exception)
    assert not issubclass(quackctl.InterfaceError, quackctl.DatabaseError)
    assert (quackctl.Date(2019, 4, 1), quackctl.Time(1, 2, 3), quackctl.Timestamp(2019, 4, 1, 1)) == (
        dt.date(2019, 4, 1), dt.time(1, 2, 3), dt.datetime(2019, 4, 1, 1))
    now = time.time()
    assert quackctl.TimestampFromTicks(now) == dt.datetime.combine(quackctl.DateFromTicks(now), quackctl.TimeFromTicks(now))
    assert quackctl.Binary(b"x") == b"x"


def test_a_cursor(db):
    with db.cursor() as cursor:
        assert (cursor.description, cursor.rowcount, cursor.arraysize, cursor.connection) == (None, -1, 1, db)
        with pytest.raises(quackctl.InterfaceError, match="no statement"):
            cursor.fetchone()
        assert cursor.execute("SELECT i, i::VARCHAR AS t FROM range(10) r(i) WHERE i >= ?", [5]) is cursor
        assert cursor.rowcount == 5
        assert cursor.fetchone() == (5, "5")
        assert cursor.fetchmany() == [(6, "6")]
        cursor.arraysize = 2
        assert cursor.fetchmany() == [(7, "7"), (8, "8")]
        assert cursor.fetchmany(0) == []
        assert list(cursor) == [(9, "9")]
        assert (cursor.fetchone(), cursor.fetchmany(3), cursor.fetchall()) == (None, [], [])
        cursor.execute("SELECT $a", {"a": 1})
        assert cursor.fetchall() == [(1,)] and cursor.result.columns == ["$a"] or cursor.rowcount == 1
        cursor.executemany("SELECT ? * 10", [[1], [2], [3]])
        assert cursor.fetchall() == [(30,)]
        cursor.executemany("SELECT ?", [])
        assert cursor.rowcount == -1
        cursor.setinputsizes([1])
        cursor.setoutputsize(1)
    for after in (lambda: cursor.execute("SELECT 1"), cursor.fetchone, cursor.fetchall, lambda: list(cursor)):
        with pytest.raises(quackctl.InterfaceError, match="closed"):
            after()


def test_descriptions_tell_types(db):
    sql = """SELECT 1 AS i, 1.5::DECIMAL(9,2) AS d, 'x' AS t, 'x'::BLOB AS b, DATE '2019-04-01' AS day, TIMESTAMPTZ '2019-04-01 00:00:00+00' AS z,
        true AS o, 'a'::ENUM('a') AS e, [1] AS l, {'a': 1} AS s, INTERVAL 1 DAY AS v"""
    cursor = db.cursor().execute(sql)
    assert cursor.description[1] == ("d", "DECIMAL(9,2)", None, None, 9, 2, None)
    codes = {column[0]: column[1] for column in cursor.description}
    kinds = {"i": quackctl.NUMBER, "d": quackctl.NUMBER, "t": quackctl.STRING, "b": quackctl.BINARY, "day": quackctl.DATETIME,
             "z": quackctl.DATETIME, "o": quackctl.NUMBER, "e": quackctl.STRING, "v": quackctl.DATETIME}
    every = [quackctl.STRING, quackctl.BINARY, quackctl.NUMBER, quackctl.DATETIME, quackctl.ROWID]
    for name, code in codes.items():
        assert [kind for kind in every if code == kind] == ([kinds[name]] if name in kinds else []), (name, code)


def test_transactions_are_honest(db, project):
    db.commit()
    with pytest.raises(quackctl.NotSupportedError, match="quackctl serve"):
        db.rollback()
    other = quackctl.connect(project)
    other.close()
    other.close()
    for after in (lambda: other.sql("SELECT 1"), other.cursor, other.commit, other.rollback):
        with pytest.raises(quackctl.InterfaceError, match="closed"):
            after()


def test_a_cursor_leaves_nothing(db, results):
    before = results()
    cursor = db.cursor()
    for _ in range(2):
        cursor.execute("SELECT range, md5(range::VARCHAR) FROM range(400000)")
        assert cursor.fetchone()[0] == 0
        assert len(results()) == len(before) + 1
    cursor.close()
    assert results() == before


def test_pandas_reads_with_it(db):
    pandas = pytest.importorskip("pandas")
    with pytest.warns(UserWarning, match="SQLAlchemy"):
        frame = pandas.read_sql("SELECT i FROM range(3) r(i) WHERE i > ?", db, params=[0])
    assert frame["i"].tolist() == [1, 2]


def test_ctrl_c_ends_the_query_in_the_function_too(project):
    """A program of its own, as a signal is the whole program's: it waits for minutes, is interrupted, and the function is told."""
    import os
    import signal
    import subprocess
    import sys

    script = """
import quackctl, signal
# Whoever started the tests may have had the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
db = quackctl.connect()
print('begins', flush=True)
try:
    db.sql("SELECT count(*) FROM range(100000000000) r(i) WHERE i % 7 = 3")
except KeyboardInterrupt:
    print('interrupted', flush=True)
print(db.sql('SELECT 42').fetchone()[0])
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=project, env=os.environ)
    try:
        assert child.stdout.readline() == b"begins\n"
        time.sleep(2)
        killer = threading.Timer(100, child.kill)
        killer.start()
        child.send_signal(signal.SIGINT)
        assert child.stdout.read() == b"interrupted\n42\n"
        killer.cancel()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
