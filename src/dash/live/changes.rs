//! Which pages were saved: looked at again and again while a browser listens, and told it as server-sent events.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::StatusCode;
use hyper::body::Frame;
use serde_json::json;
use tokio::task;

use super::super::page::{self, FOLDER, Page};
use super::response::{self, Answer};
use crate::error;

/// How often the folder is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// How often something is sent when nothing was saved, so that a browser that is gone is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Files by name, each with when it was saved and its size.
type Seen = BTreeMap<String, (SystemTime, u64)>;

/// The changes from now on, of the project in `dir`.
pub(super) fn events(dir: PathBuf) -> Answer {
    let start = (dir.clone(), look(&dir), Vec::new());
    let stream = stream::unfold(start, |(dir, mut seen, mut waiting)| async move {
        let mut silent = Duration::ZERO;
        while waiting.is_empty() && silent < SIGN_OF_LIFE {
            tokio::time::sleep(INTERVAL).await;
            silent += INTERVAL;
            let now = look(&dir);
            // Nearly always it is as it was, and nothing is read.
            if now != seen {
                waiting = task::block_in_place(|| saved(&seen, &now).map(|name| told(&dir, name)).collect());
                seen = now;
            }
        }
        let text = waiting.pop().unwrap_or_else(|| ": still here\n\n".to_owned());
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), (dir, seen, waiting)))
    });
    response::guarded(StatusCode::OK, "text/event-stream", StreamBody::new(stream).boxed())
}

fn look(dir: &Path) -> Seen {
    let Ok(entries) = std::fs::read_dir(dir.join(FOLDER)) else { return Seen::new() };
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let name = path.file_stem()?.to_str()?.to_owned();
        // Of a link the file that it leads to.
        let data = std::fs::metadata(&path).ok()?;
        (path.extension()? == "md" && page::is_name(&name)).then_some((name, (data.modified().ok()?, data.len())))
    };
    entries.filter_map(file).collect()
}

/// Pages that are otherwise, new or gone.
fn saved<'a>(before: &'a Seen, now: &'a Seen) -> impl Iterator<Item = &'a str> {
    let changed = now.iter().filter(|(name, file)| before.get(*name) != Some(file));
    let gone = before.iter().filter(|(name, _)| !now.contains_key(*name));
    changed.chain(gone).map(|(name, _)| name.as_str())
}

/// An event that says that a page was saved, and what is wrong with it.
fn told(dir: &Path, name: &str) -> String {
    let mut data = json!({ "page": name });
    if let Err(error) = Page::read(&page::path(dir, name), name) {
        data["error"] = error::advised(&error).into();
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
        assert_eq!(saved(&before, &now).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(saved(&now, &before).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(saved(&now, &now).count(), 0);
        assert_eq!(told(dir.path(), "a"), "event: change\ndata: {\"page\":\"a\"}\n\n");
        let words = told(dir.path(), "b");
        assert!(words.contains("b.md:1:") && words.contains("no chart `baz`"), "{words}");
        assert_eq!(words.matches('\n').count(), 3, "{words}");
    }
}
