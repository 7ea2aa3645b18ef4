//! The Python package of `clients/python`, as people have it: built, installed, and asking stages that are up.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Place, Project, python, text};

crate::on_every_target! {
    the_package_asks_a_stage,
}

/// One instance at a time: a query that nobody waits for any more would keep the next one waiting.
const SETTINGS: &str = "[function]\nconcurrency = 1\n\n[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 200000\n";

/// The package, installed in a folder of its own, and the Python that has what it needs.
struct Package {
    python: PathBuf,
    folder: TempDir,
}

impl Package {
    fn install() -> Self {
        let sources = sources();
        let python = python("package", &sources.join("tests/requirements.txt"));
        let folder = TempDir::new().unwrap();
        // Built of a copy, as setuptools writes beside what it builds.
        let copy = folder.path().join("sources");
        let run = |command: &mut Command| {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{command:?}: {}", text(&output));
        };
        std::fs::create_dir(&copy).unwrap();
        let parts = ["pyproject.toml", "README.md", "LICENSE", "src"].map(|part| sources.join(part));
        run(Command::new("cp").arg("-R").args(parts).arg(&copy));
        let mut pip = Command::new(&python);
        pip.args(
            "-m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation".split(' '),
        );
        run(pip.arg("--target").arg(folder.path().join("installed")).arg(&copy));
        Self { python, folder }
    }

    fn installed(&self) -> PathBuf {
        self.folder.path().join("installed")
    }

    /// Python in the project's folder, with the package, and with nothing of the tester's own home.
    fn python(&self, project: &Project) -> Command {
        let mut command = project.program(&self.python);
        command.env("PYTHONPATH", self.installed()).env("PYTHONDONTWRITEBYTECODE", "1").env("HOME", self.folder.path());
        command
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python")
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

fn the_package_asks_a_stage(place: Place) {
    let package = Package::install();
    let project = Project::up_at(place, SETTINGS);
    let mut pytest = package.python(&project);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c"]).arg(sources().join("pyproject.toml"));
    let told = succeeds(pytest.arg(sources().join("tests")).env("QUACKCTL_TEST_PROJECT", project.dir()));
    assert!(told.contains(" passed") && !told.contains("skipped"), "{told}");
}

#[test]
fn the_package_has_quackctls_version_and_types() {
    let package = Package::install();
    let project = Project::new("");
    let version = succeeds(package.python(&project).args(["-c", "import quackctl; print(quackctl.__version__)"]));
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
    assert!(package.installed().join("quackctl/py.typed").exists());
    let told = succeeds(package.python(&project).args(["-m", "mypy", "--cache-dir=/dev/null"]).current_dir(sources()));
    assert!(told.contains("no issues found"), "{told}");
}

#[test]
fn the_notebook_runs() {
    let package = Package::install();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/notebook");
    let project = Project::up(&std::fs::read_to_string(folder.join("quack.toml")).unwrap());
    project.write("trips.ipynb", std::fs::read(folder.join("trips.ipynb")).unwrap());
    let mut nbconvert = package.python(&project);
    succeeds(nbconvert.args(["-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", "trips.ipynb"]));
    let ran = std::fs::read_to_string(project.dir().join("trips.ipynb")).unwrap();
    for shown in ["quack-notebook-dev", "<th>total_amount</th>", "1,000,000 rows", "Monday"] {
        assert!(ran.contains(shown), "{shown}: {ran}");
    }
    assert!(!ran.contains("\"output_type\": \"error\""), "{ran}");
    assert_eq!(project.objects().iter().filter(|key| key.starts_with("_quack/results/")).count(), 0, "nothing is left");
}
