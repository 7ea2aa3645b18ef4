"""Writes files as pyarrow and DuckDB write them, has them registered as tables, and has others read these, before and after changes:
the same rows as `quackctl query` finds.

usage: registered.py QUACKCTL ENDPOINT KEY_ID SECRET   in a project that is up
"""

import datetime
import decimal
import os
import pathlib
import tempfile

import pyarrow
import pyarrow.fs
import pyarrow.parquet
from pyiceberg.table import StaticTable

from lake import ENDPOINT, KEY_ID, OPTIONS, SECRET, bucket, compare, connect, quackctl

S3 = pyarrow.fs.S3FileSystem(
    endpoint_override=ENDPOINT, access_key=KEY_ID, secret_key=SECRET, region="us-east-1", allow_bucket_creation=False
)


def write(key, columns, **options):
    with S3.open_output_stream(f"{bucket()}/{key}") as out:
        table = columns if isinstance(columns, pyarrow.Table) else pyarrow.table(columns)
        pyarrow.parquet.write_table(table, out, **options)


def main():
    own = pathlib.Path(tempfile.mkdtemp(dir=os.getcwd())) / "own.parquet"
    connection = connect()
    day, utc = datetime.date(2026, 3, 1), datetime.timezone.utc
    for at in range(3):
        # All types that pyarrow writes, in row groups of which some have no value.
        write(
            f"arrow/k={at}/x.parquet",
            {
                "i": pyarrow.array([None, None, at, 7 - at], pyarrow.int32()),
                "u": pyarrow.array([4000000000, at, None, 1], pyarrow.uint32()),
                "s": ["long " * 20 + str(at), "b", "\u00e4\U0001f600", None],
                "bin": [b"\xff\x00", b"", None, b"a"],
                "d": [decimal.Decimal("-1.50"), decimal.Decimal(at) / 4, None, decimal.Decimal("99999.25")],
                "day": [day, None, day + datetime.timedelta(at), day],
                "ms": pyarrow.array([1000 + at, None, 5, 6], pyarrow.timestamp("ms")),
                "tz": [datetime.datetime(2026, 1, 1, at, tzinfo=utc), None, None, datetime.datetime(1969, 1, 1, tzinfo=utc)],
                "f": [float("nan"), float("-inf"), -0.0, at],
                "b": [True, None, False, True],
                "l": [[1, None], [], None, [at]],
                "st": [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}, {"a": at, "b": None}],
            },
            row_group_size=2,
        )
    # A column that comes, one that goes, one that is wider; the order is another.
    write("shapes/1.parquet", {"a": pyarrow.array([1, 2], pyarrow.int32()), "b": ["x", "y"], "f": pyarrow.array([0.5, None], pyarrow.float32())})
    write("shapes/2.parquet", {"c": [day, None], "a": pyarrow.array([5000000000, None], pyarrow.int64()), "f": [0.1, 2.0]})
    # Numbers that files have for their columns are what pyiceberg goes by.
    def numbered(ids):
        return pyarrow.schema([
            pyarrow.field(name, pyarrow.int64(), metadata={"PARQUET:field_id": str(id)}) for name, id in ids.items()
        ])

    for at in range(2):
        rows = {"first": [at], "second": [10 + at]} if at else {"second": [10], "first": [0]}
        schema = numbered({"second": 1, "first": 7} if not at else {"first": 7, "second": 1})
        write(f"numbered/{at}.parquet", pyarrow.table(rows, schema=schema))
    reads = 0
    tables = {"arrow": "arrow/*/*.parquet", "shapes": "shapes/*.parquet", "numbered": "numbered/*.parquet"}
    for name, keys in tables.items():
        quackctl("register", f"s3://{bucket()}/{keys}", "--table", name)

    def all_read(after):
        count = 0
        for name in tables:
            folder = f"s3://{bucket()}/tables/{name}"
            static = StaticTable.from_metadata(folder, properties=OPTIONS)
            count += compare(connection, name, static, folder, own, after)
        return count

    reads += all_read("register")
    static = StaticTable.from_metadata(f"s3://{bucket()}/tables/arrow", properties=OPTIONS)
    for wanted, rows, files in (("k = 1", 4, 1), ("i = 2", 1, 3), ("i > 6", 1, 1), ("s = 'b'", 3, 3), ("d < -1", 3, 3)):
        some = static.scan(row_filter=wanted)
        assert some.to_arrow().num_rows == rows, wanted
        assert len(list(some.plan_files())) <= files, wanted
    for sql in (
        "INSERT INTO arrow BY NAME SELECT 5 AS i, 'new' AS s, 9 AS k",
        "UPDATE arrow SET s = 'changed' WHERE i = 7",
        "DELETE FROM shapes WHERE a = 1",
        "ALTER TABLE shapes ADD COLUMN more INTEGER",
        "INSERT INTO shapes (a, more) VALUES (3, 4)",
        "INSERT INTO numbered (first, second) VALUES (2, 12)",
        "ALTER TABLE numbered ADD COLUMN third VARCHAR; INSERT INTO numbered (third) VALUES ('x')",
        "UPDATE numbered SET first = 100 WHERE second = 10",
    ):
        quackctl("query", sql)
        reads += all_read(sql)
    quackctl("register", f"s3://{bucket()}/{tables['shapes']}", "--table", "shapes", "--replace")
    quackctl("compact", "arrow")
    reads += all_read("compact and register --replace")
    print(f"{reads} reads of registered tables, all as quackctl has them")


main()
