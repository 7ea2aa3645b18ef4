//! Names and titles of pages: each document links to all of them, and a page is read anew only when it has changed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::super::page::{self, Page};

/// When a file was changed, and its bytes.
type Stamp = (Option<SystemTime>, u64);

/// What is known of pages, by their names.
#[derive(Default)]
pub(super) struct Titles(Mutex<HashMap<String, (Stamp, String)>>);

impl Titles {
    /// Of the pages of the project in `dir`; of those that have mistakes the names.
    pub(super) fn of(&self, dir: &Path) -> Vec<(String, String)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<String> =
            page::names(dir).unwrap_or_default().into_iter().filter(|name| page::is_name(name)).collect();
        known.retain(|name, _| names.contains(name));
        let title = |name: String| {
            let path = page::path(dir, &name);
            let stamp = fs::symlink_metadata(&path).map(|file| (file.modified().ok(), file.len())).unwrap_or_default();
            let title = match known.get(&name) {
                Some((then, title)) if *then == stamp => title.clone(),
                _ => Page::read(&path, &name).map_or_else(|_| name.clone(), |page| page.title),
            };
            known.insert(name.clone(), (stamp, title.clone()));
            (name, title)
        };
        names.into_iter().map(title).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_changed_has_its_new_title() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, titles) = (folder.path(), Titles::default());
        let pages = dir.join("dashboards");
        fs::create_dir(&pages).unwrap();
        assert!(titles.of(dir).is_empty());
        fs::write(pages.join("a.md"), "---\ntitle: One\n---\n").unwrap();
        fs::write(pages.join("b.md"), "```sql x baz\n```").unwrap();
        let told = |titles: &Titles| -> Vec<String> {
            titles.of(dir).into_iter().map(|(name, title)| format!("{name}: {title}")).collect()
        };
        assert_eq!(told(&titles), ["a: One", "b: b"]);
        fs::write(pages.join("a.md"), "---\ntitle: Another\n---\n").unwrap();
        assert_eq!(told(&titles), ["a: Another", "b: b"]);
        fs::remove_file(pages.join("a.md")).unwrap();
        assert_eq!(told(&titles), ["b: b"]);
    }
}
