"""Answers that no function of ours gives: nothing of them is used, and each is an error of this package's."""

import base64
import json
import random
import re
import shutil

import boto3
import pyarrow as pa
import pytest

import quackctl
from hostile import COLUMNS, TABLE, Server, answer, inline, parquet, stream


@pytest.fixture(scope="module")
def one():
    """A server and a connection to it, for all tests: clients take a while to make."""
    server = Server()
    session = boto3.Session("x", "x", region_name="us-east-1")
    with quackctl.connect(function="f", region="us-east-1", endpoint_url=server.url, session=session, patience_s=0.2) as connection:
        yield server, connection
    server.close()


@pytest.fixture
def server(one):
    one[0].reset()
    return one[0]


@pytest.fixture
def asked(one):
    return one[1]


def spills(server, content, **more):
    """Has the server answer that the rows are in the bucket, and puts `content` there."""

    def payload(event):
        key = f"_quack/results/{event['result']}/rows.parquet"
        server.objects[f"/lake/{key}"] = content
        return answer({"spilled": {"uri": f"s3://lake/{key}", "bytes": more.get("bytes", len(content))}}, more.get("rows", 2), more.get("columns", COLUMNS))

    server.payload = payload


def test_what_is_right_is_taken(server, asked):
    server.payload = inline()
    assert asked.sql("q").arrow() == TABLE
    spills(server, parquet(TABLE))
    with asked.sql("q") as result:
        assert result.arrow() == TABLE and result.fetchall() == [(1, "a"), (2, "b")]
    assert any(path.startswith("DELETE /lake/_quack/results/") for path in server.asked)


NO_ANSWERS = {
    "no JSON": b"{",
    "nothing": b"",
    "a number": 5,
    "deep": b"[" * 100_000,
    "no data": {"metadata": {}},
    "no columns": answer({"arrow": ""}, columns=None),
    "columns that are none": answer({"arrow": ""}, columns=["x"]),
    "a type that is none": answer({"arrow": ""}, columns=[{"name": "n", "type": "INTEGER); DROP TABLE x"}]),
    "a type too deep": answer({"arrow": ""}, columns=[{"name": "n", "type": "INTEGER" + "[]" * 1000}]),
    "a type too long": answer({"arrow": ""}, columns=[{"name": "n", "type": "ENUM(" + "'a'," * 100_000 + "'b')"}]),
    "a name twice": answer({"arrow": ""}, columns=[COLUMNS[0], COLUMNS[0]]),
    "many columns": answer({"arrow": ""}, columns=COLUMNS[:1] * 30_000),
    "rows that are no number": inline(rows="2"),
    "rows below none": inline(rows=-1),
    "rows beyond all": inline(rows=2**60),
    "more rows than told": inline(rows=1),
    "fewer rows than told": inline(rows=3),
    "other columns": inline(columns=[COLUMNS[1], COLUMNS[0]]),
    "another name": inline(columns=[{"name": "m", "type": "INTEGER"}, COLUMNS[1]]),
    "another type": inline(columns=[{"name": "n", "type": "BIGINT"}, COLUMNS[1]]),
    "a column less": inline(columns=COLUMNS[:1]),
    "no base64": answer({"arrow": "%%%"}),
    "no stream": answer({"arrow": base64.b64encode(b"x" * 1000).decode()}),
    "half a stream": answer({"arrow": base64.b64encode(stream(TABLE)[:-100]).decode()}),
    "both": {**inline(), "data": {**inline()["data"], "spilled": {"uri": "s3://lake/x", "bytes": 1}}},
    "neither": answer({}),
    "JSON rows": answer({"records": [{"n": 1}]}),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_is_told_as_that(server, asked, name):
    server.payload = NO_ANSWERS[name]
    with pytest.raises(quackctl.InterfaceError, match="not one that this version knows|no type that this version"):
        asked.sql("q").fetchall()


@pytest.mark.parametrize(
    "uri",
    ["s3://other/_quack/results/NAME/rows.parquet", "s3://lake/_quack/catalog.json", "s3://lake/tables/trips/rows.parquet", "file:///etc/passwd",
     "s3://lake/_quack/results/../results/NAME/rows.parquet", "s3://lake/_quack/results/00000000000000000000000000000000/rows.parquet",
     "https://example.org/rows.parquet", "/etc/passwd", "", None, 5],
)  # fmt: skip
def test_rows_that_are_elsewhere_are_not_fetched(server, asked, uri):
    def payload(event):
        place = uri.replace("NAME", event["result"]) if isinstance(uri, str) else uri
        return answer({"spilled": {"uri": place, "bytes": 100}})

    server.payload = payload
    with pytest.raises(quackctl.InterfaceError, match="not where they were to go"):
        asked.sql("q").fetchall()
    assert [path for path in server.asked if not path.endswith("/configuration")] == []


FILES = {
    "empty": (b"", {}),
    "no Parquet": (b"x" * 1000, {}),
    "a footer that is longer than the file": (parquet(TABLE)[:-8] + b"\xff\xff\xff\x7fPAR1", {}),
    "no footer": (parquet(TABLE)[:-8] + b"\x00\x00\x00\x00PAR1", {}),
    "another length": (parquet(TABLE), {"bytes": 100}),
    "a longer one": (parquet(TABLE), {"bytes": 10_000}),
    "more rows": (parquet(TABLE), {"rows": 1}),
    "fewer rows": (parquet(TABLE), {"rows": 3}),
    "other columns": (parquet(TABLE.rename_columns(["n", "u"])), {}),
    "other types": (parquet(TABLE.set_column(0, "n", pa.array([1, 2], pa.int64()))), {}),
    "a column less": (parquet(TABLE.drop_columns(["t"])), {}),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_result_are_refused(server, asked, name):
    content, more = FILES[name]
    spills(server, content, **more)
    with pytest.raises((quackctl.InterfaceError, quackctl.OperationalError)):
        asked.sql("q").fetchall()
    assert "cannot be shown" in repr(asked.sql("q"))


def test_changed_bytes_are_errors_or_rows(server, asked):
    """Whatever is in a stream or a file: an error of this package's or as many rows as were told, and no crash."""
    chance = random.Random(5)
    many = pa.table({"n": pa.array(range(1000), pa.int32()), "t": [f"text {n % 7}" for n in range(1000)]})
    errors = 0
    for number in range(300):
        content = bytearray(stream(many, None if number % 2 else "lz4") if number % 3 else parquet(many, row_group_size=300))
        for _ in range(chance.choice([1, 1, 2, 8])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if number % 3:
            server.payload = answer({"arrow": base64.b64encode(content).decode()}, 1000)
        else:
            spills(server, bytes(content), rows=1000)
        try:
            with asked.sql("q") as result:
                rows = result.fetchall()
                result.arrow().validate(full=True)
                assert len(rows) == 1000 and result.df().shape == (1000, 2)
        except quackctl.Error:
            errors += 1
    assert 0 < errors < 300


def test_values_that_are_none_of_their_type_are_refused(server, asked):
    for spelled, array in [
        ("ENUM('a')", pa.array(["b"])),
        ("ENUM('a')", pa.DictionaryArray.from_arrays(pa.array([0], pa.uint8()), ["b"])),
        ("INTERVAL", pa.array(["soon"])),
        ("TIME_NS", pa.array(["1:2"])),
        ("INTEGER[2]", pa.array([[1]], pa.list_(pa.int32()))),
        ("BIGNUM", pa.array([b""], pa.binary())),
        ("BIT", pa.array([b""], pa.binary())),
        ("BOOLEAN", pa.array([1], pa.int32())),
        ("STRUCT(\"a\" INTEGER)", pa.array([{"b": 1}], pa.struct([("b", pa.int32())]))),
        ("UNION(\"a\" INTEGER)", pa.array([{"": 7, "a": 1}], pa.struct([("", pa.uint8()), ("a", pa.int32())]))),
        ("MAP(INTEGER, INTEGER)", pa.array([[1]], pa.list_(pa.int32()))),
        ("UUID", pa.array([b"123"], pa.binary())),
    ]:  # fmt: skip
        server.payload = inline(pa.table({"x": array}), columns=[{"name": "x", "type": spelled}])
        with pytest.raises(quackctl.InterfaceError, match="not one that this version knows"):
            print(asked.sql("q").fetchall(), spelled)


def test_errors_say_what_they_are_told_and_obey_nothing(server, asked):
    server.failed = True
    for payload, kind, words in [
        ({"errorType": "DuckDB.ParserError", "errorMessage": "Parser Error: \x1b[31mred\x07\u202e"}, quackctl.ProgrammingError, r"Error: \\x1b\[31mred\\x07\\u202e"),
        ({"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 3.00 seconds"}, quackctl.OperationalError, "function.timeout_s"),
        ({"errorType": "Runtime.OutOfMemory", "errorMessage": "signal: killed"}, quackctl.OperationalError, "function.memory_mb"),
        ({"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}, quackctl.OperationalError, "quackctl logs"),
        ({"errorType": "Quack.CatalogError", "errorMessage": "x"}, quackctl.OperationalError, "x"),
        ({"errorType": "DuckDB.INTERNALError", "errorMessage": "x"}, quackctl.InternalError, "x"),
        ({"errorType": "Quack.BadEvent", "errorMessage": "the event is malformed: unknown variant `portable`"}, quackctl.InterfaceError, "quackctl up"),
        ({"errorType": 5, "errorMessage": ["x"]}, quackctl.OperationalError, "does not say why"),
        ({}, quackctl.OperationalError, "does not say why"),
        (b"half of an err", quackctl.OperationalError, "half of an err"),
        ([1], quackctl.InterfaceError, "no object"),
    ]:  # fmt: skip
        server.payload = payload
        with pytest.raises(quackctl.Error, match=words) as raised:
            asked.sql("q")
        assert type(raised.value) is kind, payload


def test_who_is_throttled_waits_and_comes_again(server, asked):
    server.status, server.payload = 429, {"Type": "User", "Reason": "ConcurrentInvocationLimitExceeded"}
    with pytest.raises(quackctl.OperationalError, match=r"concurrency limit for 0\.2 s"):
        asked.sql("q")
    assert len(server.events) > 1 and len({event["result"] for event in server.events}) == 1

    def later(event):
        server.status = 200 if len(server.events) > 3 else 429
        return inline()

    server.events.clear()
    server.payload = later
    server.status = 429
    asked._service.patience_s = 600
    assert asked.sql("q").fetchall() == [(1, "a"), (2, "b")]
    asked._service.patience_s = 0.2


def test_who_is_denied_is_told(server, asked):
    server.status, server.payload = 403, {"Message": "not authorized"}
    with pytest.raises(quackctl.OperationalError, match="(?s)access is denied.*doctor --policy"):
        asked.sql("q")
    assert len(server.events) == 1


def test_a_lost_connection_is_told_and_the_function_too(server, asked):
    server.payload = inline()
    assert asked.sql("q").fetchall()

    def breaks(event):
        raise ConnectionResetError

    server.payload = breaks
    with pytest.raises(quackctl.OperationalError, match="(?s)connection was lost.*run it again"):
        asked.sql("q")
    assert len(server.events) == 2, "a query that may have run is not run again unasked"
    assert server.asked[-1].startswith("PUT /lake/_quack/results/") and server.asked[-1].split("?")[0].endswith("/left")


def test_reports_that_are_none_cost_nothing(server, asked):
    server.payload = inline()
    for log, billed in [
        ("REPORT RequestId: 1\tDuration: 12.34 ms\tBilled Duration: 1000 ms\tMemory Size: 1024 MB\tMax Memory Used: 80 MB\t\n", 1000),
        ("REPORT RequestId: 1\tDuration: 1 ms\tBilled Duration: 1e300 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB", None),
        ("REPORT RequestId: 1\tDuration: 1 ms\tBilled Duration: 99999999999 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB", None),
        ("REPORT", None),
        ("\x00\xff", None),
        ("", None),
    ]:
        server.log = log
        result = asked.sql("q")
        assert result.billed_ms == billed
        assert ("1,000 ms of Lambda, $0.000014" in repr(result)) == (billed is not None)
        # 1 GB for one second, a million times, is $13.33 on arm64, plus $0.20 for the requests.
        assert result.cost_usd == (pytest.approx(13.5334e-6) if billed else None)


def test_what_is_shown_is_escaped(server, asked):
    nasty = '<script>alert(1)</script>"\x1b[2J\n'
    table = pa.table({nasty: [nasty, None, "x" * 500]})
    server.payload = inline(table, columns=[{"name": nasty, "type": "VARCHAR"}])
    result = asked.sql("q")
    html = result._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and "NULL" in html and "\x1b" not in html
    text = repr(result)
    assert "\x1b" not in text and r"\x1b[2J\n" in text and "…" in text and "(3 rows)" in text
    rows = pa.table({"n": pa.array(range(1000), pa.int32())})
    server.payload = inline(rows, columns=COLUMNS[:1])
    assert "first 20 of 1,000 rows" in repr(asked.sql("q")) and asked.sql("q")._repr_html_().count("<tr>") == 21
    wide = pa.table({f"c{at}": pa.array([at], pa.int32()) for at in range(100)})
    server.payload = inline(wide, columns=[{"name": f"c{at}", "type": "INTEGER"} for at in range(100)])
    result = asked.sql("q")
    assert "first 40 of 100 columns" in result._repr_html_() and result._repr_html_().count("<th>") == 40
    lines = repr(result).splitlines()
    assert re.search(r"first \d\d of 100 columns", lines[-1]) and max(len(line) for line in lines[:-1]) <= max(shutil.get_terminal_size().columns, 80)


def test_no_more_is_read_than_an_answer_has(server, asked):
    server.payload = json.dumps(inline()).encode() + b" " * (8 << 20)
    with pytest.raises(quackctl.InterfaceError, match="larger than Lambda's answers"):
        asked.sql("q")
