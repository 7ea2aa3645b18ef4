"""Changes a lake by SQL, step by step, and has others read every table after every step: pyiceberg, DuckDB's iceberg_scan and
polars have to find the same rows as `quackctl query` does, and the types that docs/tables.md says.

usage: lake.py QUACKCTL ENDPOINT KEY_ID SECRET   in a project that is up
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["POLARS_ICEBERG_PLANNER"] = "pyiceberg"

import duckdb
import polars
from pyiceberg.table import StaticTable

QUACKCTL, ENDPOINT, KEY_ID, SECRET = sys.argv[1:5]

# Every kind of change, to tables of every type that a table may have.
STEPS = [
    """CREATE TABLE typed AS SELECT * FROM (VALUES
        (true, 1::TINYINT, 2::SMALLINT, 3::INTEGER, 4::BIGINT, 200::UTINYINT, 60000::USMALLINT, 4000000000::UINTEGER,
         9223372036854775807::UBIGINT, 1.5::FLOAT, 2.5::DOUBLE, 3.25::DECIMAL(9,2), -12345678901234567890.5::DECIMAL(38,1),
         'text', 'blob'::BLOB, DATE '2019-04-01', TIME '12:30:00.5', TIMESTAMP '2019-04-01 12:30:00.25',
         TIMESTAMPTZ '2019-04-01 12:30:00+02', UUID '00000000-0000-0000-0000-00000000000a', [1, 2], {'a': 1, 'b': 'x'}, MAP {'k': 2}),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'nan'::FLOAT, 'inf'::DOUBLE, NULL, NULL, NULL, NULL,
         DATE '0044-03-15 (BC)', NULL, NULL, NULL, NULL, NULL, NULL, NULL))
        t(bool, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, d9, d38, s, b, d, t, ts, tz, u, l, st, m)""",
    "CREATE TABLE plain (id INTEGER, name VARCHAR)",
    "INSERT INTO plain VALUES (1, 'a'), (2, 'b'), (3, NULL)",
    "CREATE TABLE parted PARTITIONED BY (day, k) AS SELECT i, DATE '2019-04-01' + (i % 3)::INT AS day, i % 2 AS k FROM range(30) r(i)",
    "INSERT INTO parted SELECT i, NULL, 7 FROM range(5) r(i)",
    "UPDATE parted SET i = i + 100 WHERE day = DATE '2019-04-02'",
    "DELETE FROM parted WHERE k = 0",
    "DELETE FROM plain WHERE id = 2",
    "MERGE INTO plain USING (VALUES (1, 'z'), (9, 'n')) s(id, name) ON plain.id = s.id "
    "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT",
    "BEGIN; INSERT INTO plain VALUES (10, 't'); DELETE FROM parted WHERE i = 1; COMMIT",
    # Files of several shapes: those that there are stay as they are.
    "ALTER TABLE plain ADD COLUMN more DECIMAL(9,2)",
    "INSERT INTO plain VALUES (11, 'm', 1.5)",
    "ALTER TABLE plain ALTER id TYPE BIGINT",
    "INSERT INTO plain VALUES (5000000000, 'l', NULL)",
    "ALTER TABLE plain DROP COLUMN name",
    "ALTER TABLE parted ADD COLUMN note VARCHAR",
    "INSERT INTO parted VALUES (77, 'n', DATE '2019-04-09', 1)",
    "UPDATE plain SET more = 7 WHERE id = 11",
    "ALTER TABLE plain ADD COLUMN name INTEGER",
    "ALTER TABLE plain RENAME TO renamed",
    "TRUNCATE renamed",
    "INSERT INTO renamed (id) VALUES (5)",
    "CREATE OR REPLACE TABLE parted PARTITIONED BY (name) AS SELECT 1::BIGINT AS i, 'a b/ü=%' AS name UNION ALL SELECT 2, NULL",
    "DROP TABLE renamed",
    "CREATE TABLE small PARTITIONED BY (day, k) AS SELECT i, 's' || i AS s, DATE '2019-04-01' + (i % 9)::INT AS day, i % 2 AS k "
    "FROM range(90) r(i)",
    # What it is partitioned by become columns like others.
    "compact small",
    "INSERT INTO small VALUES (7, NULL, '2019-04-02', 3), (8, 'x', NULL, NULL)",
    "DELETE FROM small WHERE day = DATE '2019-04-03'",
    "rollback small --to 1",
    "INSERT INTO small VALUES (9, 'y', '2019-04-02', 3)",
    "compact small --sort s",
    # Types that files do not have.
    "CREATE TABLE lacked (h HUGEINT, uh UHUGEINT, u UINTEGER, e ENUM('z', 'a'), v FLOAT[3], s TIMESTAMP_S, ms TIMESTAMP_MS, "
    "z TIMETZ, i INTERVAL, b BIT, st STRUCT(h HUGEINT, b BIT), n UNION(num INTEGER, str VARCHAR))",
    "INSERT INTO lacked VALUES (-12345678901234567890123, 5, 4294967295, 'a', [1, 2, 3], '2020-01-01 01:02:03', "
    "'2020-01-01 01:02:03.123', '10:00:00+02', '1 month -3 microseconds', '0101', {'h': 1, 'b': '0101'}, 'x'), "
    "(1, 99999999999999999999999999999999999999, 0, 'z', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "UPDATE lacked SET u = 7, e = 'a', n = 7 WHERE e = 'z'",
]

# What others see of a table, where it is not what DuckDB's own Parquet has.
SEEN = {
    "lacked": "SELECT * REPLACE (z::VARCHAR AS z, i::VARCHAR AS i, b::VARCHAR AS b, "
    "struct_pack(tag := enum_code(union_tag(n)), num := n.num, str := n.str) AS n) FROM lacked",
}

# What Iceberg has for a type of DuckDB's.
TYPES = {
    "bool": "boolean", "i8": "int", "i16": "int", "i32": "int", "i64": "long", "u8": "int", "u16": "int", "u32": "long",
    "u64": "long", "f32": "float", "f64": "double", "d9": "decimal(9, 2)", "d38": "decimal(38, 1)", "s": "string",
    "b": "binary", "d": "date", "t": "time", "ts": "timestamp", "tz": "timestamptz", "u": "uuid", "l": "list<int>",
    "st": "struct<24: a: optional int, 25: b: optional string>", "m": "map<string, int>",
}


LACKED = {
    "h": "decimal(38, 0)", "uh": "decimal(38, 0)", "u": "long", "e": "string", "v": "list<float>", "s": "timestamp",
    "ms": "timestamp", "z": "string", "i": "string", "b": "string",
    "st": "struct<13: h: optional decimal(38, 0), 14: b: optional string>",
    "n": "struct<16: tag: optional int, 17: num: optional int, 18: str: optional string>",
}

# What polars refuses (64 bits without a sign) or has no type for (maps, UUIDs).
POORER = ("u64", "m", "u")


def quackctl(*arguments):
    done = subprocess.run([QUACKCTL, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def refused(*arguments, told):
    done = subprocess.run([QUACKCTL, *arguments], capture_output=True, text=True)
    assert done.returncode in (1, 2) and told in done.stderr, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
    assert len(done.stderr) < 2000, f"{arguments}: {done.stderr}"


def extension(name):
    """The file of a DuckDB extension, of the package that has it."""
    package = importlib.util.find_spec(f"duckdb_extension_{name}").submodule_search_locations[0]
    return next(pathlib.Path(package).rglob(f"{name}.duckdb_extension"))


def connect():
    connection = duckdb.connect(config={"allow_unsigned_extensions": True})
    for name in ("httpfs", "avro", "iceberg"):
        connection.execute(f"LOAD '{extension(name)}'")
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{KEY_ID}', SECRET '{SECRET}', ENDPOINT '{ENDPOINT.removeprefix('http://')}', "
        "USE_SSL false, URL_STYLE 'path', REGION 'us-east-1')"
    )
    return connection


def bucket():
    return json.loads(quackctl("status", "--json"))["bucket"]


OPTIONS = {"s3.endpoint": ENDPOINT, "s3.access-key-id": KEY_ID, "s3.secret-access-key": SECRET, "s3.region": "us-east-1"}
STORAGE = {
    "aws_endpoint_url": ENDPOINT, "aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET, "aws_region": "us-east-1",
    "aws_allow_http": "true",
}


def compare(connection, name, static, folder, own, place):
    """Has every reader find the rows that quackctl finds in a table; gives how many did."""
    quackctl("query", SEEN.get(name, f"FROM {name}"), "-o", str(own))
    readers = {
        "pyiceberg": static.scan().to_arrow(),
        "duckdb": connection.sql(f"SELECT * FROM iceberg_scan('{folder}')").to_arrow_table(),
        "polars": polars.scan_iceberg(static, storage_options=STORAGE).drop(*POORER, strict=False).collect().to_arrow(),
    }
    for reader, rows in readers.items():
        connection.register("theirs", rows)
        columns = [column[0] for column in connection.execute(f"DESCRIBE FROM '{own}'").fetchall()]
        if reader == "polars":
            columns = [column for column in columns if column not in POORER]
        assert set(columns) == set(rows.column_names), f"{reader}, {name} after {place}: {rows.column_names}"
        # As text: some types have no equal of the same name.
        text = ", ".join(f'CAST("{column}" AS VARCHAR) AS "{column}"' for column in columns)
        ours, theirs = f"(SELECT {text} FROM '{own}')", f"(SELECT {text} FROM theirs)"
        lacks, more = (
            connection.execute(f"FROM {a} EXCEPT ALL FROM {b}").fetchall()
            for a, b in ((ours, theirs), (theirs, ours))
        )
        assert not lacks + more, f"{reader}, {name} after {place}: lacks {lacks[:3]}, has {more[:3]}"
    return len(readers)


def main():
    own = pathlib.Path(tempfile.mkdtemp(dir=os.getcwd())) / "own.parquet"
    connection = connect()
    reads = 0
    for step in STEPS:
        command = step.split(" ") if step.startswith(("compact ", "rollback ")) else ["query", step]
        quackctl(*command)
        for table in json.loads(quackctl("tables", "--json"))["tables"]:
            name, place = table["name"], step.split("\n")[0][:60]
            folder = f"s3://{bucket()}/tables/{name}"
            # A table that was renamed and not changed since has its metadata where it was.
            if step.endswith("RENAME TO renamed") and name == "renamed":
                folder = f"s3://{bucket()}/tables/plain"
            static = StaticTable.from_metadata(folder, properties=OPTIONS)
            if name in ("typed", "lacked"):
                types = {field.name: str(field.field_type) for field in static.schema().fields}
                assert types == (TYPES if name == "typed" else LACKED), types
            reads += compare(connection, name, static, folder, own, place)
            if name == "parted" and any(field.name == "day" for field in static.schema().fields):
                # Files are skipped by what the manifests say, and no row is lost by that.
                some = static.scan(row_filter="day = '2019-04-02' and i >= 100")
                count = connection.execute(f"SELECT count(*) FROM '{own}' WHERE day = DATE '2019-04-02' AND i >= 100")
                assert some.to_arrow().num_rows == count.fetchone()[0], f"filtered, after {place}"
                assert len(list(some.plan_files())) < table["files"]
    print(f"{reads} reads of tables, all as quackctl has them")


if __name__ == "__main__":
    main()
