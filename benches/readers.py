"""How long readers of a deployed page wait: `readers.py QUACKCTL PROJECT PAGE [READERS [SECONDS]]`, of a project that was put up on the local
target with `session_per_minute = 100000`.

Each reader comes at some moment within SECONDS, asks for the page, then for all of its queries at once on connections of its own, and
asks again as the page's script does where that is said: after a 202, and after a 429 that names no time. First of what is kept, then
right after TABLE was loaded anew (`readers.py ... --load ARGS` of `quackctl load`)."""

import asyncio
import random
import re
import statistics
import subprocess
import sys
import time
import urllib.parse

# src/dash/web/src/turns.ts
SHORTEST_S, MOST_BUSY = 0.25, 8


async def get(path):
    """`(status, headers, body)` of one GET on a connection of its own."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{PORT}\r\nPrefer: respond-async\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


async def ask(path, told):
    busy, began = 0, time.monotonic()
    while True:
        sent = time.monotonic()
        status, headers, _ = await get(path)
        told["requests"] += 1
        told["ms"].append((time.monotonic() - sent) * 1000)
        if status == 202:
            told["again"] += 1
            pause = max(SHORTEST_S, (time.monotonic() - began) / 2)
        elif status == 429 and "retry-after" not in headers and busy < MOST_BUSY:
            told["busy"] += 1
            busy += 1
            pause = SHORTEST_S * 2 ** (busy - 1)
        else:
            told["refused"] += status != 200
            told["run"] += status == 200 and headers.get("quack-cached") != "1"
            return
        await asyncio.sleep(pause * random.uniform(0.75, 1.25))


async def read(queries, told, after_s):
    await asyncio.sleep(after_s)
    began = time.monotonic()
    status, _, _ = await get(f"/{PAGE}")
    told["refused"] += status != 200
    await asyncio.gather(*(ask(f"/api/{PAGE}/{query}", told) for query in queries))
    told["whole_ms"].append((time.monotonic() - began) * 1000)


async def readers(name, queries, count, seconds):
    told = {"requests": 0, "again": 0, "busy": 0, "refused": 0, "run": 0, "ms": [], "whole_ms": []}
    await asyncio.gather(*(read(queries, told, random.uniform(0, seconds)) for _ in range(count)))
    cut = lambda values: f"median {statistics.median(values):.0f} ms, 95 of 100 within {statistics.quantiles(values, n=20)[-1]:.0f} ms, all within {max(values):.0f} ms"
    print(f"{name}: {count} readers within {seconds:g} s, {told['requests']} requests for {len(queries)} queries each: {told['run']} run, "
          f"{told['again']} told to ask again, {told['busy']} found no instance, {told['refused']} refused")
    print(f"  a request: {cut(told['ms'])}\n  a page with all of its tiles: {cut(told['whole_ms'])}", flush=True)


async def main():
    status, _, body = await get(f"/{PAGE}")
    queries = re.findall(r'<figure[^>]*data-query="([^"]+)"', body.decode())
    warm = {"requests": 0, "again": 0, "busy": 0, "refused": 0, "run": 0, "ms": [], "whole_ms": []}
    await read(queries, warm, 0)
    if status != 200 or warm["refused"] or not queries:
        sys.exit(f"/{PAGE} answered {status}, {warm['refused']} of {len(queries)} queries were refused")
    for seconds in SECONDS:
        await readers("kept", queries, READERS, seconds)
        if LOAD:
            subprocess.run([QUACKCTL, "-C", PROJECT, "load", *LOAD], check=True, capture_output=True)
            await readers("right after a load", queries, READERS, seconds)


if __name__ == "__main__":
    own = sys.argv[1:sys.argv.index("--load")] if "--load" in sys.argv else sys.argv[1:]
    LOAD = sys.argv[sys.argv.index("--load") + 1:] if "--load" in sys.argv else []
    QUACKCTL, PROJECT, PAGE, *more = own
    READERS = int(more[0]) if more else 200
    SECONDS = [float(more[1])] if len(more) > 1 else [10, 2]
    url = subprocess.run([QUACKCTL, "-C", PROJECT, "outputs", "dashboards"], check=True, capture_output=True, text=True).stdout.strip()
    HOST, PORT = urllib.parse.urlsplit(url).hostname, urllib.parse.urlsplit(url).port
    asyncio.run(main())
