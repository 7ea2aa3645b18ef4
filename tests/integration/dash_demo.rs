//! What `make demo` puts up, to its end: a page for whoever is on this machine, which is README's picture.

use std::fs;
use std::path::Path;

use crate::support::{Project, chromium, node};

#[test]
fn the_demo_ends_with_a_page_which_is_the_picture_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let demo = root.join("examples/taxi");
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    assert!(makefile.contains("demo: QUACKCTL := target/debug/quackctl -C examples/taxi"));
    let Some(modules) = node("browser", &root.join("tests/browser")) else { return };
    let Some(chromium) = chromium() else { return };
    let project = Project::new(&fs::read_to_string(demo.join("quack.toml")).unwrap());
    fs::create_dir(project.dir().join("dashboards")).unwrap();
    project.write("dashboards/trips.md", fs::read(demo.join("dashboards/trips.md")).unwrap());
    project.succeed(["up"], "the demo");
    let address = project.json(["outputs", "dashboards", "--json"]);
    let port = address.as_str().unwrap().trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    chromium.scenes("demo", &modules, &[port.as_ref()]);
}
