"""A lake of quackctl's on this machine, and DuckDB's own command line to hold against it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import boto3
import duckdb_extension_httpfs

HTTPFS = next(pathlib.Path(duckdb_extension_httpfs.__file__).parent.glob("extensions/*/httpfs.duckdb_extension"))
DUCKDB = shutil.which("duckdb", path=str(pathlib.Path(sys.executable).parent))


class Lake:
    """A project of its own on the local target, and its endpoint for everybody else."""

    def __init__(self, quackctl, folder, settings=""):
        self.quackctl, self.folder = quackctl, folder
        folder.mkdir(exist_ok=True)
        self.up(settings)
        status = json.loads(self.run("status", "--json"))
        self.endpoint, self.bucket, self.region = status["endpoint"], status["bucket"], status["region"]
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = status["credentials_file"]
        os.environ["AWS_DEFAULT_REGION"] = self.region

    def up(self, settings):
        (self.folder / "quack.toml").write_text(f'project = "bench"\n{settings}')
        self.run("up")

    def run(self, *arguments):
        command = [self.quackctl, "-C", self.folder, "--quiet", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def client(self, service, endpoint=None):
        return boto3.client(service, endpoint_url=endpoint or self.endpoint, region_name=self.region)

    def secret(self, endpoint=None):
        keys = boto3.Session().get_credentials()
        host = (endpoint or self.endpoint).removeprefix("http://")
        return (
            f"LOAD '{HTTPFS}'; CREATE SECRET (TYPE s3, KEY_ID '{keys.access_key}', SECRET '{keys.secret_key}',"
            f" REGION '{self.region}', ENDPOINT '{host}', URL_STYLE path, USE_SSL false);"
        )


def duckdb_cli(script):
    subprocess.run([DUCKDB, "-unsigned", "-c", script], check=True, stdout=subprocess.DEVNULL)
