"""A connection: where a function is, and SQL on its way to it."""

from __future__ import annotations

import getpass
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, Optional, Union

import boto3
from botocore.exceptions import ClientError

from .answer import read
from .cursor import Cursor
from .errors import InterfaceError, NotSupportedError, ProgrammingError
from .params import Params, bind
from .project import Place, find
from .result import Result
from .service import Service
from .spill import Spilled

#: What a call carries, each way: 6 MB.
_MOST_BYTES = 6 * 1024 * 1024


def connect(
    path: Union[str, os.PathLike[str], None] = None,
    *,
    function: Optional[str] = None,
    region: Optional[str] = None,
    profile: Optional[str] = None,
    target: Optional[str] = None,
    stage: Optional[str] = None,
    endpoint_url: Optional[str] = None,
    bucket: Optional[str] = None,
    session: Optional[boto3.Session] = None,
    patience_s: float = 600,
) -> Connection:
    """A connection to the function of the project that `path` (the current folder) is in; or to the one called `function`, a name or an
    ARN, and then no project is looked for.

    `target`, `stage`, `region` and `profile` win over the project's; `session` is a `boto3.Session` to be used as it is; `endpoint_url`
    leads to another AWS than Amazon's; `bucket` says where the function keeps large results, for who may not ask it. A function at its
    concurrency limit is asked again for `patience_s` seconds. Nothing is sent before the first query.
    """
    if function is not None:
        if path is not None or target is not None or stage is not None:
            raise InterfaceError("function= names the function, and path, target and stage the project that it is of", "give one of the two")
        place = Place(function, region, profile, endpoint_url, bucket=bucket, results="_quack/results/" if bucket else None)
    else:
        found = find(path, target=target, stage=stage, region=region, profile=profile)
        if found.is_local and (session is not None or endpoint_url is not None or bucket is not None):
            raise InterfaceError("the local target has an address and keys of its own", 'give target="aws", or neither session, endpoint_url nor bucket')
        place = found if found.is_local else _with(found, endpoint_url, bucket)
    return Connection(Service(place, session, patience_s))


def _who() -> dict[str, str]:
    """Who asks, for the function's log: `quackctl history` shows it."""
    try:
        user = getpass.getuser()
    except (ImportError, KeyError, OSError):
        user = ""
    return {"user": user, "application": "quackctl (Python)", "query": secrets.token_hex(8)}


def _with(place: Place, endpoint_url: Optional[str], bucket: Optional[str]) -> Place:
    return Place(place.function, place.region, place.profile, endpoint_url, None, bucket or place.bucket, place.results, place.architecture)


class Connection:
    """Asks one function. Threads may share it."""

    def __init__(self, service: Service) -> None:
        self._service: Optional[Service] = service

    def sql(self, sql: str, params: Params = None, *, limit: Optional[int] = None) -> Result:
        """Runs SQL and gives its result: all rows, or `limit` at most.

        `params` are values by name for `$name`, or in order for `?` and `$1`. They are bound, and never become part of the SQL.
        """
        service = self._open()
        if not isinstance(sql, str):
            raise ProgrammingError(f"SQL is a text, and not {sql!r:.80}")
        text, values = bind(sql, params)
        name = secrets.token_hex(16)
        event: dict[str, Any] = {"q": text, "format": "arrow", "spill": "portable", "result": name, "who": _who()}
        if limit is None:
            event["all"] = True
        elif isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit < 2**63:
            raise ProgrammingError(f"a limit is a whole number from 0, and not {limit!r:.80}")
        else:
            event["limit"] = limit
        if values:
            event["params"] = values
        try:
            payload = json.dumps(event, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ProgrammingError(f"the SQL is no text that UTF-8 has: {error}") from error
        if len(payload) > _MOST_BYTES:
            raise ProgrammingError(f"SQL and parameters take {len(payload):,} bytes, and a call carries {_MOST_BYTES:,}", "shorten them")
        try:
            invoked = service.invoke(payload)
        except BaseException as error:
            # Whether the function runs is not known, unless it was Lambda that refused; nobody waits for it any more.
            if not isinstance(error.__cause__, ClientError):
                self._leave(service, name)
            raise
        answer = read(invoked, lambda: "s3://{}/{}".format(*self._place(service, name, "rows.parquet")))
        spilled = None
        if answer.stream is None:
            spilled = Spilled(service, *self._place(service, name, "rows.parquet"), answer)
        return Result(answer, spilled, invoked.report, service.architecture)

    @staticmethod
    def _place(service: Service, name: str, what: str) -> tuple[str, str]:
        bucket, results = service.results()
        return bucket, f"{results}{name}/{what}"

    def _leave(self, service: Service, name: str) -> None:
        """Tells the function that nobody waits for its answer, as far as one may: it looks for that every two seconds."""
        try:
            service.put_empty(*self._place(service, name, "left"))
        except Exception:  # noqa: BLE001 - what is under way is told
            pass

    def cursor(self) -> Cursor:
        """DB-API's."""
        self._open()
        return Cursor(self)

    def commit(self) -> None:
        """Nothing to do: each statement is by itself."""
        self._open()

    def rollback(self) -> None:
        """Raises `NotSupportedError`: each statement is by itself, and none changes anything."""
        self._open()
        raise NotSupportedError(
            "there is no transaction to roll back: each statement is by itself, and the function only reads",
            "transactions are for `quackctl query` and `quackctl serve`",
        )

    def close(self) -> None:
        """Lets go of its network connections. Results stay readable where they are."""
        self._service = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._service is None:
            return "<quackctl connection, closed>"
        place = self._service.place
        return f"<quackctl connection to {place.function!r} {'on this machine' if place.is_local else f'in {self._service.region}'}>"

    def _open(self) -> Service:
        if self._service is None:
            raise InterfaceError("the connection is closed", "connect() again")
        return self._service
