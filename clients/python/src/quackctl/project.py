"""The project that a folder is in, as quackctl finds it: the nearest `quack.toml`, `QUACK_*` of the environment and of `.env`,
and what `.quack/` says of the stage. Nothing is run, and nobody is asked."""

from __future__ import annotations

import json
import os
import platform
import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Union

from .errors import InterfaceError, OperationalError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "quack.toml"
STATE = ".quack"

#: The region that the local target says it is in.
_LOCAL_REGION = "us-east-1"

#: Each key of `quack.toml` that says where a function is, and the variable that wins over it.
_KEYS = {
    "project": "QUACK_PROJECT",
    "stage": "QUACK_STAGE",
    "target": "QUACK_TARGET",
    "function.arch": "QUACK_ARCH",
    "lake.bucket": "QUACK_BUCKET",
    "lake.manage": "QUACK_MANAGE",
    "lake.prefix": "QUACK_PREFIX",
    "aws.region": "QUACK_REGION",
    "aws.profile": "QUACK_PROFILE",
}

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True)
class Place:
    """Where a function is, and what is known of it without asking."""

    function: str
    region: Optional[str] = None
    profile: Optional[str] = None
    endpoint_url: Optional[str] = None
    #: Key id and secret of the local target.
    keys: Optional[tuple[str, str]] = field(default=None, repr=False)
    bucket: Optional[str] = None
    #: Key prefix of results that were too large for a response.
    results: Optional[str] = None
    #: As Lambda has it: `arm64` or `x86_64`.
    architecture: Optional[str] = None
    is_local: bool = False


def find(
    folder: Union[str, os.PathLike[str], None] = None,
    *,
    target: Optional[str] = None,
    stage: Optional[str] = None,
    region: Optional[str] = None,
    profile: Optional[str] = None,
) -> Place:
    """Where the function of the project is that `folder` is in; arguments win over what the project says.

    Raises `InterfaceError` for a project that cannot be read or is none, `OperationalError` for a stage that is not up.
    """
    here = Path(folder or ".").resolve()
    if not here.is_dir():
        raise InterfaceError(f"there is no folder {str(here)!r}", "give the project's, or function= and region=")
    project = _above(here)
    values = _values(project, {"target": target, "stage": stage, "aws.region": region, "aws.profile": profile})
    stage = _name(values, "stage", "dev")
    target = values.get("target", "local")
    if target not in ("local", "aws"):
        raise InterfaceError(f"unknown target {target!r}", 'known targets: "local", "aws"')
    state = project / STATE
    record = state / stage / "stage.json" if target == "local" else state / f"{stage}.aws.json"
    owner = _json(record).get("project")
    if not (project / FILE).exists() and not record.exists():
        raise InterfaceError(
            f"there is no {FILE} in {str(here)!r} or a folder above", "go to the project's folder, or give function= and region="
        )
    name = _name(values, "project", owner or _default(project))
    if owner is not None and owner != name:
        raise InterfaceError(
            f"stage {stage!r} was put up as project {owner!r}, and it is called {name!r} now", f'project = "{owner}" in {FILE} brings it back'
        )
    function = f"quack-{name}-{stage}"
    prefix = values.get("lake.prefix", "_quack/").rstrip("/") + "/"
    results = "_quack/results/" if values.get("lake.manage", "true") == "true" else f"{prefix}results/"
    if target == "aws":
        architecture = {"amd64": "x86_64", "aarch64": "arm64"}.get(values.get("function.arch", ""), values.get("function.arch", "arm64"))
        return Place(function, values.get("aws.region"), values.get("aws.profile"), bucket=values.get("lake.bucket"), results=results,
                     architecture=architecture)
    return _local(state / stage, function[:63].rstrip("-"), results, stage)


def _local(folder: Path, function: str, results: str, stage: str) -> Place:
    port = _json(folder / "endpoint.json").get("port")
    if not isinstance(port, int) or not 0 < port < 65_536:
        raise OperationalError(f"stage {stage!r} is not up on this machine", "run `quackctl up`")
    try:
        text = (folder / "credentials").read_text()
    except OSError as error:
        raise OperationalError(f"the keys of stage {stage!r} cannot be read: {error}", "run `quackctl up`") from error
    found = dict(re.findall(r"^(aws_access_key_id|aws_secret_access_key)\s*=\s*(\S+)\s*$", text, re.MULTILINE))
    if len(found) < 2:
        raise OperationalError(f"there are no keys in {str(folder / 'credentials')!r}", "run `quackctl up`")
    keys = (found["aws_access_key_id"], found["aws_secret_access_key"])
    architecture = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    return Place(function, _LOCAL_REGION, None, f"http://127.0.0.1:{port}", keys, function, results, architecture, True)


def _above(here: Path) -> Path:
    """The nearest folder from `here` upwards with a `quack.toml`, else `here`. What somebody else put into a folder above is
    nobody's project here: it would say where data go."""
    for folder in (here, *here.parents):
        if (folder / FILE).exists() and (folder == here or _is_trusted(folder)):
            return folder
    return here


def _is_trusted(folder: Path) -> bool:
    if not hasattr(os, "geteuid"):
        return True
    file, parent = (folder / FILE).stat(), folder.stat()
    return file.st_uid in (os.geteuid(), 0) and not parent.st_mode & stat.S_IWOTH


def _values(project: Path, given: Mapping[str, Optional[str]]) -> dict[str, str]:
    """What the file says, then `.env`, then the environment, then the caller; the last word counts."""
    values: dict[str, str] = {}
    path = project / FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise InterfaceError(f"{str(path)!r} cannot be read: {error}", "mend the line shown") from error
    for key in _KEYS:
        section, _, short = key.rpartition(".")
        inner = table.get(section, {}) if section else {}
        # A key's name in its section is enough, as no two sections share one.
        value = inner.get(short, table.get(short)) if isinstance(inner, dict) else table.get(short)
        if isinstance(value, bool):
            value = str(value).lower()
        if value is not None and not isinstance(value, str):
            raise InterfaceError(f"{key} in {str(path)!r} is {value!r}, and no text in quotes", f'write {short} = "..."')
        if value:
            values[key] = value
    environment = {**_dotenv(project / ".env"), **os.environ}
    for key, variable in _KEYS.items():
        if environment.get(variable):
            values[key] = environment[variable]
    values.update({key: value for key, value in given.items() if value})
    return values


def _dotenv(path: Path) -> dict[str, str]:
    """The `QUACK_*` of a file of NAME=value lines, which may be quoted."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InterfaceError(f"{str(path)!r} cannot be read: {error}", "each line of .env is NAME=value") from error
    line = re.compile(r"""^\s*(?:export\s+)?(QUACK_\w+)\s*=\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#]*))\s*(?:#.*)?$""", re.MULTILINE)
    return {name: double or single or bare for name, double, single, bare in line.findall(text)}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise OperationalError(f"{str(path)!r} cannot be read: {error}", "run `quackctl up`") from error
    return found if isinstance(found, dict) else {}


def _name(values: Mapping[str, str], key: str, default: str) -> str:
    name = values.get(key, default)
    if not _NAME.fullmatch(name):
        raise InterfaceError(f"{key} is {name!r}", "lower-case letters, digits and `-`, from a letter, at most 32")
    return name


def _default(project: Path) -> str:
    """The folder's name, made to fit a bucket's."""
    name = re.sub(r"[^a-z0-9]", "-", project.name.lower())
    return re.sub(r"^[^a-z]+", "", name)[:32].rstrip("-") or "quack"
