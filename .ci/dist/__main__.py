"""Makes every package of quackctl around a program that was built for one: see `make dist`."""

import argparse
import dataclasses
import re
from pathlib import Path

import licences
import pack
import tree

ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Platform:
    """What a package is for, in the words of those who take it."""
    #: npm's, for the system and the processor.
    npm: tuple[str, str]
    #: A wheel's, with the oldest system that the program runs on.
    tag: str
    #: Rust's.
    triple: str


#: Each by the name that it has in the archive's.
PLATFORMS = {
    "linux-x86_64": Platform(("linux", "x64"), "manylinux_2_28_x86_64", "x86_64-unknown-linux-gnu"),
    "linux-arm64": Platform(("linux", "arm64"), "manylinux_2_28_aarch64", "aarch64-unknown-linux-gnu"),
    # Never tried.
    "macos-arm64": Platform(("darwin", "arm64"), "macosx_11_0_arm64", "aarch64-apple-darwin"),
}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="dist", description=__doc__)
    arguments.add_argument("--quackctl", type=Path, required=True, help="the program")
    arguments.add_argument("--library", type=Path, help="libduckdb.so, where the program is linked to it")
    arguments.add_argument("--platform", choices=PLATFORMS, required=True, help="what it runs on")
    arguments.add_argument("--out", type=Path, required=True, help="the folder for the packages")
    arguments.add_argument("kinds", nargs="*", choices=["wheel", "npm", "archive", []], help="default: all")
    arguments = arguments.parse_args()
    kinds = arguments.kinds or ["wheel", "npm", "archive"]
    platform = PLATFORMS[arguments.platform]
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    duckdb = re.search(r'VERSION: &str = "(.+)"', (ROOT / "src/pinned/duckdb.rs").read_text())[1]

    files = arguments.out / "tree"
    library = arguments.library and arguments.library.resolve()
    has = tree.build(ROOT, arguments.quackctl.resolve(), library, files.resolve(), arguments.platform)
    crates = licences.packages(ROOT, platform.triple)
    (files / "share/doc/quackctl/THIRD-PARTY.txt").write_text(licences.third_party(ROOT, crates))
    theirs = [(name, tree.sha256(path)) for name, path, _ in tree.files(files) if path.suffix in (".so", ".duckdb_extension")]
    made = [arguments.out / f"quackctl-{version}-{arguments.platform}.cdx.json"]
    made[0].write_text(licences.sbom(ROOT, crates, version, duckdb, theirs))

    if "wheel" in kinds:
        made.append(pack.wheel(files, arguments.out, version, platform.tag, (ROOT / "README.md").read_text()))
    if "npm" in kinds:
        made += pack.npm(files, arguments.out, version, platform.npm, [known.npm for known in PLATFORMS.values()])
    if "archive" in kinds:
        made.append(pack.archive(files, arguments.out, version, arguments.platform))
    sums = "".join(f"{tree.sha256(path)}  {path.name}\n" for path in made)
    (arguments.out / "SHA256SUMS").write_text(sums)
    for path in made:
        print(f"{path.stat().st_size / 1e6:8.1f} MB  {path}")
    print(f"functions inside: {', '.join(has)}")


if __name__ == "__main__":
    main()
