"""Exports read back by others: DuckDB, pyarrow, pandas, polars.

    formats.py types QUACKCTL                 each type in each format, in the project of this folder, which is up
    formats.py collection QUACKCTL FOLDER     every file of FOLDER loaded, exported in every format and read back,
                                              in a project of its own that is put up and taken down

Ends with 1 when something is not as it should be. `types --table` prints the table of docs/formats.md.
"""

import datetime
import decimal
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

FORMATS = ["parquet", "arrow", "csv", "tsv", "json", "jsonl"]
DELIMITERS = {"csv": ",", "tsv": "\t"}

# A value of each type: large or precise enough to show what is lost.
TYPES = {
    "BOOLEAN": "true",
    "TINYINT": "-128",
    "SMALLINT": "-32768",
    "INTEGER": "-2147483648",
    "BIGINT": "9223372036854775807",
    "HUGEINT": "-12345678901234567890123456789012345678",
    "UTINYINT": "255",
    "USMALLINT": "65535",
    "UINTEGER": "4294967295",
    "UBIGINT": "18446744073709551615",
    "UHUGEINT": "12345678901234567890123456789012345678",
    "BIGNUM": "'123456789012345678901234567890123456789012345'",
    "FLOAT": "0.1",
    "DOUBLE": "0.1",
    "DECIMAL(18,3)": "123456789012345.678",
    "VARCHAR": "'Größe, \"東京\"\n\\ ''x'''",
    "BLOB": "'\\x00\\xFFa'",
    "BIT": "'0101'",
    "UUID": "'123e4567-e89b-12d3-a456-426614174000'",
    "JSON": "'{\"a\":[1,null]}'",
    "DATE": "'2024-02-29'",
    "TIME": "'12:34:56.123456'",
    "TIME_NS": "'12:34:56.123456789'",
    "TIME WITH TIME ZONE": "'12:34:56.123456+02:00'",
    "TIMESTAMP": "'2024-02-29 12:34:56.123456'",
    "TIMESTAMP_S": "'2024-02-29 12:34:56'",
    "TIMESTAMP_MS": "'2024-02-29 12:34:56.123'",
    "TIMESTAMP_NS": "'2024-02-29 12:34:56.123456789'",
    "TIMESTAMP WITH TIME ZONE": "'2024-02-29 12:34:56.123456+00'",
    "INTERVAL": "'2 months 3 days 04:05:06.000007'",
    "ENUM('a', 'b')": "'b'",
    "INTEGER[]": "[1, NULL, 3]",
    "HUGEINT[]": "[12345678901234567890123456789012345678, NULL]",
    "INTEGER[3]": "[1, 2, 3]",
    "STRUCT(a INTEGER, b BOOLEAN)": "{'a': 1, 'b': true}",
    "MAP(VARCHAR, BOOLEAN)": "MAP {'x': true, 'y': NULL}",
    "UNION(n INTEGER, s VARCHAR)": "union_value(n := 1)",
}
# What DuckDB's own Parquet does not keep either, or keeps as another type.
LOST = {
    ("INTERVAL", "parquet"): "microseconds are cut to milliseconds",
    ("TIME WITH TIME ZONE", "parquet"): "as UTC, without its zone",
    ("TIME WITH TIME ZONE", "arrow"): "without its zone",
    ("TIMESTAMP_NS", "parquet"): None,
    ("BIT", "arrow"): "DuckDB's own bytes",
    ("BIGNUM", "arrow"): "DuckDB's own bytes",
    ("UNION(n INTEGER, s VARCHAR)", "parquet"): None,
}

wrong = []


def check(is_right, what):
    if not is_right:
        wrong.append(what)
        print(f"wrong: {what}", file=sys.stderr)
    return is_right


class Project:
    def __init__(self, program, folder):
        self.program, self.folder = str(pathlib.Path(program).resolve()), pathlib.Path(folder)

    def run(self, *arguments):
        return subprocess.run(
            [self.program, *arguments], cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    def export(self, sql, name):
        done = self.run("query", "--quiet", "-o", name, sql)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return str(self.folder / name)


def connect():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def relation(connection, path):
    """A file as DuckDB reads it, its texts as texts."""
    match path.rsplit(".", 1)[1]:
        case "arrow":
            connection.register("arrow_file", pyarrow.ipc.open_file(path).read_all())
            return "arrow_file"
        case "csv" | "tsv" as ending:
            options = f"delim = '{DELIMITERS[ending]}', quote = '\"', escape = '\"'"
            return f"read_csv('{path}', all_varchar = true, header = true, {options})"
        case "json":
            return f"read_json('{path}', format = 'array', map_inference_threshold = -1)"
        case "jsonl":
            return f"read_json('{path}', format = 'newline_delimited', map_inference_threshold = -1)"
        case _:
            return f"'{path}'"


# -- types ---------------------------------------------------------------------------------------------------------


def read_value(connection, path, sql_type):
    """The first row's value as text, as DuckDB makes it of the file; and the type that the file has."""
    ending = path.rsplit(".", 1)[1]
    if ending in ("json", "jsonl"):
        text = pathlib.Path(path).read_text().strip()
        rows = json.loads(text, parse_float=decimal.Decimal) if ending == "json" else None
        if ending == "jsonl":
            rows = [json.loads(line, parse_float=decimal.Decimal) for line in text.splitlines()]
        kinds = {bool: "boolean", int: "number", decimal.Decimal: "number", str: "text", list: "array", dict: "object"}
        assert len(rows) == 2 and rows[1]["v"] is None, rows
        value, kind = rows[0]["v"], kinds[type(rows[0]["v"])]
        if not isinstance(value, (list, dict)):
            value = str(value).lower() if isinstance(value, bool) else str(value)
            return connection.execute(f"SELECT CAST(CAST(? AS {sql_type}) AS VARCHAR)", [value]).fetchone()[0], kind
        if sql_type == "JSON":
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False), kind
        value = json.dumps(value)
        if sql_type.startswith("UNION"):
            return connection.execute("SELECT CAST(CAST(? AS JSON) ->> 'n' AS VARCHAR)", [value]).fetchone()[0], kind
        cast = f"SELECT CAST(CAST(CAST(? AS JSON) AS {sql_type}) AS VARCHAR)"
        return connection.execute(cast, [value]).fetchone()[0], kind
    first, second = connection.execute(f"SELECT v FROM {relation(connection, path)}").fetchall() if ending in (
        "csv",
        "tsv",
    ) else (None, None)
    if first is not None:
        assert second[0] is None, second
        return connection.execute(f"SELECT CAST(CAST(? AS {sql_type}) AS VARCHAR)", [first[0]]).fetchone()[0], "text"
    is_arrow = ending == "arrow"
    schema = pyarrow.ipc.open_file(path).schema if is_arrow else pyarrow.parquet.read_schema(path)
    # Bytes of DuckDB's own are not to be cast.
    cast = f"CAST(v AS {sql_type})" if sql_type not in ("BIT", "BIGNUM") or not is_arrow else "v"
    values = connection.execute(f"SELECT CAST({cast} AS VARCHAR) FROM {relation(connection, path)}").fetchall()
    assert len(values) == 2 and values[1][0] is None, values
    return values[0][0], str(schema.field("v").type)


def types(project):
    """Each type in each format: what it is there, and whether DuckDB makes the same value of it again."""
    found, connection = {}, connect()
    for index, (sql_type, value) in enumerate(TYPES.items()):
        cast = f"CAST({value} AS {sql_type})"
        expected = connection.execute(f"SELECT CAST({cast} AS VARCHAR)").fetchone()[0]
        sql = f"SELECT {cast} AS v UNION ALL SELECT NULL"
        for ending in FORMATS:
            what = f"{sql_type} in {ending}"
            try:
                path = project.export(sql, f"type{index}.{ending}")
                own, kind = read_value(connection, path, sql_type)
            except Exception as error:  # noqa: BLE001 - whatever a reader says is told
                check(False, f"{what}: {error}")
                continue
            lost = LOST.get((sql_type, ending))
            if lost is None:
                check(own == expected, f"{what}: {own!r} instead of {expected!r} ({kind})")
            found[sql_type, ending] = kind if own == expected else f"{kind}: {lost}"
            if ending == "arrow":
                model = connection.sql(sql).to_arrow_table().schema.field("v").type
                check(kind == str(model), f"{what}: {kind}, and DuckDB exports {model}")
            if ending in ("arrow", "parquet"):
                read_by_all(path, what)
    return found


def read_by_all(path, what):
    """Opened by every other reader, with two rows of which one is NULL."""
    is_arrow = path.endswith(".arrow")
    readers = {
        "pyarrow": lambda: (pyarrow.feather.read_table if is_arrow else pyarrow.parquet.read_table)(path),
        "pandas": lambda: (pandas.read_feather if is_arrow else pandas.read_parquet)(path),
        "polars": lambda: (polars.read_ipc if is_arrow else polars.read_parquet)(path),
    }
    for name, reader in readers.items():
        # DuckDB's own exports of these types fail there in the same way.
        if (name, what.split(" in ")[0]) in NOT_READ:
            continue
        try:
            check(len(reader()) == 2, f"{what}: {name} reads other rows")
        except Exception as error:  # noqa: BLE001
            check(False, f"{what}: {name} says {error}")


# Arrow's types of these are not known to the reader.
NOT_READ = {
    ("polars", "INTERVAL"),
    ("polars", "UNION(n INTEGER, s VARCHAR)"),
    ("pandas", "UNION(n INTEGER, s VARCHAR)"),
    ("pandas", "TIME_NS"),
}


def table(found):
    print("| type | Parquet | Arrow | JSON, JSON lines | CSV, TSV |\n| --- | --- | --- | --- | --- |")
    for sql_type in TYPES:
        cells = [found[sql_type, ending] for ending in ("parquet", "arrow", "json", "csv")]
        print(f"| {sql_type} | " + " | ".join(cells) + " |")


# -- a collection --------------------------------------------------------------------------------------------------


def plain(value):
    """A value so that those of readers that guess types otherwise are equal when they mean the same."""
    if value is None or value is pandas.NaT or value is pandas.NA or (isinstance(value, str) and not value):
        return None
    if isinstance(value, bytes):
        # What polars makes of JSON in Parquet.
        return plain(value.decode(errors="replace"))
    if isinstance(value, str) and value[0] == '"' == value[-1]:
        # JSON as text, which readers of JSON take apart.
        try:
            return plain(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "true" if value else "false"
    if isinstance(value, dict):
        return json.dumps({key: plain(own) for key, own in value.items()}, sort_keys=True)
    if isinstance(value, (list, tuple)) or type(value).__name__ in ("ndarray", "Series"):
        return json.dumps([plain(own) for own in value])
    if isinstance(value, (datetime.datetime, pandas.Timestamp)):
        return value.replace(tzinfo=None).isoformat(sep=" ").removesuffix(" 00:00:00").rstrip("0" if value.microsecond else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        number = float(value)
    except (TypeError, ValueError):
        text = str(value)
        return text.lower() if text.lower() in ("true", "false") else text.replace("T", " ").removesuffix(" 00:00:00")
    return None if math.isnan(number) else format(number, ".12g")


# Rows of a table that are compared value by value: all, or so many at even distances.
MOST_COMPARED = 20_000

# What a reader does not open: it guesses lists of one depth from the first, and others follow.
NOT_OPENED = {
    (reader, file, ending)
    for reader, file in (("polars", "londonBoroughs.json"), ("polars", "us-10m.json"), ("polars", "world-110m.json"))
    for ending in ("json", "jsonl")
}


def rows_of(path, reader):
    """How many rows a reader finds, and those that are compared, as dictionaries; nothing of what it does not read."""
    ending = path.rsplit(".", 1)[1]
    match reader, ending:
        case "duckdb", _:
            connection = connect()
            found = connection.sql(f"FROM {relation(connection, path)}").to_arrow_table()
        case "pyarrow", "parquet":
            found = pyarrow.parquet.read_table(path)
        case "pyarrow", "arrow":
            found = pyarrow.feather.read_table(path)
        case "pyarrow", "csv" | "tsv":
            parse = pyarrow.csv.ParseOptions(delimiter=DELIMITERS[ending], newlines_in_values=True)
            nulls = pyarrow.csv.ConvertOptions(null_values=[""], strings_can_be_null=True)
            found = pyarrow.csv.read_csv(path, parse_options=parse, convert_options=nulls)
        case "pandas", "parquet":
            found = pandas.read_parquet(path)
        case "pandas", "arrow":
            found = pandas.read_feather(path)
        case "pandas", "csv" | "tsv":
            options = {"sep": DELIMITERS[ending], "keep_default_na": False, "na_values": [""]}
            found = pandas.read_csv(path, **options, low_memory=False)
        case "pandas", _:
            found = pandas.read_json(path, lines=ending == "jsonl", dtype=False, precise_float=True)
        case "polars", "parquet":
            found = polars.read_parquet(path)
        case "polars", "arrow":
            found = polars.read_ipc(path)
        case "polars", "csv" | "tsv":
            found = polars.read_csv(path, separator=DELIMITERS[ending], infer_schema_length=None)
        case "polars", "json":
            found = polars.read_json(path, infer_schema_length=None)
        case "polars", "jsonl":
            found = polars.read_ndjson(path, infer_schema_length=None)
        case _:
            return None
    count = len(found)
    step = max(1, -(-count // MOST_COMPARED))
    if isinstance(found, pandas.DataFrame):
        return count, found.iloc[::step].astype(object).to_dict("records")
    if isinstance(found, polars.DataFrame):
        return count, found[::step].to_dicts()
    return count, found.take(list(range(0, count, step))).to_pylist() if step > 1 else found.to_pylist()


def difference(expected, found, columns):
    for index, (left, right) in enumerate(zip(expected, found)):
        for column in columns:
            if column not in right:
                # Readers of JSON leave out what is NULL in every row.
                if left[column] is None:
                    continue
                return f"no column {column!r}"
            a, b = plain(left[column]), plain(right[column])
            if a != b and not same_tree(a, b):
                return f"row {index}, {column}: {right[column]!r} instead of {left[column]!r}"
    return None


def same_tree(a, b):
    """Whether two nested values differ only by members that are NULL, which some readers leave out and others add."""
    if not (isinstance(a, str) and isinstance(b, str) and a[:1] in "[{" and b[:1] in "[{"):
        return False
    try:
        return bare(json.loads(a)) == bare(json.loads(b))
    except ValueError:
        return False


def bare(tree):
    if isinstance(tree, str) and tree[:1] in "[{":
        try:
            return bare(json.loads(tree))
        except ValueError:
            return tree
    if isinstance(tree, dict):
        members = ((key, bare(value)) for key, value in tree.items())
        return {key: value for key, value in members if value not in (None, {})}
    return [bare(value) for value in tree] if isinstance(tree, list) else plain(tree)


def collection(project, folder):
    connection, counts = connect(), {}
    for file in sorted(pathlib.Path(folder).iterdir()):
        name = file.stem.lower().replace("-", "_") + "_" + file.suffix[1:]
        name = name if name[0].isalpha() else f"t_{name}"
        loaded = project.run("load", str(file), "--table", name, "--quiet")
        if loaded.returncode != 0:
            said = loaded.stderr.strip().splitlines()[0]
            print(f"{file.name}: {said}")
            is_known = "not a format that load reads" in said
            check(is_known, f"{file.name} is not loaded: {loaded.stderr.strip()}")
            continue
        paths = {ending: project.export(f"FROM {name}", f"{name}.{ending}") for ending in FORMATS}
        number, expected = rows_of(paths["parquet"], "duckdb")
        columns = list(expected[0])
        # Of what came out, as DuckDB exports it: the same types.
        own = connection.sql(f"FROM '{paths['parquet']}'").to_arrow_table().schema
        found = pyarrow.ipc.open_file(paths["arrow"]).schema
        check(own.types == found.types, f"{file.name}: {found.types} in Arrow, where DuckDB exports {own.types}")
        source = source_rows(connection, file)
        if source is not None:
            check(source == number, f"{file.name}: {number} rows of {source}")
        for ending, path in paths.items():
            for reader in ("duckdb", "pyarrow", "pandas", "polars"):
                if (reader, file.name, ending) in NOT_OPENED:
                    continue
                try:
                    found = rows_of(path, reader)
                except Exception as error:  # noqa: BLE001
                    check(False, f"{file.name} as {ending}: {reader} says {str(error).splitlines()[0]}")
                    continue
                if found is None:
                    continue
                # Lists and structs are text there.
                is_text = is_nested(own) and ending in ("csv", "tsv")
                differs = None if is_text else difference(expected, found[1], columns)
                what = f"{file.name} as {ending} by {reader}: {found[0]} rows of {number}, {differs}"
                is_whole = check(found[0] == number and differs is None, what)
                counts[ending, reader] = counts.get((ending, reader), 0) + is_whole
        for path in paths.values():
            pathlib.Path(path).unlink()
    for (ending, reader), count in counts.items():
        print(f"{ending:<8} {reader:<8} {count} tables the same")


def is_nested(schema):
    return any(pyarrow.types.is_nested(own) for own in schema.types)


def source_rows(connection, file):
    reader = {".csv": "read_csv", ".tsv": "read_csv", ".json": "read_json", ".parquet": "read_parquet"}.get(file.suffix)
    try:
        return connection.execute(f"SELECT count(*) FROM {reader}('{file}')").fetchone()[0]
    except duckdb.Error:
        return None


def main():
    match sys.argv[1:]:
        case ["types", program, *rest]:
            found = types(Project(program, "."))
            if rest == ["--table"]:
                table(found)
        case ["collection", program, folder]:
            folder = pathlib.Path(folder).resolve()
            with tempfile.TemporaryDirectory() as place:
                project = Project(program, place)
                for arguments in (["init"], ["up", "--no-check"]):
                    project.run(*arguments)
                try:
                    collection(project, folder)
                finally:
                    project.run("down", "--yes")
        case _:
            sys.exit(__doc__)
    sys.exit(1 if wrong else 0)


main()
