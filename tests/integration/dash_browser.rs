//! Dashboards as a reader has them: the scenes in `tests/browser` drive a real Chromium over pages that a real `quackctl dash` shows.

use std::fs;
use std::path::Path;

use crate::support::{Project, Server, chromium, node};

/// What the pages in `tests/browser/pages` are about, and a table of texts that would be code where they are not kept from it.
const TABLES: [&str; 2] = [
    "CREATE TABLE trips AS SELECT i AS id, DATE '2019-04-01' + (i % 20)::INT AS day, (i * 7 % 24)::INT AS hour, \
     ['Harlem', 'Midtown', 'Astoria', 'SoHo', 'Chelsea', 'JFK Airport'][1 + ((i * i) % 11 % 6)::INT] AS zone, \
     ['card', 'cash'][1 + (i % 7 = 0)::INT] AS paid, 2 + (i * 37 % 101) / 10 AS distance, \
     (500 + (i * 37 % 101) * 25 + (i * 13 % 17) * 40)::DECIMAL(9, 2) / 100 AS fare FROM range(600) r(i)",
    "CREATE TABLE hostile AS SELECT unnest(['<img src=x onerror=alert(1)>', '</script><script>alert(2)</script>', \
     '<svg/onload=alert(3)>', 'javascript:alert(4)', '\" onmouseover=alert(5) x=\"', '{a|b} {b} {{c}} ${alert(6)}', \
     '__proto__', 'constructor', 'toString', repeat('x', 300), 'a' || chr(10) || 'b' || chr(8232) || 'c', '&lt;b&gt; &amp;', \
     '<style>*{display:none}</style>', '<iframe srcdoc=\"<script>parent.ran=1</script>\">', chr(8238) || 'evil']) AS text, \
     unnest(range(1, 16)) AS n",
];

#[test]
fn pages_are_what_a_reader_of_them_is_told() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let Some(modules) = node("browser", &here) else { return };
    let Some(chromium) = chromium() else { return };
    let project = Project::up("");
    for table in TABLES {
        project.succeed(["query", table], "a table");
    }
    let pages = project.dir().join("dashboards");
    fs::create_dir(&pages).unwrap();
    for page in fs::read_dir(here.join("pages")).unwrap() {
        let page = page.unwrap();
        fs::copy(page.path(), pages.join(page.file_name())).unwrap();
    }
    let server = Server::of("dash", &project, &[]);
    chromium.scenes("scenes", &modules, &[server.port.to_string().as_ref(), pages.as_ref()]);
    assert!(!server.end().contains("panicked"));
}
