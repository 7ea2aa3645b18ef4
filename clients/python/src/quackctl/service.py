"""AWS as boto3 speaks it: one call of the function, and objects of its bucket, wherever they are."""

from __future__ import annotations

import base64
import os
import random
import re
import threading
import time
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from .errors import DatabaseError, InterfaceError, OperationalError, of_service
from .project import Place

#: What boto3 and the network below it raise.
FAILURES = (BotoCoreError, ClientError, HTTPClientError, OSError)

#: A function may run for a quarter of an hour, and says nothing before it is done.
_ANSWER_WITHIN = 930

#: What a response carries at most is 6 MB; with what Lambda puts around it it stays below this.
_MOST_BYTES = 7 * 1024 * 1024

#: Connections to S3 at once.
CONNECTIONS = 16

#: The first pause after a throttled call, and the longest, seconds.
_FIRST_PAUSE, _LAST_PAUSE = 0.05, 5.0

#: US dollars for a GB-second and for a request, US East (N. Virginia), first tier, without the free tier.
#: Source: <https://aws.amazon.com/lambda/pricing/>.
_GB_SECOND_USD = {"x86_64": 0.000_016_666_7, "arm64": 0.000_013_333_4}
_REQUEST_USD = 0.20 / 1_000_000

#: No number of a REPORT line comes near: a function runs for a quarter of an hour at most.
_MOST = 10**9


@dataclass(frozen=True)
class Report:
    """Lambda's own account of a call: the REPORT line at the end of its log."""

    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_used_mb: int
    #: Only of a cold start.
    init_ms: Optional[float] = None

    def cost_usd(self, architecture: str) -> float:
        """Its price on `arm64` or `x86_64`."""
        return self.billed_ms / 1000 * self.memory_mb / 1024 * _GB_SECOND_USD[architecture] + _REQUEST_USD


class Invoked(NamedTuple):
    """What Lambda answered."""

    payload: bytes
    failed: bool
    report: Optional[Report]


class Service:
    """The clients of one function. Threads may share it."""

    def __init__(self, place: Place, session: Optional[boto3.Session] = None, patience_s: float = 600) -> None:
        self.place, self.patience_s = place, patience_s
        self._lock = threading.Lock()
        self._told: Optional[dict[str, Any]] = None
        self._common: dict[str, Any] = {"connect_timeout": 5, "tcp_keepalive": True}
        if place.is_local:
            # A proxy of the environment does not lead to this machine.
            self._common["proxies"] = {}
        # A query that may have run must not run again unasked.
        once = Config(retries={"total_max_attempts": 1}, read_timeout=_ANSWER_WITHIN, max_pool_connections=64, **self._common)
        try:
            self._session = session or _session(place)
            # boto3 by itself knows AWS_DEFAULT_REGION only.
            given = place.region or (None if session else os.environ.get("AWS_REGION")) or self._session.region_name
            self._lambda = self._session.client("lambda", region_name=given, endpoint_url=place.endpoint_url, config=once)
            self.region: str = self._lambda.meta.region_name
        except FAILURES + (ValueError,) as error:
            raise of_service(error, place.function) from error
        self._s3_made: Any = None

    @property
    def _s3(self) -> Any:
        """The client of S3, which takes a while to make, and which small results do not need."""
        with self._lock:
            if self._s3_made is None:
                often = Config(retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=CONNECTIONS, **self._common)
                # Another S3 than AWS's own may have no names for buckets.
                by_path = often.merge(Config(s3={"addressing_style": "path"}))
                place, make = self.place, self._session.client
                own = by_path if place.is_local or place.endpoint_url else often
                self._s3_made = make("s3", region_name=self.region, endpoint_url=place.endpoint_url, config=own)
                if own is often and not self._s3_made.meta.endpoint_url.rstrip("/").endswith((".amazonaws.com", ".amazonaws.com.cn")):
                    self._s3_made = make("s3", region_name=self.region, config=by_path)
            return self._s3_made

    def invoke(self, event: bytes) -> Invoked:
        """Sends an event, as long as it is throttled again and again for `patience_s`.

        Raises `OperationalError` and its like where there is no answer. An error of the function itself is an answer.
        """
        started, attempt = time.monotonic(), 0
        while True:
            try:
                answer = self._lambda.invoke(FunctionName=self.place.function, Payload=event, LogType="Tail")
                payload = answer["Payload"].read(_MOST_BYTES + 1)
                break
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "TooManyRequestsException":
                    raise of_service(error, self.place.function) from error
                if time.monotonic() - started >= self.patience_s:
                    raise OperationalError(
                        f"the function has been at its concurrency limit for {self.patience_s:g} s",
                        "try again later, or raise function.concurrency in quack.toml and run `quackctl up`",
                    ) from error
            except FAILURES as error:
                raise of_service(error, self.place.function) from error
            # Half of it is left to chance, so that callers who were refused together do not return together.
            time.sleep(min(_FIRST_PAUSE * 2 ** min(attempt, 10), _LAST_PAUSE) * random.uniform(0.5, 1))
            attempt += 1
        if len(payload) > _MOST_BYTES:
            raise InterfaceError("the function's answer is larger than Lambda's answers are")
        return Invoked(payload, bool(answer.get("FunctionError")), _report(answer.get("LogResult") or ""))

    def results(self) -> tuple[str, str]:
        """The bucket, and the key prefix of results in it: as the project says, else as the function's settings do.

        Raises `OperationalError` where nobody tells.
        """
        if self.place.bucket and self.place.results:
            return self.place.bucket, self.place.results
        variables = self._configuration().get("Environment", {}).get("Variables", {})
        bucket, results = variables.get("QUACK_BUCKET"), variables.get("QUACK_RESULTS", "_quack/results/")
        if not isinstance(bucket, str) or not isinstance(results, str):
            raise OperationalError(f"{self.place.function!r} does not tell its bucket", "is it a function of quackctl's?")
        return self.place.bucket or bucket, self.place.results or results

    def architecture(self) -> Optional[str]:
        """The function's processor; nothing where nobody tells."""
        known = self.place.architecture
        if known is None:
            try:
                known = (self._configuration().get("Architectures") or [None])[0]
            except DatabaseError:
                return None
        return known if known in _GB_SECOND_USD else None

    def _configuration(self) -> dict[str, Any]:
        with self._lock:
            if self._told is None:
                try:
                    self._told = self._lambda.get_function_configuration(FunctionName=self.place.function)
                except FAILURES as error:
                    failure = of_service(error, self.place.function)
                    raise OperationalError(
                        f"where the function keeps large results is not known: {failure.message}",
                        "allow lambda:GetFunctionConfiguration, or give bucket= to connect()",
                    ) from error
            told: dict[str, Any] = self._told
            return told

    def read(self, bucket: str, key: str, start: int, end: int, size: int) -> bytes:
        """Bytes from `start` up to `end` of an object of `size` bytes.

        Raises `OperationalError` for one that is gone, cannot be had or is of another size.
        """
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}")
            body = answer["Body"]
            told = answer.get("ContentRange", "")
            content: bytes = body.read(end - start + 1)
            body.close()
        except FAILURES as error:
            failure = of_service(error, self.place.function)
            raise OperationalError(f"the result at s3://{bucket}/{key} could not be fetched: {failure.message}", failure.help or "run the query again") from error
        if len(content) != end - start or told.rpartition("/")[2] != str(size):
            raise OperationalError(f"the result at s3://{bucket}/{key} is not of the {size} bytes that it was told to have", "run the query again")
        return content

    def remove(self, bucket: str, key: str) -> None:
        """Removes an object as far as one may; what stays goes after a day."""
        try:
            self._s3.delete_object(Bucket=bucket, Key=key)
        except FAILURES:
            pass

    def put_empty(self, bucket: str, key: str) -> None:
        """Leaves an object without content, as far as one may."""
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=b"")
        except FAILURES:
            pass


def _session(place: Place) -> boto3.Session:
    if place.keys is None:
        return boto3.Session(profile_name=place.profile, region_name=place.region)
    # The local target's own keys; no profile of the environment has a say.
    own = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    return boto3.Session(*place.keys, region_name=place.region, botocore_session=own)


def _report(log: str) -> Optional[Report]:
    """The last REPORT line of a log, which what runs in the function can write, too."""
    try:
        text = base64.b64decode(log).decode("utf-8", "replace")
    except ValueError:
        return None
    line = next((line for line in reversed(text.splitlines()) if line.startswith("REPORT ")), "")
    fields = dict(re.findall(r"(?:^|\t)\s*([A-Z][A-Za-z ]*): ([0-9.]{1,12}) [A-Za-z]+", line))
    try:
        numbers = {name: float(number) for name, number in fields.items()}
        if max(numbers.values(), default=0) >= _MOST:
            return None
        return Report(
            numbers["Duration"], round(numbers["Billed Duration"]), round(numbers["Memory Size"]), round(numbers["Max Memory Used"]),
            numbers.get("Init Duration"),
        )
    except (KeyError, ValueError):
        return None
