"""The files of an installed quackctl, in one folder: what every package is made of."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

ARCHES = ("x86_64", "arm64")


def build(root: Path, quackctl: Path, library: Path | None, out: Path, platform: str) -> list[str]:
    """Fills `out` with bin, lib and share around `quackctl`; returns the processors that it has a function for."""
    own = platform.removeprefix("linux-")
    shutil.rmtree(out, ignore_errors=True)
    install(quackctl, out / "bin/quackctl", 0o755)
    lib = out / "lib/quackctl"
    run = dict(os.environ, QUACK_TARGET="aws", NO_COLOR="1")
    if library:
        install(library, lib / "libduckdb.so")
        run["LD_LIBRARY_PATH"] = str(library.parent)
    for name in [name for name in run if name.startswith("QUACK_") and name not in ("QUACK_TARGET", "QUACK_CACHE_DIR")]:
        del run[name]

    programs = {}
    for arch in ARCHES:
        try:
            artifact, pages = (made(quackctl, arch, out, run, *more) for more in ((), ("--pages",)))
        except Unmade as error:
            # Where Rust has no standard library for the other processor: said, and told by what the package lacks.
            print(f"no function for {arch}: {error}")
            continue
        folder, place = Path(artifact["dir"]), lib / "function" / arch
        install(folder / "bootstrap", place / "bootstrap", 0o755)
        install(Path(pages["dir"]) / "bootstrap", place / "page", 0o755)
        install(folder / "extensions/httpfs.duckdb_extension", place / "httpfs.duckdb_extension")
        if arch != own:
            install(folder / "lib/libduckdb.so", place / "libduckdb.so")
        programs[arch] = {name: {"build": of["bootstrap_digest"], "sha256": sha256(place / name)}
                          for name, of in (("bootstrap", artifact), ("page", pages))}
    if own in ARCHES and own not in programs:
        raise SystemExit(f"no function for {own}, the processor of this package: see above")
    (lib / "shipped.json").write_text(json.dumps({"programs": programs}, indent=1) + "\n")

    subprocess.run([quackctl, "man", out / "share/man/man1"], env=run, check=True)
    for shell, place in [("bash", "bash-completion/completions/quackctl"), ("zsh", "zsh/site-functions/_quackctl"),
                         ("fish", "fish/vendor_completions.d/quackctl.fish")]:
        script = subprocess.run([quackctl, "completions", shell], env=run, check=True, stdout=subprocess.PIPE).stdout
        target = out / "share" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(script)
    for name in ("LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"):
        install(root / name, out / "share/doc/quackctl" / name)
    return list(programs)


class Unmade(Exception):
    """A function could not be built."""


def made(quackctl: Path, arch: str, out: Path, run: dict, *more: str) -> dict:
    """What `quackctl build` says of a function for `arch`."""
    # From an empty folder: a quack.toml of the checkout's own is not meant.
    empty = out.parent / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    built = subprocess.run([quackctl, "build", "--json", *more], cwd=empty, env=dict(run, QUACK_ARCH=arch),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if built.returncode:
        raise Unmade(json.loads(built.stderr.strip().splitlines()[-1])["error"])
    return json.loads(built.stdout)


def install(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def files(tree: Path) -> list[tuple[str, Path, int]]:
    """Each file: its path in the tree, where it is, its mode. In order, the same wherever it was built."""
    found = sorted(path for path in tree.rglob("*") if path.is_file())
    return [(path.relative_to(tree).as_posix(), path, 0o755 if path.stat().st_mode & 0o100 else 0o644) for path in found]


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
