"""The suites: their tables as Parquet files that DuckDB makes here, their queries, and how the tables come into a lake."""

import hashlib
import json
import pathlib
import re

import duckdb
import duckdb_extension_tpcds
import duckdb_extension_tpch

import clickbench
from lake import HTTPFS

# What was made by these as they were then is not taken for what they would make.
MADE_BY = hashlib.sha256(b"".join(pathlib.Path(file).read_bytes() for file in (__file__, clickbench.__file__))).hexdigest()[:12]
EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
# Tables in eight files, and what is counted off to find a row's.
IN_EIGHT = {
    "tpch": {"lineitem": "l_orderkey // 32", "orders": "o_orderkey // 32"},
    "tpcds": {
        "store_sales": "ss_item_sk", "store_returns": "sr_item_sk", "catalog_sales": "cs_item_sk", "catalog_returns": "cr_item_sk",
        "web_sales": "ws_item_sk", "web_returns": "wr_item_sk", "inventory": "inv_item_sk",
    },
}
# As `make bench` has them.
OF_TRIPS = {
    "bench grouped": "SELECT pickup_location_id, count(*) AS n, avg(total_amount) AS a FROM trips GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5",
    "bench day": "SELECT count(*) AS n, sum(total_amount) AS t FROM trips WHERE date = '2019-04-10'",
}


def extension(package):
    name = package.__name__.removeprefix("duckdb_extension_")
    return next(pathlib.Path(package.__file__).parent.glob(f"extensions/*/{name}.duckdb_extension"))


class Suite:
    """One of them, in `folder`: what was made there before is taken as it is."""

    def __init__(self, name, folder, size):
        self.name, self.folder = name, folder / f"{name}-{size}-{MADE_BY}"
        self.connection, self.queries = duckdb.connect(), {}
        getattr(self, name)(size)

    def tables(self):
        """(name, files) of each table that is made here."""
        for table in sorted(path for path in self.folder.iterdir() if path.is_dir()):
            yield table.name, sorted(table.glob("*.parquet"))

    def view(self, table, files, hive=False):
        """DuckDB's own answers are of the same files, or of the lake's where it makes the rows."""
        names = ", ".join(f"'{file}'" for file in files)
        self.connection.execute(f"CREATE OR REPLACE VIEW {table} AS FROM read_parquet([{names}], hive_partitioning = {hive})")

    def made(self, make):
        """The tables and queries, by `make` of a connection unless they are there; that gives the queries."""
        told = self.folder / "queries.json"
        if not told.exists():
            with duckdb.connect() as connection:
                queries = make(connection)
                for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    (self.folder / table).mkdir(parents=True, exist_ok=True)
                    for part, rows in enumerate(self.parts(connection, table)):
                        connection.execute(f"COPY ({rows}) TO '{self.folder / table / f'{part}.parquet'}'")
            told.write_text(json.dumps(queries))
        self.queries = json.loads(told.read_text())
        for table, files in self.tables():
            self.view(table, files)

    def parts(self, connection, table):
        number = IN_EIGHT.get(self.name, {}).get(table)
        if table == "hits":
            # Its files follow one another, as ClickBench's do.
            (rows,) = connection.execute("SELECT count(*) FROM hits").fetchone()
            return [f"FROM hits WHERE rowid * 8 // {rows} = {part}" for part in range(8)]
        return [f"FROM {table} WHERE {number} % 8 = {part}" for part in range(8)] if number else [f"FROM {table}"]

    def official(self, package, make, queries):
        def made(connection):
            connection.execute(f"LOAD '{extension(package)}'")
            connection.execute(f"CALL {make}")
            rows = connection.execute(f"SELECT query_nr, query FROM {queries}() ORDER BY 1").fetchall()
            return {str(number): sql.strip().rstrip(";") for number, sql in rows}

        self.made(made)

    def tpch(self, scale):
        self.official(duckdb_extension_tpch, f"dbgen(sf = {scale})", "tpch_queries")

    def tpcds(self, scale):
        self.official(duckdb_extension_tpcds, f"dsdgen(sf = {scale})", "tpcds_queries")

    def clickbench(self, rows):
        def made(connection):
            clickbench.make(connection, rows)
            return {str(number): sql for number, sql in enumerate(clickbench.queries(connection, rows))}

        self.made(made)

    def taxi(self, rows):
        self.rows, self.queries = rows, {**OF_TRIPS, **of_page(EXAMPLES / "taxi/dashboards/trips.md")}
        self.folder.mkdir(parents=True, exist_ok=True)

    def flights(self, _):
        def made(connection):
            data = EXAMPLES / "dbt/data"
            connection.execute(f"CREATE TABLE flights AS FROM '{data}/flights.parquet'")
            connection.execute(f"CREATE TABLE airports AS FROM '{data}/airports.csv'")
            return {}

        self.made(made)
        self.queries = of_page(EXAMPLES / "dbt/dashboards/flights.md")

    def load(self, lake):
        """The tables into the lake, each file by itself, so that it stays one."""
        if self.name == "taxi":
            partition = ["--partition-by", "date=CAST(pickup_at AS DATE)"]
            lake.run("load", "--sample", "taxi", "--rows", str(self.rows), "--table", "trips", *partition)
            self.connection.execute(f"LOAD '{HTTPFS}'")
            self.connection.execute(lake.secret().split(";", 1)[1])
            source = f"s3://{lake.bucket}/tables/trips/*/*/*.parquet"
            copy = self.folder / "trips.parquet"
            self.connection.execute(f"COPY (FROM read_parquet('{source}', hive_partitioning = true)) TO '{copy}'")
            return self.view("trips", [copy])
        for table, files in self.tables():
            for number, file in enumerate(files):
                lake.run("load", file, "--table", table, *(["--append"] if number else []))


def of_page(path):
    """The queries of a dashboard's page with the values that it has at first, each with those that it is over."""
    text = path.read_text()
    values = {"airport": "NULL::VARCHAR"}
    for name, kind, body in re.findall(r"```input (\w+)\ntype: (\w+)\n(.*?)```", text, re.S):
        given = dict(re.findall(r"^(\w+): (.*)$", body, re.M))
        if kind == "range":
            values |= {f"{name}_{end}": f"DATE '{given[end]}'" for end in ("from", "to")}
        elif kind == "number":
            values[name] = given["default"]
    fences = {name: sql.strip() for name, sql in re.findall(r"```sql (\w+)[^\n]*\n(.*?)```", text, re.S)}

    def filled(name):
        over = [other for other in fences if other != name and re.search(rf"\bFROM {other}\b", fences[name])]
        before = "".join(f"WITH {other} AS ({filled(other)}) " for other in over)
        return before + re.sub(r"\$(\w+)", lambda found: values[found[1]], fences[name])

    return {f"{path.stem} {name}": filled(name) for name in fences}
