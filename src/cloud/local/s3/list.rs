//! Listings: a walk over a bucket's folder in the order of keys, which leaves out every folder that cannot matter.

use std::fs;
use std::io;
use std::path::Path;

use super::keys::name_to_part;
use super::stat::Stat;

/// Which keys to list.
#[derive(Debug)]
pub(super) struct Query<'a> {
    pub prefix: &'a str,
    /// Keys are folded at its first occurrence after the prefix; empty for no folding.
    pub delimiter: &'a str,
    /// Only keys after this one.
    pub after: &'a str,
    pub max: usize,
}

/// A page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub objects: Vec<(String, Stat)>,
    pub prefixes: Vec<String>,
    /// The last key or prefix of a page that another follows: the next page is what is after it.
    pub next: Option<String>,
}

/// Lists the objects below the folder `bucket`.
pub(super) fn list(bucket: &Path, query: &Query<'_>) -> io::Result<Page> {
    let mut walk = Walk { query, page: Page::default(), last: String::new() };
    if query.max > 0 {
        walk.folder(bucket, "")?;
    }
    Ok(walk.page)
}

struct Walk<'a> {
    query: &'a Query<'a>,
    page: Page,
    last: String,
}

impl Walk<'_> {
    /// Visits the objects below `folder`, whose keys start with `base`. False once the page is full.
    fn folder(&mut self, folder: &Path, base: &str) -> io::Result<bool> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let is_folder = entry.file_type()?.is_dir();
            let Ok(name) = entry.file_name().into_string() else { continue };
            let slash = if is_folder { "/" } else { "" };
            entries.push((format!("{base}{}{slash}", name_to_part(&name)), is_folder, entry));
        }
        entries.retain(|(key, is_folder, _)| self.may_matter(key, *is_folder));
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, is_folder, entry) in entries {
            match self.folded(&key) {
                Some(_) if is_folder && !has_object(&entry.path())? => {}
                Some(prefix) if prefix.as_str() <= self.query.after || prefix == self.last => {}
                Some(prefix) => {
                    if !self.room() {
                        return Ok(false);
                    }
                    self.last.clone_from(&prefix);
                    self.page.prefixes.push(prefix);
                }
                None if is_folder => {
                    if !self.folder(&entry.path(), &key)? {
                        return Ok(false);
                    }
                }
                None => {
                    // An object that was deleted meanwhile is not an error.
                    let Ok(metadata) = entry.metadata() else { continue };
                    if !self.room() {
                        return Ok(false);
                    }
                    self.last.clone_from(&key);
                    self.page.objects.push((key, Stat::of(&metadata)));
                }
            }
        }
        Ok(true)
    }

    fn may_matter(&self, key: &str, is_folder: bool) -> bool {
        let Query { prefix, after, .. } = self.query;
        if is_folder {
            (key.starts_with(prefix) || prefix.starts_with(key)) && (key > *after || after.starts_with(key))
        } else {
            key.starts_with(prefix) && key > *after
        }
    }

    /// The common prefix that `key` is folded into.
    fn folded(&self, key: &str) -> Option<String> {
        let Query { prefix, delimiter, .. } = self.query;
        let rest = key.strip_prefix(prefix).filter(|_| !delimiter.is_empty())?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(key[..prefix.len() + end].to_owned())
    }

    /// True if one more fits; otherwise the page is marked as followed by another.
    fn room(&mut self) -> bool {
        let room = self.page.objects.len() + self.page.prefixes.len() < self.query.max;
        if !room {
            self.page.next = Some(std::mem::take(&mut self.last));
        }
        room
    }
}

/// True if there is any object below `folder`: a writer that was killed may leave empty folders.
fn has_object(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || has_object(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pages of a listing, joined.
    fn pages(bucket: &Path, prefix: &str, delimiter: &str, max: usize) -> (Vec<String>, Vec<String>) {
        let (mut keys, mut prefixes, mut after) = (Vec::new(), Vec::new(), String::new());
        loop {
            let page = list(bucket, &Query { prefix, delimiter, after: &after, max }).unwrap();
            assert!(page.objects.len() + page.prefixes.len() <= max);
            keys.extend(page.objects.into_iter().map(|(key, _)| key));
            prefixes.extend(page.prefixes);
            match page.next {
                Some(next) => after = next,
                None => return (keys, prefixes),
            }
        }
    }

    #[test]
    fn every_page_size_gives_the_same_keys_in_order() {
        let bucket = tempfile::tempdir().unwrap();
        let keys = ["a", "a-b", "b/1", "b/2/x", "b/2/y", "b0", "c/d=1/p", "c/d=2/p"];
        for key in keys {
            let path = bucket.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, key).unwrap();
        }
        fs::create_dir_all(bucket.path().join("empty/folder")).unwrap();
        for max in 1..10 {
            assert_eq!(pages(bucket.path(), "", "", max).0, keys);
            assert_eq!(pages(bucket.path(), "b", "", max).0, ["b/1", "b/2/x", "b/2/y", "b0"]);
            assert_eq!(pages(bucket.path(), "b/2/", "", max).0, ["b/2/x", "b/2/y"]);
            let (objects, prefixes) = pages(bucket.path(), "", "/", max);
            assert_eq!(objects, ["a", "a-b", "b0"]);
            assert_eq!(prefixes, ["b/", "c/"]);
            assert_eq!(pages(bucket.path(), "b/", "/", max), (vec!["b/1".to_owned()], vec!["b/2/".to_owned()]));
            assert_eq!(pages(bucket.path(), "c/", "=", max).1, ["c/d="]);
            assert_eq!(pages(bucket.path(), "no", "/", max), (vec![], vec![]));
        }
    }
}
