"""One query on more and more functions, behind a network like the real one; and what dividing it costs by itself."""

import json
import os
import subprocess
import sys
import time

from common import medians, pair, seconds
from lake import Lake, duckdb_cli

FUNCTIONS = [1, 2, 4, 8, 10, 16]
ROWS = 2_000_000
# AWS's network, as it is and as it was in 2024; and one with its latency and so little bandwidth that what ten functions read
# together is far less than two cores can take in: there the network is the limit, as it is where each function has cores of its own.
NETWORKS = {
    "`aws`": 'profile = "aws"\n',
    "`aws-2024`": 'profile = "aws-2024"\n',
    "1 MB/s each": 'profile = "aws-2024"\ninstance_mb_s = 1\n',
}
SPLITS = 1_000
CONCURRENCY = 64
# An instance that is left alone for a second ends: each query finds none, and nothing that one has read before.
SETTINGS = f"[function]\nconcurrency = {CONCURRENCY}\n[local]\nidle_s = 1\n"
UNTIL_IDLE_S = 2.5


class Scaling:
    """A lake with the sample by day, and the same in a thousand files."""

    def __init__(self, quackctl, folder):
        self.lake = Lake(quackctl, folder, SETTINGS)
        by_day = ["--partition-by", "date=CAST(pickup_at AS DATE)"]
        self.lake.run("load", "--sample", "taxi", "--rows", str(ROWS), "--table", "trips", *by_day)
        columns = json.loads(self.lake.run("tables", "trips", "--json"))["columns"]
        # Every column is looked at, so that every byte of the files has to come.
        hashes = ", ".join(f"bit_xor(hash({column['name']}))" for column in columns)
        self.sql = f"SELECT count(*), {hashes} FROM {{}}"

    def close(self):
        self.lake.run("down", "--yes")

    def fresh(self, functions):
        """Seconds of the query on so many functions, all of them cold."""
        time.sleep(UNTIL_IDLE_S)
        start = time.perf_counter()
        answer = self.lake.run("query", "--json", "--workers", str(functions), self.sql.format("trips"))
        taken = time.perf_counter() - start
        metadata = json.loads(answer)["metadata"]
        divided = metadata.get("divided")
        cold = (divided["functions"], divided["coldStarts"]) if divided else (1, int(not metadata["warm"]))
        assert cold == (functions, functions), metadata
        return taken

    def table(self):
        """For each network its name and (what, seconds), one function first; each once, as it is seconds that count."""
        files = f"read_parquet('s3://{self.lake.bucket}/tables/trips/*/*/*.parquet', hive_partitioning = true)"
        for name, settings in NETWORKS.items():
            self.lake.up(f"{SETTINGS}[local.network]\n{settings}")
            script = self.lake.secret() + self.sql.format(files)
            actions = [lambda n=n: self.fresh(n) for n in FUNCTIONS] + [lambda: seconds(lambda: duckdb_cli(script))]
            whats = [f"{n} function{'s' if n > 1 else ''}" for n in FUNCTIONS] + ["local DuckDB"]
            yield name, [(what, action()) for what, action in zip(whats, actions)]
        self.lake.up(SETTINGS)

    def cpu_per_split(self, runs):
        """Seconds of quackctl's own CPU for each of a thousand splits: user and system, start and end included."""
        part = ["--partition-by", f"part=(epoch(pickup_at)::BIGINT // 60 % {SPLITS})"]
        self.lake.run("load", "--sample", "taxi", "--rows", "100000", "--table", "many", *part)
        command = [self.lake.quackctl, "-C", self.lake.folder, "--quiet", "query", "--json", "--workers", str(SPLITS)]
        taken = []
        for _ in range(runs):
            process = subprocess.Popen([*command, "SELECT count(passenger_count) FROM many"], stdout=subprocess.PIPE)
            answer = json.load(process.stdout)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0 and answer["metadata"]["divided"]["functions"] == SPLITS, answer
            taken.append([(usage.ru_utime + usage.ru_stime) / SPLITS])
        return medians(taken)[0]

    def not_worth_it(self, runs):
        """`auto` and `--workers 1` in seconds, on a table of 2 MB."""
        self.lake.run("load", "--sample", "taxi", "--rows", "100000", "--table", "small")
        query = lambda workers: self.lake.run(
            "query", "--workers", workers, "SELECT pickup_location_id, count(*) FROM small GROUP BY ALL"
        )
        return pair(lambda: query("auto"), lambda: query("1"), runs)


def print_table(networks):
    names = [name for name, _ in networks]
    print(f"\nOne query that reads every column of the sample at {ROWS:,} rows, 30 files, behind three networks, 100 ms to the first byte;")
    print(f"every function starts cold; {os.cpu_count()} cores. Seconds, and how much faster than one function.\n")
    print("| | " + " | ".join(names) + " |")
    print("| --- " * (len(names) + 1) + "|")
    for line in zip(*(figures for _, figures in networks)):
        cells = [f"{taken:.2f} s, {figures[0][1] / taken:.1f} x" for (_, taken), (_, figures) in zip(line, networks)]
        print(f"| {line[0][0]} | " + " | ".join(cells) + " |")
    sys.stdout.flush()
