"""Makes every package of quackctl around a program that was built for one: see `make dist`."""

import argparse
import re
from pathlib import Path

import licences
import pack
import tree

ROOT = Path(__file__).resolve().parents[2]
#: By processor: npm's name for it, and the oldest glibc that the program runs on, as wheels have it.
PLATFORMS = {"x86_64": ("x64", "manylinux_2_28_x86_64"), "arm64": ("arm64", "manylinux_2_28_aarch64")}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="dist", description=__doc__)
    arguments.add_argument("--quackctl", type=Path, required=True, help="the program")
    arguments.add_argument("--library", type=Path, required=True, help="libduckdb.so for its processor")
    arguments.add_argument("--arch", choices=PLATFORMS, default="x86_64", help="its processor")
    arguments.add_argument("--out", type=Path, required=True, help="the folder for the packages")
    arguments.add_argument("kinds", nargs="*", choices=["wheel", "npm", "archive", []], help="default: all")
    arguments = arguments.parse_args()
    kinds = arguments.kinds or ["wheel", "npm", "archive"]
    cpu, tag = PLATFORMS[arguments.arch]
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    duckdb = re.search(r'VERSION: &str = "(.+)"', (ROOT / "src/pinned/duckdb.rs").read_text())[1]

    files = arguments.out / "tree"
    has = tree.build(ROOT, arguments.quackctl.resolve(), arguments.library.resolve(), files.resolve(), arguments.arch)
    crates = licences.packages(ROOT, {"x86_64": "x86_64", "arm64": "aarch64"}[arguments.arch] + "-unknown-linux-gnu")
    (files / "share/doc/quackctl/THIRD-PARTY.txt").write_text(licences.third_party(crates))
    theirs = [(name, tree.sha256(path)) for name, path, _ in tree.files(files) if path.suffix in (".so", ".duckdb_extension")]
    made = [arguments.out / f"quackctl-{version}-{arguments.arch}.cdx.json"]
    made[0].write_text(licences.sbom(crates, version, duckdb, theirs))

    if "wheel" in kinds:
        made.append(pack.wheel(files, arguments.out, version, tag, (ROOT / "README.md").read_text()))
    if "npm" in kinds:
        made += pack.npm(files, arguments.out, version, cpu)
    if "archive" in kinds:
        made.append(pack.archive(files, arguments.out, version, f"linux-{arguments.arch}"))
    sums = "".join(f"{tree.sha256(path)}  {path.name}\n" for path in made)
    (arguments.out / "SHA256SUMS").write_text(sums)
    for path in made:
        print(f"{path.stat().st_size / 1e6:8.1f} MB  {path}")
    print(f"functions inside: {', '.join(has)}")


if __name__ == "__main__":
    main()
