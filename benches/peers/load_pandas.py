"""The same load with pandas and s3fs: a Parquet or CSV file into a hive-partitioned folder of a bucket.

usage: load_pandas.py FILE s3://BUCKET/PREFIX ENDPOINT  (keys from AWS_SHARED_CREDENTIALS_FILE)
"""

import os
import sys

import pandas

source, destination, endpoint = sys.argv[1:]
dates = ["pickup_at", "dropoff_at"]
frame = pandas.read_csv(source, parse_dates=dates) if source.endswith(".csv") else pandas.read_parquet(source)
frame["date"] = frame["pickup_at"].dt.date.astype(str)
frame.to_parquet(
    destination, partition_cols=["date"], index=False, storage_options={"client_kwargs": {"endpoint_url": endpoint}}
)
# The work is done; now and then pyarrow's threads abort the interpreter while it shuts down.
os._exit(0)
