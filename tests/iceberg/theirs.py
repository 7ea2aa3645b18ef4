"""Has pyiceberg write tables into the lake's bucket, registers them, and looks at each with both: the same rows, of the same types.

usage: theirs.py QUACKCTL ENDPOINT KEY_ID SECRET   in a project that is up
"""

import datetime
import decimal
import gzip
import json
import os
import pathlib
import tempfile
import uuid

import pyarrow
import pyarrow.fs
import pyarrow.parquet
from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry, ManifestEntryStatus
from pyiceberg.manifest import ManifestWriterV2, write_manifest_list
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableResponse, StaticTable, Table
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, MonthTransform, TruncateTransform
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType, IntegerType, ListType, LongType, MapType,
    NestedField, StringType, StructType, TimestampType, TimestamptzType, TimeType, UUIDType,
)

from lake import ENDPOINT, KEY_ID, OPTIONS, SECRET, bucket, connect, quackctl, refused

S3 = pyarrow.fs.S3FileSystem(
    endpoint_override=ENDPOINT, access_key=KEY_ID, secret_key=SECRET, region="us-east-1", allow_bucket_creation=False
)


class Catalog(MetastoreCatalog):
    """Tables by name, in memory: pyiceberg's own needs a database."""

    def __init__(self, warehouse):
        super().__init__("theirs", **OPTIONS)
        self.warehouse, self.tables = warehouse, {}

    def create_table(self, identifier, schema, location=None, partition_spec=PartitionSpec(), sort_order=None, properties={}):
        options = {} if sort_order is None else {"sort_order": sort_order}
        location = location or f"{self.warehouse}/{identifier}"
        staged = self._create_staged_table(("db", identifier), schema, location, partition_spec, properties=properties, **options)
        return self.keep(staged)

    def keep(self, staged):
        self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        name = staged.name()[-1]
        self.tables[name] = Table(staged.name(), staged.metadata, staged.metadata_location, staged.io, self)
        return self.tables[name]

    def load_table(self, identifier):
        return self.tables[self.identifier_to_tuple(identifier)[-1]]

    def commit_table(self, table, requirements, updates):
        staged = self._update_and_stage_table(self.load_table(table.name()), table.name(), requirements, updates)
        kept = self.keep(staged)
        return CommitTableResponse(metadata=kept.metadata, metadata_location=kept.metadata_location)


Catalog.__abstractmethods__ = frozenset()

DAY, UTC = datetime.date(2026, 3, 1), datetime.timezone.utc


def everything():
    """A table of every type of form 2, but for the numbers of its columns."""
    def field(name, of):
        field.last += 1
        return NestedField(field.last, name, of, required=False)
    field.last = 0
    schema = Schema(
        field("b", BooleanType()), field("i", IntegerType()), field("l", LongType()), field("f", FloatType()), field("d", DoubleType()),
        field("d9", DecimalType(9, 2)), field("d38", DecimalType(38, 10)), field("day", DateType()), field("t", TimeType()),
        field("ts", TimestampType()), field("tz", TimestamptzType()), field("s", StringType()), field("u", UUIDType()),
        field("fix", FixedType(3)), field("bin", BinaryType()),
        field("list", ListType(101, IntegerType(), element_required=False)),
        field("map", MapType(102, StringType(), 103, DoubleType(), value_required=False)),
        field("st", StructType(NestedField(104, "x", IntegerType(), required=False), NestedField(105, "yz", StringType(), required=False))),
        field("deep", ListType(106, StructType(NestedField(107, "k", StringType(), required=False)), element_required=False)),
    )
    at = datetime.datetime(2026, 1, 1, 12, 30, 0, 250)
    rows = [
        dict(b=True, i=1, l=2**40, f=1.5, d=float("nan"), d9=decimal.Decimal("-1.25"), d38=decimal.Decimal("1.5"), day=DAY,
             t=datetime.time(12, 30, 0, 5), ts=at, tz=at.replace(tzinfo=UTC), s="long " * 30 + "a", u=uuid.UUID(int=10).bytes,
             fix=b"\x00\xff1", bin=b"\xff" * 40, list=[1, None], map={"k": 1.0, "n": None}, st={"x": 1, "yz": "a"},
             deep=[{"k": "v"}, None]),
        dict(b=False, i=-2**31, l=-2**63, f=float("-inf"), d=-0.0, d9=decimal.Decimal("9999999.99"), d38=decimal.Decimal(0),
             day=datetime.date(1, 1, 1), t=datetime.time(0), ts=datetime.datetime(1969, 1, 1), tz=datetime.datetime(1, 1, 1, tzinfo=UTC),
             s="\u00e4\U0001f600", u=uuid.UUID(int=2**128 - 1).bytes, fix=b"abc", bin=b"", list=[], map={}, st={"x": None, "yz": None},
             deep=[]),
        {},
    ]
    return schema, rows


def arrow(schema, rows):
    from pyiceberg.io.pyarrow import schema_to_pyarrow
    of = schema_to_pyarrow(schema, include_field_ids=False)
    return pyarrow.Table.from_pylist([{field.name: row.get(field.name) for field in of} for row in rows], schema=of)


class Looker:
    """Compares what quackctl has with what pyiceberg and DuckDB's own reader have."""

    def __init__(self):
        self.own = pathlib.Path(tempfile.mkdtemp(dir=os.getcwd())) / "own.parquet"
        self.connection = connect()
        self.reads = 0

    def register(self, name, table, address=None):
        quackctl("register", "--iceberg", address or table.metadata_location, "--table", name, "--replace", "--quiet")
        self.look(name, table)

    def look(self, name, table):
        self.rows(name, table)
        # What the lake says of it, others read, too.
        self.rows(name, StaticTable.from_metadata(f"s3://{bucket()}/tables/{name}", properties=OPTIONS))
        self.told(name, table)

    def rows(self, name, table):
        quackctl("query", f"FROM {name}", "-o", str(self.own))
        theirs = table.scan().to_arrow()
        names = [field.name for field in table.schema().fields]
        self.same(name, theirs, names, "pyiceberg")
        duckdb = self.connection.sql(f"SELECT * FROM iceberg_scan('{table.metadata_location}')").to_arrow_table()
        self.same(name, duckdb, names, "DuckDB")

    def told(self, name, table):
        rows = table.scan().to_arrow().num_rows
        # Columns are those of the table, in their order; types are what DuckDB's reader of Iceberg says.
        types = self.connection.execute(f"DESCRIBE FROM iceberg_scan('{table.metadata_location}')").fetchall()
        told = json.loads(quackctl("tables", name, "--json"))
        own = [(column["name"], column["type"]) for column in told["columns"]]
        assert own == [(column[0], column[1]) for column in types], f"{name}: {own} {types}"
        assert told["rows"] == rows, f"{name}: {told}"
        assert told["foreign"]["snapshot"] == table.current_snapshot().snapshot_id, told
        bare = json.loads(quackctl("query", "--format", "json", f"SELECT count(*)::INT AS n FROM {name}"))
        assert bare == [{"n": rows}], f"{name}: {bare}"

    def same(self, name, theirs, names, reader):
        self.connection.register("theirs", theirs)
        assert theirs.column_names == names, f"{reader}: {theirs.column_names}"
        text = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in names)
        ours, others = f"(SELECT {text} FROM '{self.own}')", f"(SELECT {text} FROM theirs)"
        lacks, more = (
            self.connection.execute(f"FROM {a} EXCEPT ALL FROM {b}").fetchall() for a, b in ((ours, others), (others, ours))
        )
        assert not lacks + more, f"{name}: {reader} lacks {lacks[:3]}, has {more[:3]}"
        self.reads += 1


def data_file(table, path, rows, partition, spec_id=0, content=DataFileContent.DATA, file_format=FileFormat.PARQUET, **more):
    file = DataFile.from_args(
        content=content, file_path=path, file_format=file_format, partition=partition, record_count=rows,
        file_size_in_bytes=more.pop("bytes", 1000), **more,
    )
    file.spec_id = spec_id
    return file


def write(table, key, rows, **options):
    """Writes a file of the table as it is, of which the table does not know yet. Gives its address and size."""
    path = f"{bucket()}/{key}"
    with S3.open_output_stream(path) as out:
        pyarrow.parquet.write_table(rows, out, **options)
    return f"s3://{path}", S3.get_file_info(path).size


def append(table, *files):
    with table.transaction() as transaction:
        with transaction.update_snapshot().fast_append() as producer:
            for file in files:
                producer.append_data_file(file)


def plain(look, catalog):
    schema, rows = everything()
    table = catalog.create_table("plain", schema)
    table.append(arrow(table.schema(), rows))
    look.register("typed", table)
    # Packed, as others write it.
    packed = f"{catalog.warehouse}/packed/00001-x.gz.metadata.json"
    with table.io.new_input(table.metadata_location).open() as stream, table.io.new_output(packed).create() as out:
        out.write(gzip.compress(stream.read()))
    look.register("typed", table, packed)
    # By its folder, and as Hadoop calls S3.
    table.append(arrow(table.schema(), rows[:1]))
    look.register("typed", table, f"{catalog.warehouse}/plain".replace("s3://", "s3a://"))
    history = json.loads(quackctl("tables", "typed", "--history", "--json"))["versions"]
    assert [version["rows"] for version in history] == [4, 3], history
    assert json.loads(quackctl("query", "--format", "json", "SELECT count(*)::INT AS n FROM typed AT (VERSION => 1)")) == [{"n": 3}]
    # What is in bounds that pyiceberg has cut is found, and what is no number is in none.
    for sql in ("SELECT max(s)::VARCHAR AS v, count(*)::INT AS n FROM typed WHERE s >= 'long long long long z' OR s < 'b'",
                "SELECT max(d)::VARCHAR AS v, min(f)::VARCHAR AS n FROM typed", "SELECT count(d)::INT AS v, 0 AS n FROM typed WHERE isnan(d)"):
        look.connection.register("typed", table.scan().to_arrow())
        wanted = look.connection.execute(sql).fetchall()
        found = [tuple(row.values()) for row in json.loads(quackctl("query", "--format", "json", sql))]
        assert found == wanted, f"{sql}: {found} {wanted}"


def evolved(look, catalog):
    schema = Schema(
        NestedField(1, "a", IntegerType(), required=False), NestedField(2, "b", StringType(), required=False),
        NestedField(3, "f", FloatType(), required=False), NestedField(4, "d", DecimalType(9, 2), required=False),
        NestedField(5, "my col-1", LongType(), required=False),
    )
    table = catalog.create_table("evolved", schema)
    def more(*values):
        rows = [dict(zip([field.name for field in table.schema().fields], value)) for value in values]
        table.append(arrow(table.schema(), rows))
        look.register("evolved", table)
    more((1, "x", 0.5, decimal.Decimal("1.25"), 7), (None, None, None, None, None))
    with table.update_schema() as update:
        update.rename_column("b", "c")
        update.add_column("n", TimestampType())
        update.update_column("a", LongType())
        update.update_column("f", DoubleType())
        update.update_column("d", DecimalType(18, 2))
    look.register("evolved", table)
    more((2**40, "y", 0.1, decimal.Decimal("99999999999.5"), 8, datetime.datetime(2026, 1, 1)))
    # A name that another column had, and two that change theirs.
    with table.update_schema() as update:
        update.delete_column("a")
    with table.update_schema() as update:
        update.add_column("a", StringType())
        update.move_first("n")
    more((None, "z", 1.0, None, 9, "text"))
    with table.update_schema() as update:
        update.rename_column("c", "swap")
    with table.update_schema() as update:
        update.rename_column("a", "c")
    with table.update_schema() as update:
        update.rename_column("swap", "a")
    more((None, "w", 2.0, None, 10, "last"))
    for sql in ("SELECT a, c FROM evolved WHERE a = 'x' OR c = 'text'", "SELECT min(a) AS m, max(c) AS x, count(c)::INT AS n FROM evolved"):
        look.connection.register("evolved", table.scan().to_arrow())
        wanted = sorted(look.connection.execute(sql).fetchall(), key=str)
        for workers in ("1", "3"):
            found = json.loads(quackctl("query", "--format", "json", "--workers", workers, sql))
            assert sorted([tuple(row.values()) for row in found], key=str) == wanted, f"{sql}: {found} {wanted}"
    # Its rows become a table of one's own, and stay what they were.
    quackctl("query", "CREATE OR REPLACE TABLE mine AS FROM evolved; UPDATE mine SET f = f + 1; ALTER TABLE mine RENAME COLUMN a TO z")
    look.look("evolved", table)
    with table.update_schema() as update:
        update.add_column("st", StructType(NestedField(90, "x", IntegerType(), required=False)))
    more((None, "v", 2.0, None, 11, "c", {"x": 1}))
    # What is within a column comes, moves, widens and goes; called otherwise, it is refused, as a cast would not find it.
    with table.update_schema() as update:
        update.add_column(("st", "y"), StringType())
        update.add_column("li", ListType(91, StructType(NestedField(92, "k", IntegerType(), required=False)), element_required=False))
    more((None, "u", 3.0, None, 12, "c", {"x": 2, "y": "two"}, [{"k": 1}, None]), (None, "u", 3.0, None, 12, "c", None, []))
    with table.update_schema() as update:
        update.move_first(("st", "y"))
        update.update_column(("st", "x"), LongType())
        update.add_column(("li", "element", "more"), DateType())
    more((None, "u", 3.0, None, 12, "c", {"x": 2**40, "y": "two"}, [{"k": 1, "more": DAY}]))
    with table.update_schema() as update:
        update.delete_column(("li", "element", "k"))
        update.add_column(("st", "z"), LongType())
        update.delete_column(("st", "y"))
    refused("register", "--iceberg", table.metadata_location, "--table", "evolved", "--replace", told='its column "li" is STRUCT')
    with table.update_schema() as update:
        update.delete_column("li")
    more((None, "t", 3.0, None, 12, "c", {"x": 5, "z": 6}))
    with table.update_schema() as update:
        update.add_column(("st", "y"), StringType())
    refused("register", "--iceberg", table.metadata_location, "--table", "evolved", "--replace", told='its column "st" is STRUCT')
    with table.update_schema() as update:
        update.delete_column(("st", "y"))
    with table.update_schema() as update:
        update.rename_column(("st", "x"), "renamed")
    refused("register", "--iceberg", table.metadata_location, "--table", "evolved", "--replace", told='its column "st" is STRUCT')


def partitioned(look, catalog):
    schema = Schema(
        NestedField(1, "id", LongType(), required=False), NestedField(2, "city", StringType(), required=False),
        NestedField(3, "at", TimestampType(), required=False),
    )
    spec = PartitionSpec(
        PartitionField(1, 1000, BucketTransform(4), "id_bucket"), PartitionField(2, 1001, IdentityTransform(), "city"),
        PartitionField(2, 1002, TruncateTransform(2), "city_trunc"), PartitionField(3, 1003, DayTransform(), "day"),
        PartitionField(3, 1004, MonthTransform(), "month"),
    )
    table = catalog.create_table("partitioned", schema, partition_spec=spec)
    def files(columns=("id", "city", "at")):
        made = []
        for at, city in enumerate(("Bern", "a b/\u00fc", None)):
            rows = arrow(table.schema(), [dict(id=at * 10 + n, city=city, at=datetime.datetime(2026, 3, 1 + at, n)) for n in range(5)])
            ids = {"id": 1, "city": 2, "at": 3}
            of = pyarrow.schema([rows.schema.field(name).with_metadata({"PARQUET:field_id": str(ids[name])}) for name in columns])
            rows = rows.select(columns).cast(of)
            place, size = write(table, f"wh/partitioned/data/{len(columns)}/city={at}/id_bucket=1/f.parquet", rows)
            partition = Record(1, city, None if city is None else city[:2], 20513 + at, 674)
            made.append(data_file(table, place, 5, partition, bytes=size))
        return made
    append(table, *files())
    look.register("partitioned", table)
    found = json.loads(quackctl("query", "--format", "json", "SELECT count(*)::INT AS n FROM partitioned WHERE city = 'Bern' AND id < 3"))
    assert found == [{"n": 3}], found
    # Another way to be partitioned, and none.
    with table.update_spec() as update:
        update.remove_field("city_trunc")
        update.remove_field("id_bucket")
        update.remove_field("city")
        update.remove_field("day")
        update.remove_field("month")
    table.append(arrow(table.schema(), [dict(id=100, city="new", at=None)]))
    look.register("partitioned", table)
    # A column that is in the partition's value alone; where that is NULL, there is nothing to lack.
    lacking = catalog.create_table("lacking", schema, partition_spec=spec)
    append(lacking, files(("id", "at"))[2])
    look.register("lacking", lacking)
    append(lacking, files(("id", "at"))[0])
    refused("register", "--iceberg", lacking.metadata_location, "--table", "x", told='it lacks the column "city", whose value its partition alone has')


def numbered_by_names(look, catalog):
    """Files that have no numbers for their columns."""
    schema = Schema(NestedField(1, "a", LongType(), required=False), NestedField(2, "b", StringType(), required=False))
    rows = pyarrow.table({"b": ["x", None], "a": [1, 2]})
    mapping = [{"field-id": 1, "names": ["a"]}, {"field-id": 2, "names": ["b"]}]
    table = catalog.create_table("named", schema, properties={"schema.name-mapping.default": json.dumps(mapping)})
    place, size = write(table, "wh/named/data/1.parquet", rows)
    append(table, data_file(table, place, 2, Record(), bytes=size))
    look.register("named", table)
    table.append(arrow(table.schema(), [dict(a=3, b="z")]))
    look.register("named", table)
    with table.update_schema() as update:
        update.rename_column("a", "c")
    look.register("named", table)
    table = catalog.create_table("unnamed", schema)
    append(table, data_file(table, place, 2, Record(), bytes=size))
    refused("register", "--iceberg", table.metadata_location, "--table", "x", told="have no numbers (field ids)")


def deleted(look, catalog):
    schema = Schema(NestedField(1, "a", LongType(), required=False))
    table = catalog.create_table("deleted", schema)
    table.append(arrow(table.schema(), [dict(a=n) for n in range(10)]))
    table.append(arrow(table.schema(), [dict(a=n) for n in range(100, 110)]))
    # Copy on write: what is deleted is in no file any more.
    table.delete("a < 5")
    look.register("deleted", table)
    table.overwrite(arrow(table.schema(), [dict(a=7)]), overwrite_filter="a >= 105")
    look.register("deleted", table)
    # Merge on read: files that delete rows of others.
    io, place = table.io, f"{catalog.warehouse}/deleted/metadata"
    snapshot = table.current_snapshot()
    for content in (DataFileContent.POSITION_DELETES, DataFileContent.EQUALITY_DELETES):
        class Deletes(ManifestWriterV2):
            def content(self):
                return ManifestContent.DELETES
        path = f"{place}/deletes-{content.value}.avro"
        with Deletes(table.spec(), table.schema(), io.new_output(path), 77, "deflate") as writer:
            file = data_file(table, f"{catalog.warehouse}/deleted/data/d.parquet", 1, Record(), content=content)
            writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=77, data_file=file))
        manifests = [*snapshot.manifests(io), writer.to_manifest_file()]
        metadata = forged(table, f"deletes-{content.value}", manifests)
        refused("register", "--iceberg", metadata, "--table", "x", told="rows of the table are deleted by files of their own")
    table.delete("a >= 0")
    refused("register", "--iceberg", table.metadata_location, "--table", "x", told="has no rows")


def forged(table, name, manifests=None, change=lambda metadata: None):
    """Metadata of the table with other manifests, or changed otherwise; gives its address."""
    place = table.metadata_location.rsplit("/", 1)[0]
    metadata = json.loads(table.metadata.model_dump_json(by_alias=True))
    if manifests is not None:
        path = f"{place}/{name}-list.avro"
        with write_manifest_list(2, table.io.new_output(path), 77, None, 99, "deflate") as writer:
            writer.add_manifests(manifests)
        metadata["snapshots"][-1]["manifest-list"] = path
    change(metadata)
    address = f"{place}/{name}.metadata.json"
    with table.io.new_output(address).create(overwrite=True) as out:
        out.write(json.dumps(metadata).encode())
    return address


def older(look, catalog):
    """Form 1, which pyiceberg writes, too, and form 3, which nobody here reads."""
    schema = Schema(NestedField(1, "a", LongType(), required=False), NestedField(2, "b", StringType(), required=False))
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "b"))
    table = catalog.create_table("older", schema, partition_spec=spec, properties={"format-version": "1"})
    assert table.metadata.format_version == 1
    table.append(arrow(table.schema(), [dict(a=1, b="x"), dict(a=2, b=None)]))
    table.append(arrow(table.schema(), [dict(a=3, b="x")]))
    look.register("older", table)
    def third(metadata):
        metadata["format-version"] = 3
    refused("register", "--iceberg", forged(table, "third", change=third), "--table", "x", told="it is of form 3 of Iceberg's")


def hostile(look, catalog):
    """Whatever the metadata says: words, no rows that are not the table's, nothing from where the function may not read."""
    schema = Schema(NestedField(1, "a", LongType(), required=False))
    table = catalog.create_table("hostile", schema)
    table.append(arrow(table.schema(), [dict(a=1)]))
    snapshot, io = table.current_snapshot(), table.io
    own = next(iter(table.scan().plan_files())).file
    def refuse(told, name="forged", **with_):
        refused("register", "--iceberg", forged(table, name, **with_), "--table", "x", told=told)
    def listed(path, rows=1, file_format=FileFormat.PARQUET, size=own.file_size_in_bytes):
        at = f"{catalog.warehouse}/hostile/metadata/m-{uuid.uuid4()}.avro"
        with ManifestWriterV2(table.spec(), table.schema(), io.new_output(at), 77, "deflate") as writer:
            file = data_file(table, path, rows, Record(), file_format=file_format, bytes=size)
            writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=77, data_file=file))
        return [writer.to_manifest_file()]
    elsewhere = "the function may not read `s3://others/x.parquet`: no folder of `read` has it"
    refuse(elsewhere, manifests=listed("s3://others/x.parquet"))
    refuse("may not read `s3://others/x.avro`", change=lambda m: m["snapshots"][-1].update({"manifest-list": "s3://others/x.avro"}))
    refuse("lies where quackctl or the function writes", manifests=listed(f"s3://{bucket()}/_quack/catalog.json"))
    refuse("lies where quackctl or the function writes", manifests=listed(f"s3://{bucket()}/tables/mine/x.parquet"))
    refuse("is no address of S3", manifests=listed("file:///etc/passwd"))
    refuse("is not plain", manifests=listed(f"s3://{bucket()}/wh/*.parquet"))
    refuse("is not plain", manifests=listed(f"s3://{bucket()}/wh/../tables/x.parquet"))
    refuse("is ORC, and Parquet is read", manifests=listed(own.file_path, file_format=FileFormat.ORC))
    refuse("it has 1 rows, and the table's metadata says 7", manifests=listed(own.file_path, rows=7))
    refuse("it is no Parquet file", manifests=listed(own.file_path, size=3))
    refuse("twice", manifests=listed(own.file_path) + listed(own.file_path.replace("s3://", "s3a://")))
    refuse("there is no object", change=lambda m: m["snapshots"][-1].update({"manifest-list": f"s3://{bucket()}/wh/none.avro"}))
    refuse("cannot be read: it is no Avro file", change=lambda m: m["snapshots"][-1].update({"manifest-list": own.file_path}))
    refuse('has the type "geometry"', change=lambda m: m["schemas"][0]["fields"][0].update({"type": "geometry"}))
    refuse("its column \"a\" is BIGINT, and the table's `a` is VARCHAR", change=lambda m: m["schemas"][0]["fields"][0].update({"type": "string"}))
    refuse("control character", change=lambda m: m["schemas"][0]["fields"][0].update({"name": "a\u001b[2J"}))
    # Cut off anywhere.
    raw = {}
    for what, path in (("list", snapshot.manifest_list), ("manifest", snapshot.manifests(io)[0].manifest_path)):
        with io.new_input(path).open() as stream:
            raw[what] = stream.read()
    for what, bytes_ in raw.items():
        for cut in (0, 3, 40, len(bytes_) // 2, len(bytes_) - 1):
            at = f"{catalog.warehouse}/hostile/metadata/cut.avro"
            with io.new_output(at).create(overwrite=True) as out:
                out.write(bytes_[:cut])
            if what == "list":
                refuse("cannot be read", change=lambda m: m["snapshots"][-1].update({"manifest-list": at}))
            else:
                manifest = snapshot.manifests(io)[0]
                manifest[0] = at
                refuse("cannot be read", manifests=[manifest])
    for text, told in (("{", "it is no metadata"), ("", "it is no metadata"), ("[" * 100000, "it is no metadata")):
        at = f"{catalog.warehouse}/hostile/metadata/text.metadata.json"
        with io.new_output(at).create(overwrite=True) as out:
            out.write(text.encode())
        refused("register", "--iceberg", at, "--table", "x", told=told)
    # Larger than anybody's, also once it is unpacked.
    for name, bytes_, told in (("large", bytes(65 << 20), "larger than 64 MB"), ("bomb", gzip.compress(bytes(65 << 20)), "more than 64 MB")):
        at = f"{catalog.warehouse}/hostile/metadata/{name}.metadata.json"
        with io.new_output(at).create(overwrite=True) as out:
            out.write(bytes_)
        refused("register", "--iceberg", at, "--table", "x", told=told)
    refused("register", "--iceberg", f"{catalog.warehouse}/nothing", "--table", "x", told="is no folder of an Iceberg table")
    refused("register", "--iceberg", "/tmp/x.metadata.json", "--table", "x", told="is no address of S3")
    # Of all that nothing is left.
    assert "x" not in [table["name"] for table in json.loads(quackctl("tables", "--json"))["tables"]]


def read_only(look, catalog):
    """What would change it is refused by name; what only reads it works."""
    table = catalog.load_table("evolved")
    objects = S3.get_file_info(pyarrow.fs.FileSelector(f"{bucket()}/wh", recursive=True))
    files = sorted((info.path, info.size) for info in objects)
    for sql in ("INSERT INTO typed (i) VALUES (1)", "UPDATE typed SET i = 1", "DELETE FROM typed", "TRUNCATE typed",
                "MERGE INTO typed USING (VALUES (1)) v(i) ON typed.i = v.i WHEN MATCHED THEN DELETE", "ALTER TABLE typed ADD COLUMN x INTEGER",
                "ALTER TABLE typed DROP COLUMN i", "ALTER TABLE typed RENAME COLUMN i TO j", "COPY typed FROM 's3://b/x.parquet'",
                "BEGIN; SELECT 1; DELETE FROM typed WHERE i = 1; COMMIT"):
        refused("query", sql, told="`typed` is another's table")
    pathlib.Path("more.csv").write_text("i\n1\n")
    refused("load", "more.csv", "--table", "typed", "--append", told="`typed` is another's table")
    refused("compact", "typed", told="`typed` is another's table")
    refused("rollback", "typed", "--to", "1", told="`typed` is another's table")
    told = quackctl("tables", "typed")
    assert "another's Iceberg table, read-only: snapshot " in told, told
    quackctl("query", "CREATE VIEW positive AS SELECT i FROM typed WHERE i > 0; COMMENT ON TABLE typed IS 'theirs'")
    assert json.loads(quackctl("query", "--format", "json", "FROM positive")) == [{"i": 1}, {"i": 1}]
    both = "BEGIN; CREATE TABLE copied AS SELECT i FROM typed; INSERT INTO copied SELECT i FROM typed; SELECT count(*)::INT AS n FROM copied; COMMIT"
    assert json.loads(quackctl("query", "--format", "json", both)) == [{"n": 8}]
    quackctl("rename", "typed", "other")
    refused("query", "DELETE FROM other", told="`other` is another's table")
    # What comes in its place is the lake's own.
    quackctl("query", "CREATE OR REPLACE TABLE other AS SELECT 1 AS i; INSERT INTO other VALUES (2)")
    quackctl("drop", "evolved", "--yes")
    quackctl("expire", "other", "--older-than", "0s", "--force", "--yes")
    objects = S3.get_file_info(pyarrow.fs.FileSelector(f"{bucket()}/wh", recursive=True))
    assert sorted((info.path, info.size) for info in objects) == files
    assert table.scan().to_arrow().num_rows > 0


def main():
    look = Looker()
    catalog = Catalog(f"s3://{bucket()}/wh")
    for part in (plain, evolved, partitioned, numbered_by_names, deleted, older, hostile, read_only):
        part(look, catalog)
    print(f"{look.reads} reads of others' tables, all as they have them")


if __name__ == "__main__":
    main()
