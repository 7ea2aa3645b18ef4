"""What views of a deployed page cost: `views.py QUACKCTL PROJECT PAGE`, of a project that was put up just now on the local target,
with `session_per_minute = 100000`.

Measured are the billed milliseconds of both functions, from their own REPORT lines, on this machine. Computed are the dollars: at the
prices below, of the page function's requests to S3 as its code makes them, without free tiers."""

import json
import re
import subprocess
import sys
import urllib.request

VIEWS = 200

# US dollars, US East (N. Virginia): https://aws.amazon.com/lambda/pricing/, https://aws.amazon.com/s3/pricing/, as of November 2026.
GB_SECOND = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
REQUEST = 0.20 / 1e6
GET, PUT = 0.0004 / 1000, 0.005 / 1000


def run(*arguments):
    return subprocess.run([QUACKCTL, "-C", PROJECT, *arguments], check=True, capture_output=True, text=True).stdout


def reports(*arguments):
    """`(billed ms, memory MB)` of each invocation, by its id."""
    lines = map(json.loads, run("logs", "--json", *arguments).splitlines())
    told = [line["report"] for line in lines if "report" in line]
    return {report["eventId"]: (report["billedMs"], report["memoryMb"]) for report in told}


def get(path):
    with urllib.request.urlopen(URL + path) as response:
        return response.read().decode("utf-8", "replace"), response.headers


def view(values, queries):
    """A page and its rows; how many of its queries had the engine run."""
    get(f"/{PAGE}?{values}")
    return sum(get(f"/api/{PAGE}/{query}?{values}")[1].get("quack-cached") != "1" for query in queries)


def dollars(told, arch):
    return sum(ms / 1000 * memory / 1024 * GB_SECOND[arch] + REQUEST for ms, memory in told)


def measured(name, values, queries, files=lambda at: 0):
    """Views with `values`, and what they cost; of one, a query that runs reads so many `files` of the table."""
    before = reports("--pages"), reports()
    ran = sum(view(values(at), queries) for at in range(VIEWS))
    page, engine = ([told for id, told in after.items() if id not in known] for known, after in zip(before, (reports("--pages"), reports())))
    # Each query looks whether the catalog is another; one that runs looks for its answer, claims the run, and keeps what it gives.
    asked = VIEWS * len(queries)
    s3 = asked * GET + ran * (GET + 2 * PUT)
    # One HEAD a file, as EXPLAIN ANALYZE tells it of an instance that has read the files before.
    read = sum(files(at) for at in range(VIEWS)) * len(queries) * GET if ran else 0
    ms = [sum(ms for ms, _ in told) / VIEWS for told in (page, engine)]
    print(f"{name}: {VIEWS} views, {asked} queries, {ran} of them run; billed a view: {ms[0]:.1f} ms of pages, {ms[1]:.1f} ms of the engine")
    for arch in GB_SECOND:
        parts = [cost * 1000 / VIEWS for cost in (dollars(page, arch), s3, dollars(engine, arch), read)]
        names = ["page function", "its S3", "engine", "its S3"]
        told = ", ".join(f"{name} {part:.4f}" for name, part in zip(names, parts))
        print(f"  1,000 views, {arch}: ${sum(parts):.4f} ({told})")


if __name__ == "__main__":
    QUACKCTL, PROJECT, PAGE = sys.argv[1:]
    URL = run("outputs", "dashboards").strip().rstrip("/")
    queries = re.findall(r'<figure[^>]*data-query="([^"]+)"', get(f"/{PAGE}")[0])
    view("", queries)
    measured("kept", lambda at: "", queries)
    # No two views have the same days.
    pairs = [(first, last) for first in range(1, 31) for last in range(first, 31)]
    measured("not kept", lambda at: "days_from=2019-04-%02d&days_to=2019-04-%02d" % pairs[at], queries, lambda at: pairs[at][1] - pairs[at][0] + 1)
