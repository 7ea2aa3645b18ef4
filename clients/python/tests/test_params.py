"""Parameters: Python's values reach the engine as they are, and none becomes part of the SQL."""

import datetime as dt
import decimal
import math
import re
import uuid

import pytest

import quackctl
from quackctl.params import bind, value_of
from quackctl.sqltext import places

UTC = dt.timezone.utc
EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))

#: A value, DuckDB's type of it, and what comes back if that is not the value itself.
VALUES = [
    (True, "BOOLEAN"),
    (False, "BOOLEAN"),
    (0, "INTEGER"),
    (-(2**31), "INTEGER"),
    (2**31, "BIGINT"),
    (2**63, "HUGEINT"),
    (-(10**37), "HUGEINT"),
    (-(2**127) - 1, "BIGNUM"),
    (10**60, "BIGNUM"),
    (0.1, "DOUBLE"),
    (-math.inf, "DOUBLE"),
    (5e-324, "DOUBLE"),
    (decimal.Decimal("-12.50"), "DECIMAL(4,2)"),
    (decimal.Decimal("1E+5"), "DECIMAL(6,0)"),
    (decimal.Decimal("0.00"), "DECIMAL(2,2)"),
    (decimal.Decimal("9" * 38), "DECIMAL(38,0)"),
    ("it's ä \U0001f986 \\ \" \0 \n", "VARCHAR"),
    ("", "VARCHAR"),
    ("NULL", "VARCHAR"),
    ("'; DROP TABLE trips; --", "VARCHAR"),
    (b"", "BLOB"),
    (bytes(range(256)), "BLOB"),
    (bytearray(b"\\x41"), "BLOB", b"\\x41"),
    (dt.date(2019, 4, 1), "DATE"),
    (dt.date(1, 1, 1), "DATE"),
    (dt.date(9999, 12, 31), "DATE"),
    (dt.time(10, 11, 12, 5), "TIME"),
    (dt.time(10, 11, tzinfo=EAST), "TIME WITH TIME ZONE"),
    (dt.datetime(2019, 4, 1, 10, 11, 12, 5), "TIMESTAMP"),
    (dt.datetime(1, 1, 1), "TIMESTAMP"),
    (dt.datetime(2019, 4, 1, 10, 11, 12, tzinfo=EAST), "TIMESTAMP WITH TIME ZONE"),
    (dt.datetime(1880, 1, 1, tzinfo=dt.timezone(dt.timedelta(minutes=53, seconds=28))), "TIMESTAMP WITH TIME ZONE"),
    (dt.timedelta(days=3, hours=25, microseconds=1), "INTERVAL"),
    (dt.timedelta(days=-1, microseconds=1), "INTERVAL"),
    (uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "UUID"),
    ([1, None, 3], "INTEGER[]"),
    ((1, 2**40), "BIGINT[]", [1, 2**40]),
    ([], "VARCHAR[]"),
    ([None], "VARCHAR[]"),
    ([1, 2.5], "DOUBLE[]", [1.0, 2.5]),
    ([decimal.Decimal("1.5"), decimal.Decimal("10.25")], "DECIMAL(4,2)[]"),
    (['a "b" \\ c', "", "NULL", None, " x ", "[1]", "{'a': 1}", "'q'", "a,b", "\n", "ä\U0001f986", "\0"], "VARCHAR[]"),
    ([dt.date(2019, 4, 1), None], "DATE[]"),
    ([dt.datetime(2019, 4, 1, tzinfo=UTC)], "TIMESTAMP WITH TIME ZONE[]"),
    ([dt.timedelta(seconds=-1)], "INTERVAL[]"),
    ([b"\x00\xff\"\\'"], "BLOB[]"),
    ([True, False], "BOOLEAN[]"),
    ([[1, 2], [], None, [3]], "INTEGER[][]"),
    ([["a, b", "]"], [None]], "VARCHAR[][]"),
]  # fmt: skip


@pytest.mark.parametrize("case", VALUES, ids=lambda case: repr(case[0])[:40])
def test_a_value_comes_back(db, case):
    value, sql_type, wanted = (*case, case[0])[:3]
    (by_name,) = db.sql("SELECT $v, typeof($v)", {"v": value})
    (by_place,) = db.sql("SELECT ?, typeof($1)", [value])
    assert by_name == by_place == (wanted, sql_type) and type(by_name[0]) is type(wanted)


def test_nothing_and_numbers_that_are_none(db):
    assert db.sql("SELECT $v, $v IS NULL, [1, $v]", {"v": None}).fetchall() == [(None, True, [1, None])]
    assert math.isnan(db.sql("SELECT ?", [math.nan]).fetchone()[0])
    assert str(db.sql("SELECT ?", [-0.0]).fetchone()[0]) == "-0.0"


def test_texts_are_what_they_are_compared_with(db):
    """As a literal would be; everything else has its own type."""
    days = "SELECT count(*) FROM trips WHERE pickup_at::DATE = $day"
    by_text, by_date = db.sql(days, {"day": "2019-04-01"}).fetchone(), db.sql(days, {"day": dt.date(2019, 4, 1)}).fetchone()
    assert by_text == by_date and by_date[0] > 1000
    assert db.sql("SELECT 1 + $n, '2' || $n", {"n": 1}).fetchall() == [(2, "21")]
    assert db.sql("SELECT count(*) FROM trips WHERE vendor_id IN (SELECT unnest($v))", {"v": [1, 2]}).fetchone() == (200_000,)
    assert db.sql("SELECT i FROM range(5) r(i) LIMIT $n", {"n": 2}).fetchall() == [(0,), (1,)]
    with pytest.raises(quackctl.DataError):
        db.sql(days, {"day": "no day"})


def test_names_in_any_case_and_order(db):
    assert db.sql("SELECT $A, $a, $b", {"a": 1, "B": 2}).fetchall() == [(1, 1, 2)]
    assert db.sql("SELECT $2, $1, $2", [1, "x"]).fetchall() == [("x", 1, "x")]
    assert db.sql("SELECT ?, ?", (1, 2)).fetchall() == [(1, 2)]
    assert db.sql("SELECT $a; SELECT $b, ';'; ", {"a": 1, "b": 2}).fetchall() == [(2, ";")]
    assert db.sql("SET VARIABLE x = 3; SELECT ? + getvariable('x')", [1]).fetchall() == [(4,)]
    assert db.sql("SELECT $tag$ $1 $tag$ || $1", ["x"]).fetchall() == [(" $1 x",)]


def test_where_parameters_stand():
    sql = """SELECT $a, '$b ''?', "$c?", $$ $d $$, $t$ $e $$ $t$, e'\\'$f', x$g, -- $h ?
        /* $i /* ? */ ? */ ?, $1, $Ä, E'a\\\\', ?, 3$2"""
    assert [place.name for place in places(sql)] == ["a", "1", "1", "Ä", "2", "2"]
    assert all(sql[place.start : place.end].lstrip("$?") in ("", place.name) for place in places(sql))
    for sql in ["'$a", '"$a', "$$ $a", "/* $a", "-- $a", "e'\\'$a", "$x$ $a $x"]:
        assert list(places(sql)) == [], sql


def test_values_never_become_sql():
    """Whatever a value is, the SQL has its type only."""
    for value, sql_type, *_ in VALUES:
        sql, values = bind("SELECT $v", {"v": value})
        assert sql == "SELECT $v" or f" AS {sql_type})" in sql
        assert re.fullmatch(r"SELECT (CAST\()*\$v( AS [A-Z]+( WITH TIME ZONE)?(\(\d+,\d+\))?(\[\])*\))*", sql), sql
        assert values == {"v": value_of(value).text}


@pytest.mark.parametrize(
    "sql, params, words",
    [
        ("SELECT $day", {}, r"\$day"),
        ("SELECT ?", [], r"\$1"),
        ("SELECT ?", [1, 2], "have '2'"),
        ("SELECT 1", {"x": 1}, r"the SQL no \$x"),
        ("SELECT '$x'", {"x": 1}, r"the SQL no \$x"),
        ("SELECT $x", {"x": 1, "X": 2}, "by their|from"),
        ("SELECT $x", {1: 1}, "and not 1"),
        ("SELECT ?", "x", "and not 'x'"),
        ("SELECT ?", 5, "and not 5"),
        ("SELECT ?; SELECT ?", [1, 2], "count anew in each statement"),
        ("SELECT ?", [{"a": 1}], "is a dict"),
        ("SELECT ?", [object()], "is a object"),
        ("SELECT ?", [[1, "a"]], "different types: INTEGER, VARCHAR"),
        ("SELECT ?", [[1, [1]]], "different types"),
    ],
)
def test_what_does_not_fit_is_told(sql, params, words):
    with pytest.raises(quackctl.ProgrammingError, match=words):
        bind(sql, params)


@pytest.mark.parametrize("value", [decimal.Decimal("NaN"), decimal.Decimal("1" * 39), decimal.Decimal("1e-40"), "\ud800", 10**5000, [decimal.Decimal("1e30"), decimal.Decimal("1e-30")]], ids=range(6))
def test_what_no_type_holds_is_told(value):
    with pytest.raises(quackctl.DataError, match="parameter .x"):
        bind("SELECT $x", {"x": value})


def test_endless_lists_end():
    endless = []
    endless.append(endless)
    with pytest.raises(quackctl.ProgrammingError, match="deep"):
        bind("SELECT ?", [endless])


def test_values_of_numpy_and_pandas(db):
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    given = [numpy.int64(5), numpy.float32(1.5), numpy.bool_(True), numpy.str_("x"), numpy.datetime64("2019-04-01T10:00:00.123456789"),
             pandas.Timestamp("2019-04-01 10:00:00.123456789"), pandas.Timestamp("2019-04-01", tz="UTC"), pandas.NaT, pandas.NA,
             numpy.datetime64("NaT"), pandas.Timedelta("1 day 00:00:01"), numpy.array([1, 2])]
    (found,) = db.sql("SELECT " + ", ".join("?" * len(given)), given)
    moment = "2019-04-01 10:00:00.123456789"
    assert found == (5, 1.5, True, "x", moment, moment, dt.datetime(2019, 4, 1, tzinfo=UTC), None, None, None, dt.timedelta(days=1, seconds=1), [1, 2])


def test_many_and_large(db):
    given = {f"p{at}": at for at in range(500)}
    assert db.sql("SELECT " + " + ".join(f"${name}" for name in given), given).fetchone() == (sum(range(500)),)
    assert db.sql("SELECT length(?)", ["x" * 4_000_000]).fetchone() == (4_000_000,)
    assert db.sql("SELECT len(?)", [list(range(100_000))]).fetchone() == (100_000,)
    with pytest.raises(quackctl.ProgrammingError, match="a call carries"):
        db.sql("SELECT length(?)", ["x" * 7_000_000])
