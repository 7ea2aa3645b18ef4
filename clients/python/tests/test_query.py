"""Queries of a stage that is up, small and large."""

import gc
import hashlib

import pyarrow as pa
import pytest

import quackctl

#: More than a response carries.
LARGE = "SELECT range AS n, md5(range::VARCHAR) AS text FROM range(400000) ORDER BY n"


def test_a_small_result_in_every_form(db):
    result = db.sql("SELECT 42 AS answer, 'a' AS text UNION ALL SELECT NULL, 'b' ORDER BY text")
    assert (result.columns, result.types, len(result), result.truncated) == (["answer", "text"], ["INTEGER", "VARCHAR"], 2, False)
    assert result.arrow().to_pylist() == [{"answer": 42, "text": "a"}, {"answer": None, "text": "b"}]
    assert result.arrow().schema == result.schema == pa.schema([("answer", pa.int32()), ("text", pa.string())])
    assert result.df()["text"].tolist() == ["a", "b"]
    assert result.pl()["answer"].to_list() == [42, None]
    assert list(result) == list(result) == [(42, "a"), (None, "b")]
    assert (result.fetchone(), result.fetchmany(5), result.fetchone(), result.fetchall()) == ((42, "a"), [(None, "b")], None, [])
    assert pa.RecordBatchReader.from_stream(result).read_all() == result.arrow() == result.reader().read_all()


def test_the_lakes_tables_are_there(db):
    counted = db.sql("SELECT count(*) AS n, count(DISTINCT pickup_at::DATE) AS days, sum(vendor_id) AS s FROM trips")
    ((trips, days, total),) = counted.fetchall()
    assert (trips, days) == (200_000, 30) and isinstance(total, int)
    assert counted.df().dtypes.tolist() == ["int64"] * 3, "sums fit 64 bits"
    assert counted.pl()["s"].to_list() == [total]


def test_what_it_cost_is_told(db):
    result = db.sql("SELECT count(*) FROM trips")
    if not db._service.place.is_local:
        # The emulator of AWS has no REPORT lines: what is not told is not made up.
        assert (result.billed_ms, result.memory_mb, result.cost_usd) == (None, None, None) and result.time_ms >= 0
        return
    assert result.billed_ms > 0 and result.memory_mb == 2048 and isinstance(result.warm, bool) and result.time_ms >= 0
    on_x86 = result.billed_ms / 1000 * 2 * 0.0000166667 + 0.0000002
    assert result.cost_usd == pytest.approx(on_x86) or result.cost_usd == pytest.approx(on_x86 - result.billed_ms / 1000 * 2 * 0.0000033333)


def test_a_limit_is_told_of(db):
    result = db.sql("FROM range(100)", limit=3)
    assert (result.fetchall(), result.truncated, len(result)) == ([(0,), (1,), (2,)], True, 3)
    assert "cut off by the limit" in repr(result)
    assert db.sql("FROM range(3)", limit=3).truncated is False
    assert db.sql("FROM range(3)", limit=0).fetchall() == []


def test_a_large_result_comes_from_the_bucket_and_leaves_nothing(db, results):
    before = results()
    with db.sql(LARGE) as result:
        assert len(results()) == len(before) + 1
        table = result.arrow()
        assert table["n"].to_pylist() == list(range(400_000))
        assert table["text"][399_999].as_py() == hashlib.md5(b"399999").hexdigest()
        assert result.fetchone() == (0, "cfcd208495d565ef66e7dff9f98764da"), "rows come one by one after all came"
        assert [row[0] for row in result.fetchmany(3)] == [1, 2, 3]
        assert sum(1 for _ in result) == 400_000
        assert sum(batch.num_rows for batch in result.batches()) == 400_000
        assert result.df()["n"].sum() == result.pl()["n"].sum() == sum(range(400_000))
    assert results() == before
    with pytest.raises(quackctl.InterfaceError, match="closed"):
        result.arrow()
    result = db.sql(LARGE)
    assert len(results()) == len(before) + 1
    del result
    gc.collect()
    assert results() == before, "who lets go of a result removes it"


def test_rows_may_be_left(db, results):
    before = results()
    result = db.sql(LARGE)
    for row in result:
        if row[0] == 10:
            break
    assert next(iter(result)) == (0, "cfcd208495d565ef66e7dff9f98764da")
    result.close()
    assert results() == before


def test_a_result_that_is_gone_is_an_error(db):
    result = db.sql(LARGE)
    result._spilled.remove()
    with pytest.raises(quackctl.OperationalError, match="could not be fetched"):
        result.arrow()
    assert "cannot be shown" in repr(result), "what is shown by itself raises nothing"


def test_memory_is_bounded_by_what_is_ahead(db):
    """The peak of what Arrow holds, while 2,000,000 rows go by of which nobody keeps any."""
    with db.sql("SELECT range AS n, md5(range::VARCHAR) AS text FROM range(2000000)") as result:
        pool = pa.default_memory_pool()
        held, rows = [], 0
        for batch in result.batches():
            rows += batch.num_rows
            held.append(pool.bytes_allocated())
            del batch
        assert rows == 2_000_000
        whole = result.arrow().nbytes
    assert len(held) > 10 and max(held) < whole * 0.9, (max(held), whole)


def test_errors_are_of_their_kind(db):
    for sql, kind, words in [
        ("SELEC 1", quackctl.ProgrammingError, "syntax error"),
        ("SELECT nothing FROM trips", quackctl.ProgrammingError, "nothing"),
        ("FROM nowhere", quackctl.ProgrammingError, "quackctl tables"),
        ("SELECT 'x'::INTEGER", quackctl.DataError, "Could not convert"),
        ("FROM read_text('/etc/passwd')", quackctl.ProgrammingError, "is refused"),
        ("SELECT 1::VARIANT", quackctl.NotSupportedError, "VARIANT"),
        ("SELECT 170141183460469231731687303715884105727::HUGEINT", quackctl.DataError, "38 digits"),
        ("", quackctl.ProgrammingError, "no SQL statement"),
        ("SELECT $x", quackctl.ProgrammingError, "no params"),
    ]:
        with pytest.raises(kind, match=words) as raised:
            db.sql(sql).fetchall()
        assert type(raised.value) is kind, sql
    with pytest.raises(quackctl.ProgrammingError, match="not 42"):
        db.sql(42)
    for limit in (-1, 1.5, "3", True, 2**64):
        with pytest.raises(quackctl.ProgrammingError, match="a limit is"):
            db.sql("SELECT 1", limit=limit)


def test_what_changes_the_lake_is_for_others(db):
    for sql in ["INSERT INTO trips SELECT * FROM trips", "create table t (a int)", "DROP TABLE trips", "UPDATE trips SET extra = 0",
                "BEGIN", "ALTER TABLE trips RENAME TO x", "DELETE FROM trips", "TRUNCATE trips"]:
        with pytest.raises(quackctl.NotSupportedError, match="(?s)only reads.*quackctl query.*quackctl serve"):
            db.sql(sql)
    with pytest.raises(quackctl.ProgrammingError, match="(?s)WITH is refused.*quackctl query"):
        db.sql("WITH a AS (SELECT 1) INSERT INTO trips FROM a")
    assert db.sql("SELECT count(*) FROM trips").fetchone() == (200_000,)


def test_a_function_by_name(db):
    """Without a project: what is not told of the bucket, the function's own settings tell."""
    place = db._service.place
    session = db._service._lambda
    more = {"endpoint_url": session.meta.endpoint_url}
    if place.keys is not None:
        import boto3

        more["session"] = boto3.Session(*place.keys)
    with quackctl.connect(function=place.function, region="us-east-1", **more) as other:
        result = other.sql(LARGE)
        assert result._spilled is not None and result.arrow().num_rows == 400_000
        assert other._service.architecture() in ("x86_64", "arm64"), "the function's processor is asked for"
        assert (result.cost_usd is not None) == place.is_local
        result.close()
    with quackctl.connect(function="quack-nothing-here", region="us-east-1", **more) as other:
        with pytest.raises(quackctl.OperationalError, match="no function 'quack-nothing-here'"):
            other.sql("SELECT 1")


def test_threads_share_a_connection(db):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: db.sql("SELECT $n * 2", {"n": n}).fetchone()[0], range(12)))
    assert found == [2 * n for n in range(12)]


def test_statements_without_rows(db):
    result = db.sql("SET VARIABLE x = 1")
    assert (result.columns, result.description, result.fetchall(), len(result)) == ([], None, [], 0)
    assert repr(result) and result._repr_html_() and result.arrow().num_columns == 0
    assert db.sql("SET VARIABLE x = 1; SELECT getvariable('x') AS x").fetchall() == [(1,)]
