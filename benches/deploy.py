"""`quackctl up` on AWS, as MiniStack emulates it, held against `sam deploy` and buildah or podman."""

import gzip
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import urllib.request

import boto3

from common import PEERS, pair

ARCH = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
CONTAINERS = shutil.which("buildah") or shutil.which("podman")
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


class Account:
    """An account of AWS, and the same function for everybody who deploys there. quackctl has a cache of its own, in
    which the function is built and nothing is packed."""

    def __init__(self, quackctl, sam, folder, emulator):
        self.quackctl, self.sam, self.folder = quackctl, sam, folder / "aws"
        self.endpoint, self.host = emulator.endpoint, emulator.endpoint.removeprefix("http://")
        self.folder.mkdir()
        function = f'package = "zip"\narch = "{ARCH}"\nbase_image = "{self.endpoint}/base:1"\n'
        (self.folder / "quack.toml").write_text(f'project = "bench"\ntarget = "aws"\n[function]\n{function}')
        artifact = pathlib.Path(json.loads(run(quackctl, "-C", self.folder, "build", "--json"))["dir"])
        self.cache = self.folder / "cache"
        shutil.copytree(artifact, self.cache / "functions" / artifact.name)
        shutil.copytree(artifact, self.folder / "artifact")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
            "QUACK_CACHE_DIR": str(self.cache),
            # sam tells its makers nothing, writes no notes at home, and looks twice a second, not every five seconds.
            "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(self.folder / "sam"), "SAM_CLI_POLL_DELAY": "0.5",
        }
        self.client("s3").create_bucket(Bucket="peer-code")

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, **KEYS)

    def run(self, *arguments, **settings):
        return run(self.quackctl, "-C", self.folder, "--quiet", *arguments, env=self.environment | settings)

    def clear(self):
        """Nothing is deployed any more, and our cache has nothing packed."""
        self.run("down", "--yes")
        for packed in ["zips", "layers", "blobs", "images"]:
            shutil.rmtree(self.cache / packed, ignore_errors=True)
        cloudformation = self.client("cloudformation")
        cloudformation.delete_stack(StackName="peer")
        cloudformation.get_waiter("stack_delete_complete").wait(StackName="peer", WaiterConfig={"Delay": 1})
        boto3.resource("s3", endpoint_url=self.endpoint, **KEYS).Bucket("peer-code").objects.delete()

    def against_sam(self, runs):
        """`up` and `sam deploy`, in seconds: both from nothing, and both with nothing changed."""
        shutil.copy(PEERS / "template.yaml", self.folder)
        sam = [
            self.sam, "deploy", "--template-file", "template.yaml", "--stack-name", "peer", "--s3-bucket", "peer-code",
            "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset", "--no-progressbar",
            "--parameter-overrides", f"Architecture={ARCH}", f"S3Endpoint={self.endpoint}",
        ]
        both = lambda: self.run("up"), lambda: run(*sam, cwd=self.folder, env=self.environment)
        nothing = pair(*both, runs, before=self.clear)
        unchanged = pair(*both, runs)
        self.clear()
        return nothing, unchanged

    def against_containers(self, runs):
        """`up` with an image, and the same layers built and pushed, in seconds; the latter is none without a peer. Ours
        does more: it makes the stack as well."""
        self.push_base()
        context = self.folder / "image"
        for folder in ["lib", "extensions"]:
            shutil.copytree(self.folder / "artifact" / folder, context / "engine" / folder)
        shutil.copy(self.folder / "artifact" / "bootstrap", context)
        base, ecr = f"{self.host}/base:1", self.client("ecr")

        def build_and_push():
            run(CONTAINERS, "build", "--quiet", "--layers", "--no-cache", "--tls-verify=false", "--tag", "quack-bench",
                "--build-arg", f"BASE={base}", "--file", PEERS / "Containerfile", context)
            run(CONTAINERS, "push", "--tls-verify=false", "quack-bench", f"docker://{self.host}/peer:1")

        def clear():
            self.clear()
            if CONTAINERS:
                run(CONTAINERS, "rmi", "--force", "quack-bench", base)
                ecr.delete_repository(repositoryName="peer", force=True)
                ecr.create_repository(repositoryName="peer")

        ecr.create_repository(repositoryName="peer")
        ours = lambda: self.run("up", "--no-check", QUACK_PACKAGE="image")
        times = pair(ours, build_and_push if CONTAINERS else lambda: None, runs, before=clear)
        clear()
        return times if CONTAINERS else (times[0], None)

    def push_base(self):
        """A base image with nothing in it."""
        self.client("ecr").create_repository(repositoryName="base")
        digest = lambda content: f"sha256:{hashlib.sha256(content).hexdigest()}"

        def send(method, path, content, kind):
            url = f"{self.endpoint}/v2/base/{path}"
            urllib.request.urlopen(urllib.request.Request(url, content, {"Content-Type": kind}, method=method)).close()

        def blob(kind, content):
            send("POST", f"blobs/uploads/?digest={digest(content)}", content, "application/octet-stream")
            return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest(content), "size": len(content)}

        tar = bytes(1024)
        config = {
            "architecture": {"x86_64": "amd64"}.get(ARCH, ARCH), "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar)]}, "history": [{"created_by": "bench"}],
        }
        manifest = {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blob("config.v1+json", json.dumps(config).encode()),
            "layers": [blob("layer.v1.tar+gzip", gzip.compress(tar))],
        }
        send("PUT", "manifests/1", json.dumps(manifest).encode(), manifest["mediaType"])
