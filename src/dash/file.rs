//! The file of a page: Markdown among the project's dashboards.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use quack_page::site::is_page;

use super::blocks::blocks;
use super::fence::{self, Fence};
use crate::error::{failure, nearest};

/// Largest page, bytes.
const LARGEST: u64 = 1 << 20;

/// How deep below the folder pages are looked for that nobody would see there, and how many files and folders are looked at.
const DEEPEST: usize = 4;
const MOST_LOOKED_AT: usize = 500;

/// Addresses that `quackctl dash` or the page function have themselves.
const TAKEN: &[&str] = &["edit", "events", "login"];

/// What is said of a name that is none.
pub(crate) const NAMING: &str =
    "name it of small letters, digits, `-` and `_`; `edit`, `events` and `login` are addresses of the server";

/// The folder of pages in a project.
pub(crate) const FOLDER: &str = "dashboards";

/// Whether a page can be called so.
pub(crate) fn is_name(name: &str) -> bool {
    is_page(name) && !TAKEN.contains(&name)
}

/// Where the page of that name is, of the project in `dir`.
pub(crate) fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(FOLDER).join(format!("{name}.md"))
}

/// What is said of a page that is none of those `known`.
pub(super) fn absent<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> anyhow::Error {
    // Shells complete the path of the file.
    let bare = name.rsplit('/').next().map_or(name, |file| file.trim_end_matches(".md"));
    let help = match nearest(bare, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`quackctl dash new {bare}` writes one"),
    };
    failure(format!("there is no page `{FOLDER}/{name}.md`"), help)
}

/// The names of all pages of the project in `dir`, none of which is read; also of those that cannot be pages.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn names(dir: &Path) -> Result<BTreeSet<String>> {
    let folder = dir.join(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => {
            return Err(failure(format!("cannot read {}: {error}", folder.display()), "see to the folder's rights"));
        }
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.extension().is_none_or(|extension| extension != "md") || name.starts_with('.') {
            continue;
        }
        names.insert(name.to_owned());
    }
    Ok(names)
}

/// Files in folders below, by their paths in the project in `dir`, which would be pages if they stood in the folder itself: they have
/// queries or inputs. Links are not followed.
pub(super) fn below(dir: &Path) -> Vec<String> {
    let (mut found, mut folders, mut left) =
        (Vec::new(), vec![(dir.join(FOLDER), FOLDER.to_owned(), 0)], MOST_LOOKED_AT);
    while let Some((folder, told, deep)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            if left == 0 || name.starts_with('.') {
                continue;
            }
            left -= 1;
            let (path, told) = (entry.path(), format!("{told}/{name}"));
            if kind.is_dir() && deep < DEEPEST {
                folders.push((path, told, deep + 1));
            } else if kind.is_file() && deep > 0 && name.ends_with(".md") && is_like_page(&path) {
                found.push(told);
            }
        }
    }
    found.sort();
    found
}

/// Whether a file of Markdown has a fence that a page has.
fn is_like_page(path: &Path) -> bool {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text));
    let is_ours = |info: &str| fence::parse(info).is_ok_and(|fence| fence != Fence::Code);
    read.is_ok() && blocks(&text, 0).iter().any(|block| !block.is_paragraph && is_ours(&block.info))
}

/// What is said of files that [`below`] finds.
pub(super) fn strayed(files: &[String]) -> Option<String> {
    let (first, more) = files.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    Some(format!("`{first}`{more} is in a folder below {FOLDER}/, and is no page: pages stand in {FOLDER}/ itself"))
}

/// What is said where the project in `dir` has no pages.
pub(super) fn none(dir: &Path) -> anyhow::Error {
    let help = strayed(&below(dir)).unwrap_or_else(|| "`quackctl dash new NAME` writes one".to_owned());
    failure(format!("there are no pages in {FOLDER}/"), help)
}

/// The text of the file of a page.
///
/// # Errors
/// A name that is none; a file that cannot be read, and what is no file.
pub(super) fn text(path: &Path, name: &str) -> Result<String> {
    let told = format!("{FOLDER}/{name}.md");
    if !is_name(name) {
        return Err(failure(format!("`{told}`: a page's name stands in its address, and `{name}` cannot"), NAMING));
    }
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            failure(format!("there is no page `{told}`"), format!("`quackctl dash new {name}` writes one"))
        }
        _ => failure(format!("cannot read `{told}`: {error}"), "see to the file's rights"),
    };
    // What is no file may have no end, and a link may lead to what is no page: to this process's own environment.
    if !std::fs::symlink_metadata(path).map_err(cannot)?.is_file() {
        return Err(failure(
            format!("`{told}` is no file of its own"),
            "put the file itself there, no link, or give it another ending",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST {
        return Err(failure(format!("`{told}` is larger than {LARGEST} bytes"), "make several pages of it"));
    }
    String::from_utf8(bytes).map_err(|_| failure(format!("`{told}` is no UTF-8"), "save it as UTF-8, as Markdown is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_page_tells_its_name() {
        let help = |name| crate::error::advised(&absent(name, ["trips"].into_iter()));
        assert!(help("dashboards/trips.md").contains("did you mean `trips`?"));
        assert!(help("dashboards/sales.md").contains("`quackctl dash new sales` writes one"));
    }

    #[test]
    fn pages_in_folders_below_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir_all(folder.join("sales/.hidden")).unwrap();
        let page = "# A\n\n```SQL q table\nSELECT 1\n```\n";
        for (file, text) in [
            ("trips.md", page),
            ("sales/b.md", page),
            ("sales/a.md", "```input day\n```\n"),
            ("sales/README.md", "# Data\n\n```sql\nSELECT 1\n```\n"),
            ("sales/.hidden/c.md", page),
            ("sales/x.txt", page),
        ] {
            std::fs::write(folder.join(file), text).unwrap();
        }
        std::os::unix::fs::symlink(folder.join("trips.md"), folder.join("sales/link.md")).unwrap();
        std::os::unix::fs::symlink(&folder, folder.join("round")).unwrap();
        let found = below(dir.path());
        assert_eq!(found, ["dashboards/sales/a.md", "dashboards/sales/b.md"]);
        let told = strayed(&found).unwrap();
        assert!(told.starts_with("`dashboards/sales/a.md` and 1 more is in a folder below"), "{told}");
        assert_eq!((strayed(&[]), below(&folder)), (None, Vec::new()));
        assert!(crate::error::advised(&none(dir.path())).contains("pages stand in dashboards/ itself"));
    }

    #[test]
    fn names_stand_in_addresses() {
        assert!(is_name("trips") && is_name("2019-trips_a"));
        for name in ["", "edit", "events", "login", "Trips", "a b", "../x", "-a", "a.b", "ü", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
