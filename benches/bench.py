"""Holds quackctl against its peers on this machine and prints one table: medians and ratios of one run.

usage: bench.py QUACKCTL SAM [--rows N] [--runs N]   (`make bench` installs the peers and calls it)
"""

import argparse
import base64
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import duckdb

from common import PEERS, MiniStack, medians, pair, seconds
from deploy import CONTAINERS, Account
from lake import HTTPFS, Lake, duckdb_cli
from scaling import Scaling, print_table

SCAN_BYTES = 350_000_000
GROUPED = "SELECT pickup_location_id, count(*) AS n, avg(total_amount) AS a FROM {} GROUP BY 1 ORDER BY 2 DESC LIMIT 5"
ONE_DAY = "SELECT count(*) AS n, sum(total_amount) AS t FROM {} WHERE date = '2019-04-10'"


def warm_query(lake, sql, runs):
    """The query as a user types it, in seconds, held against DuckDB's own CLI, and against one function that is told to be one."""
    table = f"read_parquet('s3://{lake.bucket}/tables/trips/*/*/*.parquet', hive_partitioning = true)"
    script = lake.secret() + sql.format(table)
    query = lambda *options: lake.run("query", *options, sql.format("trips"))
    # Two hundredths of some 20 ms are told by many pairs only.
    return pair(query, lambda: duckdb_cli(script), runs), pair(query, lambda: query("--workers", "1"), runs * 7)


def cold_start(lake, folder, runs):
    """Init Duration + Duration of the first invocation of new functions, as the REPORT line tells them; and memory."""
    client = lake.client("lambda")
    [function] = client.list_functions()["Functions"]
    ours = client.get_function(FunctionName=function["FunctionName"])
    environment = ours["Configuration"].get("Environment", {}).get("Variables", {})
    peer = folder / "python"
    peer.mkdir()
    (peer / "bootstrap").write_text(f"#!/bin/sh\nexec {sys.executable} {PEERS / 'handler.py'}\n")
    (peer / "bootstrap").chmod(0o755)

    def once(name, image, variables):
        client.create_function(
            FunctionName=name, Role="arn:aws:iam::000000000000:role/bench", PackageType="Image", Timeout=60,
            Code={"ImageUri": image}, MemorySize=2048, Environment={"Variables": variables},
        )
        event = {"q": "SELECT 42 AS a"}
        answer = client.invoke(FunctionName=name, LogType="Tail", Payload=json.dumps(event))
        body = json.load(answer["Payload"])
        assert body["data"]["records"] == [{"a": 42}], body
        log = base64.b64decode(answer["LogResult"]).decode()
        client.delete_function(FunctionName=name)
        number = lambda label: float(re.search(rf"\t{label}: ([\d.]+)", log).group(1))
        return number("Init Duration") + number("Duration"), number("Max Memory Used")

    pairs = []
    for run in range(runs):
        rust = once(f"rust-{run}", ours["Code"]["ImageUri"], environment)
        python = once(f"python-{run}", f"dir:{peer}", environment | {"HTTPFS": str(HTTPFS)})
        pairs.append((rust[0] / 1000, python[0] / 1000, rust[1], python[1]))
    return medians(pairs)


def load(lake, folder, kind, runs):
    source = folder / f"trips.{kind}"
    lake.run("query", "--all", "--format", kind, "-o", source, "SELECT * EXCLUDE (date) FROM trips")
    peer = [sys.executable, PEERS / "load_pandas.py", source, f"s3://{lake.bucket}/peer", lake.endpoint]
    ours = ["load", source, "--table", "loaded", "--replace", "--partition-by", "date=CAST(pickup_at AS DATE)"]
    return pair(lambda: lake.run(*ours), lambda: subprocess.run(peer, check=True), max(1, runs // 3))


def cold_scan(lake, folder, runs):
    """A new DuckDB process reads every byte of one file, from our S3 and from MiniStack's."""
    big, columns = folder / "big.parquet", [f"c{n}" for n in range(8)]
    values = ", ".join(f"random() AS {name}" for name in columns)
    rows = SCAN_BYTES // (8 * len(columns))
    duckdb.execute(f"COPY (SELECT {values} FROM range({rows})) TO '{big}' (COMPRESSION uncompressed)")
    sums = "SELECT " + ", ".join(f"sum({name})" for name in columns) + " FROM 's3://{}/big.parquet'"
    with MiniStack(folder) as emulator:
        lake.client("s3").upload_file(str(big), lake.bucket, "big.parquet")
        theirs = lake.client("s3", emulator.endpoint)
        theirs.create_bucket(Bucket="scan")
        theirs.upload_file(str(big), "scan", "big.parquet")
        ours = lake.secret() + sums.format(lake.bucket)
        peer = lake.secret(emulator.endpoint) + sums.format("scan")
        return pair(lambda: duckdb_cli(ours), lambda: duckdb_cli(peer), runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quackctl", type=pathlib.Path)
    parser.add_argument("sam", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    quackctl = options.quackctl.resolve()

    rows = []

    def report(what, ours, peer_name, peer, budget):
        theirs, ratio = (f"{peer * 1000:,.0f} ms", f"{ours / peer:.2f} x") if peer else ("not installed", "")
        rows.append((what, f"{ours * 1000:,.0f} ms", f"{peer_name}: {theirs}", ratio, budget))
        print(f"{what}: {ratio or theirs}", file=sys.stderr)

    with tempfile.TemporaryDirectory(prefix="quack-bench-") as name:
        folder = pathlib.Path(name)
        lake = Lake(quackctl, folder)
        try:
            partition = ["--partition-by", "date=CAST(pickup_at AS DATE)"]
            lake.run("load", "--sample", "taxi", "--rows", str(options.rows), "--table", "trips", *partition)
            for what, sql in [("warm query, all rows grouped", GROUPED), ("warm query, one day", ONE_DAY)]:
                (ours, peer), (auto, one) = warm_query(lake, sql, options.runs)
                report(what, ours, "DuckDB CLI", peer, "0.4 x")
                report(f"{what}, `auto`", auto, "`--workers 1`", one, "1.02 x")
            ours, peer, memory, peer_memory = cold_start(lake, folder, options.runs)
            report("cold start to first result", ours, "Python handler", peer, "0.09 x")
            rows.append(("memory after the first result", f"{memory:.0f} MiB", f"Python handler: {peer_memory:.0f} MiB",
                         f"{memory / peer_memory:.2f} x", "64 MiB"))
            for kind, budget in [("parquet", "0.2 x"), ("csv", "0.25 x")]:
                ours, peer = load(lake, folder, kind, options.runs)
                report(f"load of {kind}, partitioned by day", ours, "pandas + s3fs", peer, budget)
            ours, peer = cold_scan(lake, folder, options.runs)
            report("cold scan of 350 MB from S3", ours, "MiniStack's S3", peer, "0.85 x")
            helped = statistics.median(seconds(lambda: lake.run("--help")) for _ in range(20))
            rows.append(("quackctl --help", f"{helped * 1000:.1f} ms", "", "", "20 ms"))
        finally:
            lake.run("down", "--yes")
        scaling = Scaling(quackctl, folder / "scaling")
        try:
            networks = list(scaling.table())
            for network, figures in networks:
                ten = dict(figures)["10 functions"]
                report(f"10 functions, {network}", ten, "one function", figures[0][1], "0.125 x")
            cpu_ms = scaling.cpu_per_split(3) * 1000
            rows.append(("CPU of `quackctl` for each of 1,000 splits", f"{cpu_ms:.2f} ms", "", "", "1 ms"))
            ours, peer = scaling.not_worth_it(options.runs * 5)
            report("query not worth dividing, `auto`", ours, "`--workers 1`", peer, "1.02 x")
        finally:
            scaling.close()
        with MiniStack(folder) as emulator:
            account = Account(quackctl, options.sam.absolute(), folder, emulator)
            few = max(1, options.runs // 3)
            nothing, unchanged = account.against_sam(few)
            report("`up` from nothing, function built", nothing[0], "`sam deploy`", nothing[1], "0.2 x")
            report("`up` with nothing changed", unchanged[0], "`sam deploy`", unchanged[1], "0.03 x")
            ours, peer = account.against_containers(few)
            name = f"{pathlib.Path(CONTAINERS).name} build + push" if CONTAINERS else "buildah or podman"
            report("`up` with an image, nothing packed", ours, name, peer, "0.5 x")

    print(f"\nThe sample at {options.rows:,} rows, {options.runs} runs in turn, medians; {os.cpu_count()} cores.\n")
    for row in [("what", "quackctl", "held against", "ratio", "budget"), ("---",) * 5, *rows]:
        print("| " + " | ".join(row) + " |")
    print_table(networks)


main()
