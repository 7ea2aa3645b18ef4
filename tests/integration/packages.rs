//! What `make dist` packs: the same files make the same bytes, and pip, npm and tar make of them a program that finds what is
//! beside it. The program is a small one here; how the real one is tried in empty systems, CONTRIBUTING.md tells.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::support::{skip, text};

/// Makes every package of the tree in the first folder, in the second.
const PACK: &str = r#"
import sys
from pathlib import Path
import pack
tree, out, cpu = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
out.mkdir()
pack.wheel(tree, out, "1.2.3", "manylinux_2_28_" + {"x64": "x86_64", "arm64": "aarch64"}[cpu], "read me")
pack.npm(tree, out, "1.2.3", ("linux", cpu), [("linux", "x64"), ("linux", "arm64")])
pack.archive(tree, out, "1.2.3", "linux-" + cpu)
"#;

/// Says where its library is, and ends with a code of its own.
const PROGRAM: &str =
    "#!/bin/sh\nset -e\ncd \"$(dirname \"$(readlink -f \"$0\")\")/../lib/quackctl\"\ncat libduckdb.so\nexit 7\n";

const FILES: [(&str, &str); 6] = [
    ("bin/quackctl", PROGRAM),
    ("lib/quackctl/libduckdb.so", "a library"),
    ("lib/quackctl/function/arm64/bootstrap", "a function"),
    ("share/doc/quackctl/LICENSE", "a licence"),
    ("share/doc/quackctl/README.md", "read me"),
    ("share/doc/quackctl/THIRD-PARTY.txt", "licences"),
];

fn cpu() -> &'static str {
    if cfg!(target_arch = "x86_64") { "x64" } else { "arm64" }
}

/// A tree whose files are as `FILES` has them, written in their order or the other way round, with the given mode and time.
fn tree(place: &Path, reversed: bool, others: u32, age: Duration) {
    let mut files: Vec<_> = FILES.iter().collect();
    if reversed {
        files.reverse();
    }
    for (name, content) in files {
        let path = place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let runs = if *name == "bin/quackctl" { 0o100 } else { 0 };
        fs::set_permissions(&path, Permissions::from_mode(0o600 | runs | others)).unwrap();
        File::open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    }
}

fn pack(tree: &Path, out: &Path) {
    let packer = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/dist");
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", packer).env("PYTHONDONTWRITEBYTECODE", "1").args(["-c", PACK]);
    run(python.arg(tree).arg(out).arg(cpu()));
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    output
}

/// Fails unless the program at `path` is ours and finds its library.
fn assert_runs(path: &Path) {
    let output = Command::new(path).output().unwrap();
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(7), "a library"), "{}", path.display());
}

/// The packages, in a folder of their own.
fn packages() -> TempDir {
    let folder = TempDir::new().unwrap();
    tree(&folder.path().join("tree"), false, 0o044, Duration::ZERO);
    pack(&folder.path().join("tree"), &folder.path().join("out"));
    folder
}

#[test]
fn the_same_files_make_the_same_bytes() {
    let (one, other) = (packages(), TempDir::new().unwrap());
    tree(&other.path().join("elsewhere"), true, 0, Duration::from_secs(86_400));
    pack(&other.path().join("elsewhere"), &other.path().join("out"));
    let packed = |folder: &TempDir| {
        let entries = fs::read_dir(folder.path().join("out")).unwrap().map(|entry| entry.unwrap());
        let mut packed: Vec<_> = entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect();
        packed.sort();
        packed
    };
    let (one, other) = (packed(&one), packed(&other));
    assert_eq!(one.len(), 4);
    for (one, other) in one.iter().zip(&other) {
        assert!(one == other, "{:?} is not the same twice", one.0);
    }
}

#[test]
fn a_wheel_and_an_archive_are_installed_and_run() {
    let folder = packages();
    let at = |name: &str| folder.path().join(name);
    run(Command::new("python3").args(["-m", "venv"]).arg(at("venv")));
    let arch = if cpu() == "x64" { "x86_64" } else { "aarch64" };
    let mut pip = Command::new(at("venv/bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-index"]);
    run(pip.arg(at(&format!("out/quackctl_cli-1.2.3-py3-none-manylinux_2_28_{arch}.whl"))));
    assert_runs(&at("venv/bin/quackctl"));
    let shown = run(Command::new(at("venv/bin/pip")).args(["show", "--files", "--verbose", "quackctl-cli"]));
    for line in ["Version: 1.2.3", "quackctl/function/arm64/bootstrap", "licenses/THIRD-PARTY.txt"] {
        assert!(text(&shown).contains(line), "{line}: {}", text(&shown));
    }
    let archive = format!("out/quackctl-1.2.3-linux-{}.tar.gz", cpu());
    run(Command::new("tar").current_dir(folder.path()).args(["xzf", &archive]));
    assert_runs(&at(&format!("quackctl-1.2.3-linux-{}/bin/quackctl", cpu())));
}

/// Lays out what an installed quackctl has, around the program and the library that this test was built with.
const LAY_OUT: &str = r#"
import sys
from pathlib import Path
import tree
print(tree.build(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[1]) / "target/duckdb/libduckdb.so", Path(sys.argv[3]), sys.argv[4]))
"#;

#[test]
fn an_installed_quackctl_has_both_functions_without_rust_or_the_web() {
    let (folder, nothing) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", root.join(".ci/dist")).env("PYTHONDONTWRITEBYTECODE", "1").args(["-c", LAY_OUT]);
    python.arg(root).arg(env!("CARGO_BIN_EXE_quackctl")).arg(folder.path().join("tree"));
    run(python.arg(format!("linux-{}", if cpu() == "x64" { "x86_64" } else { "arm64" })));
    for (more, file) in [(None, "lib/libduckdb.so"), (Some("--pages"), "bootstrap")] {
        let mut build = Command::new(folder.path().join("tree/bin/quackctl"));
        build
            .arg("build")
            .args(more)
            .current_dir(nothing.path())
            .env("PATH", nothing.path())
            .env("QUACK_TARGET", "local");
        build.env("QUACK_CACHE_DIR", folder.path().join("cache")).env("QUACK_MIRROR", "http://127.0.0.1:1");
        let place = String::from_utf8(run(&mut build).stdout).unwrap();
        assert!(Path::new(place.trim()).join(file).is_file(), "{more:?}: {place}");
        assert!(Path::new(place.trim()).starts_with(folder.path().join("cache")), "{more:?}: {place}");
    }
}

#[test]
fn npm_installs_the_small_package_and_the_one_for_this_machine() {
    if Command::new("npm").arg("--version").output().is_err() {
        return skip("npm", "it is not installed");
    }
    let folder = packages();
    let install = |into: &str, packages: &[String]| {
        let place = folder.path().join(into);
        fs::create_dir(&place).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--offline", "--no-audit", "--no-fund", "--silent"]).current_dir(&place);
        run(npm.args(packages.iter().map(|name| folder.path().join("out").join(name))));
        place.join("node_modules/.bin/quackctl")
    };
    let (small, large) = ("quackctl-1.2.3.tgz".to_owned(), format!("quackctl-linux-{}-1.2.3.tgz", cpu()));
    assert_runs(&install("both", &[large, small.clone()]));
    let alone = Command::new(install("alone", &[small])).output().unwrap();
    let said = text(&alone);
    assert!(alone.status.code() == Some(1) && said.contains("quackctl has no package for linux on"), "{said}");
    assert!(said.contains("there are linux-x64, linux-arm64"), "{said}");
}
