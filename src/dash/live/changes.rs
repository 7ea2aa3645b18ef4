//! Which pages were saved, or have maps whose shapes were: looked at again and again while a browser listens, and told it as server-sent events.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::StatusCode;
use hyper::body::Frame;
use serde_json::json;
use tokio::task;

use super::super::fence::{Drawn, is_below};
use super::super::page::{self, FOLDER, Page};
use super::super::shapes::Shapes;
use super::response::{self, Answer};
use crate::error;

/// How often the folder is looked at; less often where a look takes long.
const INTERVAL: Duration = Duration::from_millis(20);
const LOOKS: u32 = 20;

/// How long a file that was emptied is waited for, which most who write one begin with.
const BEGUN: Duration = Duration::from_millis(100);

/// How often something is sent when nothing was saved, so that a browser that is gone is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// How deep below the folder files of shapes are looked for, and how many files are looked at.
const DEEPEST: usize = 4;
const MOST_FILES: usize = 2_000;
const MOST_ENTRIES: usize = 20_000;

/// Files by their paths below the folder, each with when it was saved and its size.
type Seen = BTreeMap<String, (SystemTime, u64)>;

/// The changes from now on, of the project in `dir`.
pub(super) fn events(dir: PathBuf) -> Answer {
    let start = (dir.clone(), look(&dir), Vec::new());
    let stream = stream::unfold(start, |(dir, mut seen, mut waiting)| async move {
        let (mut silent, mut held) = (Duration::ZERO, Duration::ZERO);
        let mut pause = INTERVAL;
        while waiting.is_empty() && silent < SIGN_OF_LIFE {
            tokio::time::sleep(pause).await;
            silent += pause;
            let began = Instant::now();
            let now = task::block_in_place(|| look(&dir));
            // Nearly always it is as it was, and nothing is read.
            if now != seen && held < BEGUN && is_begun(&seen, &now) {
                held += pause;
            } else if now != seen {
                held = Duration::ZERO;
                waiting = task::block_in_place(|| {
                    touched(&dir, saved(&seen, &now)).iter().map(|name| told(&dir, name)).collect()
                });
                seen = now;
            }
            pause = INTERVAL.max(began.elapsed() * LOOKS);
        }
        let text = waiting.pop().unwrap_or_else(|| ": still here\n\n".to_owned());
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), (dir, seen, waiting)))
    });
    response::guarded(StatusCode::OK, "text/event-stream", StreamBody::new(stream).boxed())
}

fn look(dir: &Path) -> Seen {
    let mut seen = Seen::new();
    look_in(&dir.join(FOLDER), "", DEEPEST, &mut 0, &mut seen);
    seen
}

/// Pages of the folder itself, and files of shapes in it and below.
fn look_in(folder: &Path, prefix: &str, deep: usize, looked: &mut usize, seen: &mut Seen) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (path, told) = (entry.path(), format!("{prefix}{name}"));
        *looked += 1;
        if seen.len() >= MOST_FILES || *looked > MOST_ENTRIES {
            return;
        }
        if name.starts_with('.') {
            continue;
        }
        if deep > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            look_in(&path, &format!("{told}/"), deep - 1, looked, seen);
        } else if page_of(&told).is_some() || is_below(&told) {
            // Of a link the file that it leads to.
            let data = std::fs::metadata(&path).ok();
            let data = data.and_then(|data| Some((data.modified().ok()?, data.len())));
            seen.extend(data.map(|data| (told, data)));
        }
    }
}

/// The page that a file of the folder is.
fn page_of(file: &str) -> Option<&str> {
    file.strip_suffix(".md").filter(|name| page::is_name(name))
}

/// The pages that these files are, or whose maps have shapes of them.
fn touched<'a>(dir: &Path, files: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let (pages, shapes): (Vec<&str>, Vec<&str>) = files.partition(|file| page_of(file).is_some());
    let mut touched: BTreeSet<String> = pages.into_iter().filter_map(page_of).map(str::to_owned).collect();
    if !shapes.is_empty() {
        let draws = |page: &Page| {
            let mut given = page.queries.iter().filter_map(|query| query.drawn.as_ref().and_then(Drawn::shapes));
            given.any(|given| shapes.contains(&given.file.as_str()))
        };
        let all = page::all(dir).unwrap_or_default();
        touched.extend(all.into_iter().filter(|(_, page)| page.as_ref().is_ok_and(draws)).map(|(name, _)| name));
    }
    touched
}

/// Whether a file has nothing in it any more, and had something.
fn is_begun(before: &Seen, now: &Seen) -> bool {
    let had = |file: &String| before.get(file).is_some_and(|(_, bytes)| *bytes > 0);
    now.iter().any(|(file, (_, bytes))| *bytes == 0 && had(file))
}

/// Files that are otherwise, new or gone.
fn saved<'a>(before: &'a Seen, now: &'a Seen) -> impl Iterator<Item = &'a str> {
    let changed = now.iter().filter(|(name, file)| before.get(*name) != Some(file));
    let gone = before.iter().filter(|(name, _)| !now.contains_key(*name));
    changed.chain(gone).map(|(name, _)| name.as_str())
}

/// An event that says that a page was saved, and what is wrong with it.
fn told(dir: &Path, name: &str) -> String {
    let mut data = json!({ "page": name });
    match Page::read(&page::path(dir, name), name) {
        Err(error) => data["error"] = error::advised(&error).into(),
        Ok(page) => {
            if let Err(problems) = Shapes::of(&page, dir) {
                data["error"] = Shapes::told(&page, &problems).into();
            }
        }
    }
    format!("event: change\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("a.md"), "a").unwrap();
        std::fs::write(folder.join("A B.md"), "a").unwrap();
        let before = look(dir.path());
        std::fs::write(folder.join("a.md"), "ab").unwrap();
        std::fs::write(folder.join("b.md"), "```sql q baz\n```").unwrap();
        let now = look(dir.path());
        assert_eq!(saved(&before, &now).collect::<Vec<_>>(), ["a.md", "b.md"]);
        assert_eq!(saved(&now, &before).collect::<Vec<_>>(), ["a.md", "b.md"]);
        assert_eq!(saved(&now, &now).count(), 0);
        std::fs::write(folder.join("a.md"), "").unwrap();
        let emptied = look(dir.path());
        assert_eq!(
            (is_begun(&before, &now), is_begun(&now, &emptied), is_begun(&emptied, &emptied)),
            (false, true, false)
        );
        std::fs::write(folder.join("a.md"), "ab").unwrap();
        assert_eq!(told(dir.path(), "a"), "event: change\ndata: {\"page\":\"a\"}\n\n");
        let words = told(dir.path(), "b");
        assert!(words.contains("b.md:1:") && words.contains("no chart `baz`"), "{words}");
        assert_eq!(words.matches('\n').count(), 3, "{words}");
    }

    #[test]
    fn a_page_is_seen_when_its_shapes_are() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir_all(folder.join("geo/.hidden")).unwrap();
        std::fs::write(folder.join("a.md"), "```sql q map shapes=geo/zones.geojson\n```").unwrap();
        std::fs::write(folder.join("b.md"), "b").unwrap();
        let before = look(dir.path());
        for file in ["geo/zones.geojson", "geo/other.geojson", "geo/.hidden/x.geojson", "geo/c.md", "geo/x.csv"] {
            std::fs::write(folder.join(file), "{}").unwrap();
        }
        std::os::unix::fs::symlink(&folder, folder.join("geo/round")).unwrap();
        let now = look(dir.path());
        let saved: Vec<&str> = saved(&before, &now).collect();
        assert_eq!(saved, ["geo/other.geojson", "geo/zones.geojson"]);
        assert_eq!(touched(dir.path(), saved.into_iter()), ["a".to_owned()].into());
        assert_eq!(touched(dir.path(), ["b.md", "geo/other.geojson"].into_iter()), ["b".to_owned()].into());
        let words = told(dir.path(), "a");
        assert!(words.contains("a.md:1: `q`: `dashboards/geo/zones.geojson` is without a type"), "{words}");
    }
}
