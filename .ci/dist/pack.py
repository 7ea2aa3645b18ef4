"""The packages: wheel, npm's two, archive. The same tree makes the same bytes, whenever and wherever it is packed."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

from tree import files

SUMMARY = "A serverless SQL engine over your data lake: one command puts it up, one takes it away"


def wheel(tree: Path, out: Path, version: str, tag: str, readme: str) -> Path:
    """A wheel whose program pip and uv put on the PATH, with the rest beside it under the environment's own folder.

    It is called quackctl-cli: quackctl is the package of Python in `clients/python`, and an environment may have both.
    """
    path = out / f"quackctl_cli-{version}-py3-none-{tag}.whl"
    info, data = f"quackctl_cli-{version}.dist-info", f"quackctl_cli-{version}.data"
    contents = []
    for name, source, mode in files(tree):
        place = f"{data}/scripts/quackctl" if name == "bin/quackctl" else f"{data}/data/{name}"
        contents.append((place, source.read_bytes(), mode))
    metadata = (f"Metadata-Version: 2.4\nName: quackctl-cli\nVersion: {version}\nSummary: {SUMMARY}\nLicense-Expression: MIT\n"
                "License-File: LICENSE\nLicense-File: THIRD-PARTY.txt\nRequires-Python: >=3.8\n"
                "Description-Content-Type: text/markdown\nClassifier: Environment :: Console\n"
                "Classifier: Operating System :: POSIX\nClassifier: Topic :: Database\n\n" + readme)
    contents += [
        (f"{info}/METADATA", metadata.encode(), 0o644),
        (f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: quackctl\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n".encode(), 0o644),
    ]
    for name in ("LICENSE", "THIRD-PARTY.txt"):
        contents.append((f"{info}/licenses/{name}", (tree / "share/doc/quackctl" / name).read_bytes(), 0o644))
    record = "".join(f"{name},sha256={url_digest(content)},{len(content)}\n" for name, content, _ in contents)
    contents.append((f"{info}/RECORD", f"{record}{info}/RECORD,,\n".encode(), 0o644))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content, mode in contents:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return path


def url_digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


#: Finds the package for this machine and runs its program in its own place; Ctrl-C is the program's to handle.
LAUNCHER = """#!/usr/bin/env node
const { spawn } = require("node:child_process");
const name = `@quackctl/${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/bin/quackctl`);
} catch {
  console.error(`error: quackctl has no package for ${process.platform} on ${process.arch}, or npm left out the optional ${name}`);
  console.error("help: there are PLATFORMS; install without --omit=optional");
  process.exit(1);
}
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => signal === "SIGINT" || child.kill(signal));
child.on("error", (error) => { console.error(`error: cannot run ${program}: ${error.message}`); process.exit(1); });
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
"""


def npm(tree: Path, out: Path, version: str, platform: tuple[str, str], platforms: list[tuple[str, str]]) -> list[Path]:
    """The small package, which is the same on all `platforms`, and the one that it depends on for this platform."""
    names = ["-".join(of) for of in platforms]
    name = "-".join(platform)
    common = {"version": version, "description": SUMMARY, "license": "MIT"}
    small = {"name": "quackctl", **common, "bin": {"quackctl": "bin/quackctl.js"},
             "optionalDependencies": {f"@quackctl/{of}": version for of in names}, "engines": {"node": ">=16"}}
    launcher = LAUNCHER.replace("PLATFORMS", ", ".join(names))
    readme = (tree / "share/doc/quackctl/README.md").read_bytes()
    licence = (tree / "share/doc/quackctl/LICENSE").read_bytes()
    main = [("package/package.json", document(small), 0o644), ("package/bin/quackctl.js", launcher.encode(), 0o755),
            ("package/README.md", readme, 0o644), ("package/LICENSE", licence, 0o644)]
    large = {"name": f"@quackctl/{name}", **common, "os": [platform[0]], "cpu": [platform[1]], "preferUnplugged": True}
    contents = [("package/package.json", document(large), 0o644)]
    contents += [(f"package/{path}", source.read_bytes(), mode) for path, source, mode in files(tree)]
    return [tar(out / f"quackctl-{version}.tgz", main), tar(out / f"quackctl-{name}-{version}.tgz", contents)]


def document(value: dict) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def archive(tree: Path, out: Path, version: str, platform: str) -> Path:
    """To be unpacked anywhere: the program finds what is beside it."""
    name = f"quackctl-{version}-{platform}"
    return tar(out / f"{name}.tar.gz", [(f"{name}/{path}", source.read_bytes(), mode) for path, source, mode in files(tree)])


def tar(path: Path, contents: list[tuple[str, bytes, int]]) -> Path:
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content, mode in contents:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(content), mode, 0
                archive.addfile(entry, io.BytesIO(content))
    return path
