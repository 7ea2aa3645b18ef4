"""Whole suites of queries on quackctl's local target: on one function, as `--workers auto` takes them, and on fixed numbers of functions.

usage: suites.py QUACKCTL [--suites tpch,tpcds] [--networks none,aws] [--ways one,auto,8] [--repetitions 5] ...   (`make suites`)

Every answer of every run is compared with DuckDB's own. Seconds are those of whole processes, dollars those that `query --json` tells. What
was measured is in FOLDER/runs.jsonl, a line a run: whoever runs it again with the same program and sizes goes on where it ended. At the end
there are Markdown tables, and the same as JSON, in FOLDER.
"""

import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import answers
from lake import Lake
from suite_data import MADE_BY, Suite
from suite_tables import Tables

SUITES = {"tpch": "scale", "tpcds": "scale", "clickbench": "hits", "taxi": "trips", "flights": None}
FIXED = ["2", "4", "8", "16", "32"]
NETWORKS = {"none": "", "aws": '[local.network]\nprofile = "aws"\n'}
# With --fresh: an instance that is left alone for a second ends, and each run finds none, nor anything that one has read before.
FRESH_IDLE_S, UNTIL_IDLE_S = 1, 2.5
# Dozens of instances, each with what it has read, are not left to stand while the next query is run on as many.
FIXED_IDLE_S = 5


class Runs:
    """What was measured, also by runs of this program before."""

    def __init__(self, path, of):
        self.path, self.of, self.all = path, of, []
        for line in path.read_text().splitlines() if path.exists() else []:
            run = json.loads(line)
            if run["of"] == of:
                self.all.append(run)

    def add(self, **run):
        run = {"of": self.of, "load": round(os.getloadavg()[0], 1), **run}
        self.all.append(run)
        with self.path.open("a") as file:
            file.write(json.dumps(run) + "\n")
        return run

    def select(self, **wanted):
        return [run for run in self.all if all(run.get(name) == value for name, value in wanted.items())]


class Bench:
    def __init__(self, options, runs, lake):
        self.options, self.runs, self.lake = options, runs, lake

    def process(self, *arguments):
        command = [self.lake.quackctl, "-C", self.lake.folder, "--quiet", "query", "--json", *arguments]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, timeout=self.options.most_s)
        return done, time.perf_counter() - start

    def run(self, at, sql, way, expected, warm_up):
        """One run, which is recorded: its seconds and dollars, or what went wrong."""
        if self.options.fresh:
            time.sleep(UNTIL_IDLE_S)
        at = {**at, "way": way, "warm_up": warm_up}
        try:
            done, seconds = self.process("--all", "--workers", "1" if way == "one" else way, sql)
        except subprocess.TimeoutExpired:
            return self.runs.add(**at, wrong=f"not done after {self.options.most_s} s")
        if done.returncode:
            return self.runs.add(**at, wrong=done.stderr.decode(errors="replace").strip()[-600:])
        found, metadata = answers.given(done.stdout)
        divided = metadata.get("divided") or {}
        report = metadata.get("report") or {}
        told = {
            "seconds": round(seconds, 4), "usd": metadata.get("costUsd"), "functions": divided.get("functions", 1),
            "ms": round(metadata["elapsedMs"], 1), "billed_ms": divided.get("billedMs", report.get("billedMs")),
            "cold": divided.get("coldStarts", int(not metadata["warm"])),
        }
        wrong = answers.difference(expected, found)
        return self.runs.add(**at, **told, **({"wrong": wrong} if wrong else {}))

    def query(self, at, sql, ways, repetitions, answer):
        """All runs of a query that are still to be done: each way once to warm up, then all of them in turn, each first by turns."""
        turns = [(way, turn) for turn in range(repetitions + 1) for way in (ways if turn % 2 else ways[::-1])]
        open_turns = [(way, turn) for way, turn in turns if turn >= len(self.runs.select(**at, way=way))]
        if not open_turns:
            return
        if not self.runs.select(**at, way="explain"):
            done, _ = self.process("--explain", sql)
            plan = json.loads(done.stdout) if not done.returncode else {}
            kept = {name: plan.get(name) for name in ("strategy", "reason", "weighed")}
            self.runs.add(**at, way="explain", **kept, **({} if plan else {"wrong": done.stderr.decode(errors="replace")[-600:]}))
        expected = answer()
        for way, turn in open_turns:
            if not any("seconds" not in run for run in self.runs.select(**at, way=way)):
                self.run(at, sql, way, expected, turn == 0)


def settings(options, network, fixed):
    idle_s = FRESH_IDLE_S if options.fresh else FIXED_IDLE_S if fixed else None
    concurrency = max([16, *(int(way) for way in fixed)])
    idle = f"[local]\nidle_s = {idle_s}\n" if idle_s else ""
    return f"[function]\nconcurrency = {concurrency}\nmemory_mb = {options.memory_mb}\n{idle}{NETWORKS[network]}"


def measure(options, runs, suites, lake, tables):
    for network in options.networks:
        fixed = [way for way in options.ways if way.isdigit()]
        free = [way for way in options.ways if not way.isdigit()]
        for ways, repetitions in [(free, options.repetitions), (fixed, options.fixed_repetitions)]:
            if not ways:
                continue
            lake.up(settings(options, network, fixed if ways is fixed else []))
            bench = Bench(options, runs, lake)
            for suite in suites:
                for label, sql in suite.queries.items():
                    if options.queries and label not in options.queries:
                        continue
                    at = {"suite": suite.name, "network": network, "query": label}
                    bench.query(at, sql, ways, repetitions, lambda: answers.own(suite.connection, sql))
                    print(tables.line(at), file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    some = lambda text: text.split(",")
    parser.add_argument("quackctl", type=pathlib.Path)
    parser.add_argument("--suites", type=some, default=list(SUITES), help=",".join(SUITES))
    parser.add_argument("--networks", type=some, default=list(NETWORKS), help=",".join(NETWORKS))
    parser.add_argument("--ways", type=some, default=["one", "auto"], help=f"one,auto and numbers of functions; all: one,auto,{','.join(FIXED)}")
    parser.add_argument("--queries", type=some, help="these alone, by their numbers or names")
    parser.add_argument("--repetitions", type=int, default=5, help="of one and auto, after one to warm up; 5")
    parser.add_argument("--fixed-repetitions", type=int, default=1, help="of fixed numbers of functions; 1")
    parser.add_argument("--scale", type=float, default=1.0, help="TPC-H's and TPC-DS's scale factor; 1.0")
    parser.add_argument("--hits", type=int, default=2_000_000, help="rows of ClickBench's table; 2000000")
    parser.add_argument("--trips", type=int, default=5_000_000, help="rows of the sample of taxi trips; 5000000")
    parser.add_argument("--memory-mb", type=int, default=2048, help="of a function; 2048")
    parser.add_argument("--fresh", action="store_true", help="each run on functions that are new and have read nothing")
    parser.add_argument("--most-s", type=float, default=300, help="seconds after which a run is given up; 300")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("target/suites"), help="target/suites")
    options = parser.parse_args()
    if options.ways == ["all"]:
        options.ways = ["one", "auto", *FIXED]
    for given, known in [(options.suites, SUITES), (options.networks, NETWORKS)]:
        if unknown := set(given) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if unknown := [way for way in options.ways if way not in ("one", "auto") and not way.isdigit()]:
        parser.error(f"unknown ways: {', '.join(unknown)}")
    return options


def main():
    options = arguments()
    quackctl = options.quackctl.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    program = hashlib.sha256(quackctl.read_bytes()).hexdigest()[:12]
    sizes = {name: getattr(options, size) if size else 1 for name, size in SUITES.items()}
    of = {"program": program, "made_by": MADE_BY, "memory_mb": options.memory_mb, "fresh": options.fresh}
    of |= {name: sizes[name] for name in ("tpch", "clickbench", "taxi")}
    runs = Runs(options.folder / "runs.jsonl", of)
    tables = Tables(runs, options)
    suites = []
    for name in options.suites:
        print(f"{name}: its data", file=sys.stderr, flush=True)
        suites.append(Suite(name, (options.folder / "data").resolve(), sizes[name]))
    with tempfile.TemporaryDirectory(prefix="quack-suites-") as name, contextlib.ExitStack() as stack:
        lake = Lake(quackctl, pathlib.Path(name))
        stack.callback(lake.run, "down", "--yes")
        for suite in suites:
            print(f"{suite.name}: into the lake", file=sys.stderr, flush=True)
            suite.load(lake)
        try:
            measure(options, runs, suites, lake, tables)
        finally:
            (options.folder / "results.json").write_text(json.dumps(tables.results(), indent=1))
            (options.folder / "tables.md").write_text(tables.markdown())
    print(tables.markdown())


main()
