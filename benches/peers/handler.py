"""The same function in Python: DuckDB with httpfs, results through pandas, as the earlier project had it.

Run as a Lambda `bootstrap`: a plain Runtime API loop, lighter than AWS's own runtime client.
"""

import json
import os
import time
import urllib.request

import duckdb
import pandas  # noqa: F401  (what fetchdf needs: the real handler pays for it at cold start)

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


def connect():
    connection = duckdb.connect()
    connection.execute(f"LOAD '{os.environ['HTTPFS']}'")
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"].removeprefix("http://")
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{os.environ['AWS_ACCESS_KEY_ID']}',"
        f" SECRET '{os.environ['AWS_SECRET_ACCESS_KEY']}', REGION '{os.environ['AWS_REGION']}',"
        f" ENDPOINT '{endpoint}', URL_STYLE path, USE_SSL false)"
    )
    return connection


def main():
    connection = connect()
    warm = False
    while True:
        with urllib.request.urlopen(f"{API}/next") as response:
            request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
            event = json.load(response)
        start = time.perf_counter()
        frame = connection.execute(event["q"]).fetchdf().head(event.get("limit", 20))
        body = {
            "metadata": {"timeMs": int((time.perf_counter() - start) * 1000), "query": event["q"], "warm": warm},
            "data": {"records": json.loads(frame.to_json(orient="records"))},
        }
        warm = True
        request = urllib.request.Request(f"{API}/{request_id}/response", json.dumps(body).encode())
        urllib.request.urlopen(request).close()


main()
