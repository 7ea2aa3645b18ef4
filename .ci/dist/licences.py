"""What is inside: a list for programs (SBOM, CycloneDX) and the licences' own words for people."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

#: What the dashboards' script has in it.
SCRIPTS = "src/dash/web/dist/LICENSES.txt"

#: What is not a crate. The extension httpfs has curl and OpenSSL compiled into it, as DuckDB Labs publish it.
DUCKDB = """MIT License

Copyright 2018-2025 Stichting DuckDB Foundation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def packages(root: Path, platform: str) -> list[dict]:
    """The crates that are compiled into quackctl and the functions; not those that only build or test them."""
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", platform]
    metadata = json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)
    by_id = {package["id"]: package for package in metadata["packages"]}
    needs = {node["id"]: [dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
             for node in metadata["resolve"]["nodes"]}
    todo = [id for id, package in by_id.items() if package["name"] in ("quackctl", "quack-function", "quack-page")]
    inside = set()
    while todo:
        id = todo.pop()
        if id not in inside:
            inside.add(id)
            todo += needs[id]
    return sorted((by_id[id] for id in inside), key=lambda package: (package["name"], package["version"]))


def scripts(root: Path) -> list[tuple[str, str, str]]:
    """Name, version and licence of each package of npm in the dashboards' script."""
    return re.findall(r"^(\S+) (\S+) \((.+)\)\n={72}$", (root / SCRIPTS).read_text(), re.MULTILINE)


def sbom(root: Path, crates: list[dict], version: str, duckdb: str, files: list[tuple[str, str]]) -> str:
    """CycloneDX 1.5. `files` are DuckDB's, each with its SHA-256."""
    def crate(package):
        component = {"type": "library", "name": package["name"], "version": package["version"],
                     "purl": f"pkg:cargo/{package['name']}@{package['version']}"}
        if package["license"]:
            component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        return component
    def file(name, digest):
        return {"type": "library", "name": name, "version": duckdb, "licenses": [{"expression": "MIT"}],
                "hashes": [{"alg": "SHA-256", "content": digest}]}
    def script(name, version, licence):
        return {"type": "library", "name": name, "version": version, "purl": f"pkg:npm/{name.replace('@', '%40')}@{version}",
                "licenses": [{"expression": licence}]}
    others = [package for package in crates if package["source"]]
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "name": "quackctl", "version": version,
                                   "licenses": [{"expression": "MIT"}]}},
        "components": [crate(package) for package in others] + [script(*of) for of in scripts(root)] + [file(*of) for of in files],
    }
    return json.dumps(document, indent=1) + "\n"


def third_party(root: Path, crates: list[dict]) -> str:
    """Each licence text once, below the names of the crates that come under it."""
    texts: dict[str, tuple[str, list[str]]] = {}
    without = []
    for package in (package for package in crates if package["source"]):
        name = f"{package['name']} {package['version']}"
        folder = Path(package["manifest_path"]).parent
        named = [path for path in sorted(folder.iterdir())
                 if path.is_file() and path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"))]
        if not named:
            without.append(f"{name}: {package['license']}, {package['repository'] or package['homepage'] or ''}")
        for path in named:
            text = path.read_text(errors="replace").replace("\r\n", "\n").strip()
            texts.setdefault(hashlib.sha256(text.encode()).hexdigest(), (text, []))[1].append(name)
    texts["duckdb"] = (DUCKDB, ["DuckDB's library", "DuckDB's extension httpfs"])
    parts = ["What is inside quackctl and its function, and the licences that it comes under.\n"]
    for text, names in sorted(texts.values(), key=lambda of: of[1]):
        parts.append("=" * 100 + "\n" + "\n".join(sorted(set(names))) + "\n" + "-" * 100 + f"\n{text}\n")
    if without:
        parts.append("=" * 100 + "\nThese crates bring no file with their licence's text:\n" + "\n".join(without) + "\n")
    parts.append("=" * 100 + "\nThe dashboards' script\n" + "-" * 100 + f"\n{(root / SCRIPTS).read_text()}")
    return "\n".join(parts)
