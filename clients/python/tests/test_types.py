"""Every type of DuckDB's, as it comes with a response and as it comes from the bucket: both ways the same."""

import datetime as dt
import decimal
import math
import uuid
from itertools import islice

import pyarrow as pa
import pytest

import quackctl

UTC = dt.timezone.utc
D = decimal.Decimal

#: SQL, Arrow's type of it, Python's value.
VALUES = [
    ("true", pa.bool_(), True),
    ("7::TINYINT", pa.int8(), 7),
    ("-7::SMALLINT", pa.int16(), -7),
    ("2147483647", pa.int32(), 2**31 - 1),
    ("'-9223372036854775808'::BIGINT", pa.int64(), -(2**63)),
    ("99999999999999999999999999999999999999::HUGEINT", pa.decimal128(38, 0), 10**38 - 1),
    ("-99999999999999999999999999999999999999::HUGEINT", pa.decimal128(38, 0), 1 - 10**38),
    ("255::UTINYINT", pa.uint8(), 255),
    ("65535::USMALLINT", pa.uint16(), 65535),
    ("4294967295::UINTEGER", pa.uint32(), 2**32 - 1),
    ("18446744073709551615::UBIGINT", pa.uint64(), 2**64 - 1),
    ("99999999999999999999999999999999999999::UHUGEINT", pa.decimal128(38, 0), 10**38 - 1),
    ("'-123456789012345678901234567890123456789012345678901234567890'::BIGNUM", pa.string(), -123456789012345678901234567890123456789012345678901234567890),
    ("0::BIGNUM", pa.string(), 0),
    ("('1' || repeat('0', 6000))::BIGNUM", pa.string(), 10**6000),
    ("1.5::FLOAT", pa.float32(), 1.5),
    ("0.1::DOUBLE", pa.float64(), 0.1),
    ("'-inf'::DOUBLE", pa.float64(), -math.inf),
    ("-12.50::DECIMAL(9,2)", pa.decimal128(9, 2), D("-12.50")),
    ("1e-10::DECIMAL(38,10)", pa.decimal128(38, 10), D("1e-10")),
    ("'ä\U0001f986\\0b'", pa.string(), "ä\U0001f986\\0b"),
    ("chr(0) || 'x'", pa.string(), "\0x"),
    ("''", pa.string(), ""),
    ("'\\x00\\xFF'::BLOB", pa.binary(), b"\x00\xff"),
    ("'0101000111'::BIT", pa.string(), "0101000111"),
    ("'11111111'::BIT", pa.string(), "11111111"),
    ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID", pa.string(), uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("'{\"a\": [1]}'::JSON", pa.string(), '{"a": [1]}'),
    ("DATE '2019-04-01'", pa.date32(), dt.date(2019, 4, 1)),
    ("DATE '0001-01-01'", pa.date32(), dt.date(1, 1, 1)),
    ("DATE '9999-12-31'", pa.date32(), dt.date(9999, 12, 31)),
    ("DATE '0044-03-15 (BC)'", pa.date32(), "0044-03-15 (BC)"),
    ("DATE '12345-06-07'", pa.date32(), "12345-06-07"),
    ("DATE 'infinity'", pa.date32(), "infinity"),
    ("TIME '10:11:12.5'", pa.time64("us"), dt.time(10, 11, 12, 500000)),
    ("TIME '24:00:00'", pa.time64("us"), "24:00:00"),
    ("'01:02:03.123456789'::TIME_NS", pa.time64("ns"), "01:02:03.123456789"),
    ("'01:02:03.123456'::TIME_NS", pa.time64("ns"), dt.time(1, 2, 3, 123456)),
    ("'10:11:12.5-03:30'::TIMETZ", pa.string(), dt.time(10, 11, 12, 500000, dt.timezone(-dt.timedelta(hours=3, minutes=30)))),
    ("'24:00:00+15:59:59'::TIMETZ", pa.string(), "24:00:00+15:59:59"),
    ("TIMESTAMP '2019-04-01 10:11:12.25'", pa.timestamp("us"), dt.datetime(2019, 4, 1, 10, 11, 12, 250000)),
    ("TIMESTAMP '0044-03-15 (BC) 10:00:00.5'", pa.timestamp("us"), "0044-03-15 (BC) 10:00:00.5"),
    ("TIMESTAMP '-infinity'", pa.timestamp("us"), "-infinity"),
    ("'2019-04-01 10:11:12'::TIMESTAMP_S", pa.timestamp("s"), dt.datetime(2019, 4, 1, 10, 11, 12)),
    ("'1901-04-01 10:11:12.125'::TIMESTAMP_MS", pa.timestamp("ms"), dt.datetime(1901, 4, 1, 10, 11, 12, 125000)),
    ("'2019-04-01 10:11:12.123456789'::TIMESTAMP_NS", pa.timestamp("ns"), "2019-04-01 10:11:12.123456789"),
    ("'1901-04-01 10:11:12.123456'::TIMESTAMP_NS", pa.timestamp("ns"), dt.datetime(1901, 4, 1, 10, 11, 12, 123456)),
    ("TIMESTAMPTZ '2019-04-01 10:11:12+02'", pa.timestamp("us", "UTC"), dt.datetime(2019, 4, 1, 8, 11, 12, tzinfo=UTC)),
    ("TIMESTAMPTZ 'infinity'", pa.timestamp("us", "UTC"), "infinity"),
    ("INTERVAL '3 days 25:00:00.000001'", pa.month_day_nano_interval(), dt.timedelta(days=3, hours=25, microseconds=1)),
    ("INTERVAL '-2 days -0.5 s'", pa.month_day_nano_interval(), dt.timedelta(days=-2, microseconds=-500000)),
    ("INTERVAL '14 months -3 days'", pa.month_day_nano_interval(), "1 year 2 months -3 days"),
    ("INTERVAL '-14 months -0.25 s'", pa.month_day_nano_interval(), "-1 year -2 months -00:00:00.25"),
    ("'b'::ENUM('a', 'b', 'it''s')", pa.dictionary(pa.uint8(), pa.string()), "b"),
    ("'POINT(1 2)'::GEOMETRY", pa.binary(), bytes.fromhex("0101000000000000000000f03f0000000000000040")),
    ("[1, NULL, 3]", pa.list_(pa.int32()), [1, None, 3]),
    ("[]::VARCHAR[]", pa.list_(pa.string()), []),
    ("[[DATE '2019-04-01'], NULL, []]", pa.list_(pa.list_(pa.date32())), [[dt.date(2019, 4, 1)], None, []]),
    ("[1::HUGEINT, NULL]", pa.list_(pa.decimal128(38, 0)), [1, None]),
    ("[true, false]", pa.list_(pa.bool_()), [True, False]),
    ("[INTERVAL '1 day', INTERVAL '1 month']", pa.list_(pa.month_day_nano_interval()), [dt.timedelta(days=1), "1 month"]),
    ("[1, NULL]::INTEGER[2]", pa.list_(pa.int32(), 2), [1, None]),
    ("[[1, 2], [3, 4]]::INTEGER[2][2]", pa.list_(pa.list_(pa.int32(), 2), 2), [[1, 2], [3, 4]]),
    ("[['x']::VARCHAR[1]]", pa.list_(pa.list_(pa.string(), 1)), [["x"]]),
    ("{'a': 1, 'b \"c': {'d': 2::UHUGEINT, 'e': NULL}}", pa.struct([("a", pa.int32()), ('b "c', pa.struct([("d", pa.decimal128(38, 0)), ("e", pa.int32())]))]),
     {"a": 1, 'b "c': {"d": 2, "e": None}}),
    ("row(1, 'x', INTERVAL '1 day')", pa.struct([("1", pa.int32()), ("2", pa.string()), ("3", pa.month_day_nano_interval())]), (1, "x", dt.timedelta(days=1))),
    ("MAP {'k': true, 'l': NULL}", pa.map_(pa.string(), pa.bool_()), {"k": True, "l": None}),
    ("MAP {{'x': 1}: '2'::BIGNUM}", pa.map_(pa.struct([("x", pa.int32())]), pa.string()), [({"x": 1}, 2)]),
    ("MAP {}", pa.map_(pa.int32(), pa.int32()), {}),
    ("union_value(n := 5)::UNION(n INTEGER, s VARCHAR)", pa.sparse_union([pa.field("n", pa.int32()), pa.field("s", pa.string())]), 5),
    ("union_value(s := 'x')::UNION(n INTEGER, s VARCHAR)", pa.sparse_union([pa.field("n", pa.int32()), pa.field("s", pa.string())]), "x"),
    ("[union_value(s := '101'::BIT)::UNION(n HUGEINT, s BIT)]", pa.list_(pa.sparse_union([pa.field("n", pa.decimal128(38, 0)), pa.field("s", pa.string())])), ["101"]),
    ("NULL", pa.int32(), None),
]  # fmt: skip

#: What only makes a result large.
PADDING = "(SELECT r, array_to_string([sha256((r * 20 + i)::VARCHAR) for i in range(20)], '') AS padding FROM range(12000) t(r))"

COLUMNS = ", ".join(f"{value} AS c{at}" for at, (value, _, _) in enumerate(VALUES))


@pytest.fixture(scope="module")
def small(db):
    return db.sql(f"SELECT {COLUMNS}")


@pytest.fixture(scope="module")
def large(db):
    """Every third row is NULL, as the first is not."""
    joined = f"SELECT v.* EXCLUDE (k), r, padding FROM {PADDING} LEFT JOIN (SELECT 1 AS k, {COLUMNS}) v ON r % 3 <> k ORDER BY r"
    with db.sql(joined) as result:
        assert result._spilled is not None
        yield result


@pytest.fixture(scope="module")
def first(large):
    return list(islice(large, 3))


@pytest.mark.parametrize("at", range(len(VALUES)), ids=[value[:40] for value, _, _ in VALUES])
def test_a_value_is_what_it_is_both_ways(small, large, first, at):
    value, arrow, python = VALUES[at]
    assert small.schema.field(at).type == arrow == large.schema.field(at).type
    ((*row,),) = small
    assert (row[at], type(row[at])) == (python, type(python))
    assert [row[at] for row in first] == [python, None, python] and type(first[0][at]) is type(python)


def test_tables_are_the_same_both_ways(small, large):
    table = large.arrow()
    first, own = table.slice(0, 1), small.arrow()
    assert table.num_rows == 12_000
    for at, (value, _, _) in enumerate(VALUES):
        column = table.column(at)
        # A union tells its NULLs by its members.
        nulls = column.null_count if not pa.types.is_union(column.type) else sum(v is None for v in column.to_pylist())
        assert nulls == (12_000 if value == "NULL" else 4_000), value
        assert first.column(at).equals(own.column(at)) or pa.types.is_floating(column.type), value
        if "24:00:00" not in value:
            # A time of the day that Arrow has not, and DuckDB has.
            column.validate(full=True)
            own.column(at).validate(full=True)


def test_nan_is_a_number_that_is_none(db):
    ((value,),) = db.sql("SELECT 'nan'::DOUBLE")
    assert math.isnan(value)


def test_too_many_digits_are_told_of(db):
    for value in ("170141183460469231731687303715884105727::HUGEINT", "340282366920938463463374607431768211455::UHUGEINT",
                  "100000000000000000000000000000000000000::HUGEINT"):
        for form in (value, f"[{value}]"):
            with pytest.raises(quackctl.DataError, match="38 digits"):
                db.sql(f"SELECT {form}").arrow()
    assert db.sql("SELECT 170141183460469231731687303715884105727::VARCHAR").fetchone() == (str(2**127 - 1),)
    with pytest.raises(quackctl.DataError):
        db.sql(f"SELECT 170141183460469231731687303715884105727::HUGEINT AS h, padding FROM {PADDING}")


def test_all_types_of_duckdbs_are_known(db):
    """What DuckDB itself lists, with its extremes, but for the integers that have more digits than Arrow's."""
    types = db.sql("SELECT * REPLACE (hugeint // 10 AS hugeint, uhugeint // 10 AS uhugeint) FROM test_all_types()")
    rows = types.fetchall()
    assert len(rows) == 3 and len(types.columns) > 50
    assert types.arrow().num_rows == 3
    values = dict(zip(types.columns, rows[0]))
    assert values["date"] == "5877642-06-25 (BC)" and values["timestamp"] == "290309-12-22 (BC) 00:00:00"
    assert dict(zip(types.columns, rows[1]))["timestamp_tz"] == "294247-01-10 04:00:54.775806+00"


def test_names_are_kept_and_those_that_are_twice_are_told_apart(db):
    result = db.sql('SELECT 1 AS a, 2 AS a, 3 AS "A", 4 AS "b\n\U0001f986", 5 AS "<b>"')
    assert result.columns == ["a", "a_1", "A_2", "b\n\U0001f986", "<b>"]
    assert result.fetchall() == [(1, 2, 3, 4, 5)]
    assert result.df().columns.tolist() == result.columns and result.pl().columns == result.columns


def test_numbers_of_any_length_are_shown(db):
    result = db.sql("SELECT ('1' || repeat('0', 6000))::BIGNUM AS n, [('2' || repeat('0', 6000))::BIGNUM] AS l")
    assert "1000" in repr(result) and "…" in repr(result) and "1000" in result._repr_html_()


def test_nothing_comes_of_nothing(db):
    result = db.sql("SELECT i AS a, 'x' AS b, [i] AS c, true AS d, 1::HUGEINT AS e, 'a'::ENUM('a') AS f FROM range(0) r(i)")
    assert (len(result), result.fetchall(), result.fetchone(), list(result.batches())) == (0, [], None, [])
    assert result.arrow().schema == result.schema and result.arrow().num_rows == 0
    assert result.df().shape == (0, 6) and result.pl().shape == (0, 6)


def test_huge_texts_and_wide_rows(db):
    result = db.sql("SELECT repeat('ä', 1000000) AS t, repeat('x', 3000000)::BLOB AS b FROM range(3)")
    assert [(len(text), len(blob)) for text, blob in result] == [(1_000_000, 3_000_000)] * 3
    columns = ", ".join(f"{at} AS c{at}" for at in range(1500))
    assert db.sql(f"SELECT {columns}").fetchone() == tuple(range(1500))


def test_data_frames_have_what_they_can(db):
    frame = db.sql("SELECT DATE '2019-04-01' AS d, 'b'::ENUM('a', 'b') AS e, 1.5::DECIMAL(3,1) AS n, NULL::INTEGER AS i, [1] AS l").df()
    assert str(frame["d"].dtype).startswith("datetime64") and str(frame["e"].dtype) == "category"
    assert frame["n"].tolist() == [D("1.5")] and frame["i"].isna().all()
    big = db.sql("SELECT 99999999999999999999999999999999999999::HUGEINT AS h")
    assert big.df()["h"].tolist() == [D(10**38 - 1)] and big.pl()["h"].to_list() == [D(10**38 - 1)]
    for value in ("INTERVAL '1 month'", "[INTERVAL '1 month']", "union_value(n := 1)"):
        with pytest.raises(quackctl.NotSupportedError, match="(?s)'x' is .*polars.*CAST"):
            db.sql(f"SELECT {value} AS x").pl()
    for value in ("union_value(n := 1)", "TIME '24:00:00'", "'01:02:03.123456789'::TIME_NS"):
        with pytest.raises(quackctl.NotSupportedError, match="(?s)pandas.*CAST"):
            db.sql(f"SELECT {value} AS x").df()
    with pytest.raises(quackctl.NotSupportedError, match="24:00:00, which polars has not"):
        db.sql("SELECT TIME '24:00:00' AS x").pl()
    assert str(db.sql("SELECT TIME '10:00:00' AS x, NULL::TIME AS y").pl()["x"][0]) == "10:00:00"
    kept = db.sql("SELECT 1 AS i UNION ALL SELECT NULL").df(integer_object_nulls=True)
    assert sorted(kept["i"].tolist(), key=str) == [1, None]
