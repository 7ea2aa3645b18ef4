//! Downloads that go on where they broke off, also in a later run.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};
use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_RANGE, ETAG, IF_RANGE, LAST_MODIFIED, RANGE};

use crate::error::failure;
use quack_pinned::cache;

/// Times that a connection which breaks is taken up again before the command gives up.
const RETRIES: u32 = 4;

/// A server that is silent for this long has gone.
const SILENCE: Duration = Duration::from_secs(30);

/// A download's place in the cache.
pub(crate) struct Download {
    url: String,
    /// The finished file.
    pub path: PathBuf,
    /// What has come so far; its owner holds a lock on it.
    part: PathBuf,
    /// Which version of the file the part is of: the server's ETag or Last-Modified.
    version: PathBuf,
}

impl Download {
    /// The download of `url` in the folder `cache`.
    pub(crate) fn new(url: &str, cache: &Path) -> Self {
        let digest = Sha256::digest(url.as_bytes());
        let name: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let at = |ending: &str| cache.join(format!("{name}{ending}"));
        Self { url: url.to_owned(), path: at(""), part: at(".part"), version: at(".version") }
    }

    /// Fetches what is missing of the file into [`Self::path`]; returns at once when it is there. `go_on` is asked now and
    /// then.
    ///
    /// # Errors
    /// When the server refuses, or breaks off again and again: the next run goes on from there. What `go_on` fails with.
    pub(crate) fn fetch(&self, bar: &ProgressBar, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        if self.path.exists() {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut part = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.part)
            .with_context(|| format!("cannot write {}", self.part.display()))?;
        if part.try_lock().is_err() {
            return Err(failure(format!("another command is downloading {}", self.url), "try again when it is done"));
        }
        let mut attempt = 0;
        loop {
            let before = part.metadata()?.len();
            match self.attempt(&mut part, bar, go_on) {
                Ok(()) => break,
                Err(Broken::Final(error)) => {
                    if part.metadata().is_ok_and(|metadata| metadata.len() == 0) {
                        _ = std::fs::remove_file(&self.part);
                    }
                    return Err(error);
                }
                Err(Broken::Again(error)) => {
                    // Whoever makes progress may go on for ever.
                    attempt = if part.metadata()?.len() > before { 1 } else { attempt + 1 };
                    if attempt > RETRIES {
                        return Err(failure(
                            format!("cannot download {}: {error}", self.url),
                            "check the address and the network, and run the command again: it goes on where it broke off",
                        ));
                    }
                    std::thread::sleep(Duration::from_millis(100 << attempt));
                }
            }
        }
        part.sync_all()?;
        std::fs::rename(&self.part, &self.path)?;
        _ = std::fs::remove_file(&self.version);
        Ok(())
    }

    /// Removes the finished file.
    pub(crate) fn discard(&self) {
        _ = std::fs::remove_file(&self.path);
    }

    fn attempt(&self, part: &mut File, bar: &ProgressBar, go_on: &dyn Fn() -> Result<()>) -> Result<(), Broken> {
        let have = part.metadata().map_err(Broken::disk)?.len();
        let version = std::fs::read_to_string(&self.version).unwrap_or_default();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .tls_config(super::tls())
            .build()
            .into();
        let mut request = agent.get(&self.url).header("accept-encoding", "identity");
        if have > 0 && !version.is_empty() {
            request = request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, &version);
        }
        let mut response = request.call().map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Broken::Final(failure(
                format!("cannot download {}: {error}", self.url),
                "give a whole address, e.g. https://example.org/trips.parquet",
            )),
            other => Broken::Again(other.to_string()),
        })?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let resumed = status == StatusCode::PARTIAL_CONTENT
            && header(CONTENT_RANGE).is_some_and(|range| range.starts_with(&format!("bytes {have}-")));
        if status == StatusCode::RANGE_NOT_SATISFIABLE {
            part.set_len(0).map_err(Broken::disk)?;
            return Err(Broken::Again("the file changed on the server".to_owned()));
        }
        if status.is_server_error() {
            return Err(Broken::Again(format!("the server answers {status}")));
        }
        if !resumed && status != StatusCode::OK {
            return Err(Broken::Final(failure(
                format!("cannot download {}: the server answers {status}", self.url),
                "check the address in a browser",
            )));
        }
        let start = if resumed { have } else { 0 };
        part.set_len(start).map_err(Broken::disk)?;
        // A weak ETag does not promise equal bytes, so nothing may be resumed by it.
        let version = header(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| header(LAST_MODIFIED));
        std::fs::write(&self.version, version.unwrap_or_default()).map_err(Broken::disk)?;
        let length = response.body().content_length();
        if let Some(length) = length {
            bar.set_length(start + length);
        }
        bar.set_position(start);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 256 * 1024];
        let mut got = 0;
        loop {
            go_on().map_err(Broken::Final)?;
            let read = body.read(&mut buffer).map_err(|error| Broken::Again(error.to_string()))?;
            if read == 0 {
                break;
            }
            part.write_all(&buffer[..read]).map_err(Broken::disk)?;
            got += read as u64;
            bar.inc(read as u64);
        }
        match length {
            Some(length) if got < length => Err(Broken::Again(format!("{got} of {length} bytes came"))),
            _ => Ok(()),
        }
    }
}

/// Why an attempt ended early, and whether another makes sense.
enum Broken {
    Again(String),
    Final(anyhow::Error),
}

impl Broken {
    fn disk(error: std::io::Error) -> Self {
        Self::Final(failure(format!("cannot keep the download: {error}"), "free some space, or set QUACK_CACHE_DIR"))
    }
}

/// Where downloads are kept for this user.
pub(crate) fn folder() -> PathBuf {
    cache::root().join("downloads")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};
    use std::thread::JoinHandle;

    use super::*;

    const BODY_BYTES: usize = 3_000_000;

    /// A web server with one file, that may break connections off.
    struct Server {
        url: String,
        /// The `Range` of each request; empty where there was none.
        ranges: Arc<Mutex<Vec<String>>>,
        _thread: JoinHandle<()>,
    }

    /// How the server answers: after how many body bytes each connection breaks off, and with which status and version.
    struct Answers {
        cuts: Vec<usize>,
        status: &'static str,
        version: &'static str,
    }

    fn body() -> Vec<u8> {
        (0..BODY_BYTES).map(|index| (index % 251) as u8).collect()
    }

    fn serve(answers: Answers) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file.parquet", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let seen = ranges.clone();
        let thread = std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { return };
                let cut = answers.cuts.get(index).copied().unwrap_or(usize::MAX);
                answer(stream, &answers, cut, &seen);
            }
        });
        Server { url, ranges, _thread: thread }
    }

    fn answer(mut stream: TcpStream, answers: &Answers, cut: usize, ranges: &Mutex<Vec<String>>) {
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
        let value =
            |name: &str| headers.iter().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
        let range = value("range:").unwrap_or_default();
        ranges.lock().unwrap().push(range.clone());
        let start = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse::<usize>().ok());
        let fresh = value("if-range:").is_none_or(|tag| tag == answers.version);
        let (status, start) = match start {
            Some(start) if fresh => ("206 Partial Content", start),
            _ => (answers.status, 0),
        };
        let body = &body()[start..];
        let head = format!(
            "HTTP/1.1 {status}\r\nETag: {}\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{BODY_BYTES}\r\nConnection: close\r\n\r\n",
            answers.version,
            body.len(),
            BODY_BYTES - 1,
        );
        _ = stream.write_all(head.as_bytes());
        _ = stream.write_all(&body[..cut.min(body.len())]);
    }

    fn fetch(url: &str, cache: &Path) -> Result<Vec<u8>> {
        let download = Download::new(url, cache);
        download.fetch(&ProgressBar::hidden(), &|| Ok(()))?;
        Ok(std::fs::read(&download.path)?)
    }

    #[test]
    fn a_broken_connection_is_taken_up_where_it_broke() {
        let cache = tempfile::tempdir().unwrap();
        let server = serve(Answers { cuts: vec![1_000_000, 500_000], status: "200 OK", version: "\"v1\"" });
        assert!(fetch(&server.url, cache.path()).unwrap() == body());
        let ranges = server.ranges.lock().unwrap().clone();
        assert_eq!(ranges[0], "");
        // What was under way when the connection broke may have been lost.
        let starts: Vec<u64> = ranges[1..].iter().map(|range| range[6..range.len() - 1].parse().unwrap()).collect();
        assert!(starts.len() == 2 && 0 < starts[0] && starts[0] < starts[1] && starts[1] <= 1_500_000, "{starts:?}");
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1, "only the finished file is left");
    }

    #[test]
    fn a_later_run_goes_on_and_a_changed_file_begins_anew() {
        for (version, resumed) in [("\"v1\"", true), ("\"v2\"", false)] {
            let cache = tempfile::tempdir().unwrap();
            let server = serve(Answers { cuts: vec![], status: "200 OK", version });
            // As a killed run leaves it; had the server the same version, the first half would stay as it is.
            let download = Download::new(&server.url, cache.path());
            std::fs::write(&download.part, vec![7; BODY_BYTES / 2]).unwrap();
            std::fs::write(&download.version, "\"v1\"").unwrap();
            let got = fetch(&server.url, cache.path()).unwrap();
            assert_eq!(server.ranges.lock().unwrap().as_slice(), [format!("bytes={}-", BODY_BYTES / 2)]);
            assert_eq!(got.len(), BODY_BYTES);
            assert_eq!(got[0] == 7, resumed);
            assert!(got[BODY_BYTES / 2..] == body()[BODY_BYTES / 2..]);
        }
    }

    #[test]
    fn a_finished_download_is_not_fetched_again() {
        let cache = tempfile::tempdir().unwrap();
        let server = serve(Answers { cuts: vec![], status: "200 OK", version: "W/\"weak\"" });
        fetch(&server.url, cache.path()).unwrap();
        fetch(&server.url, cache.path()).unwrap();
        assert_eq!(server.ranges.lock().unwrap().len(), 1);
    }

    #[test]
    fn the_servers_refusal_is_quoted() {
        let cache = tempfile::tempdir().unwrap();
        let server = serve(Answers { cuts: vec![], status: "404 Not Found", version: "" });
        let error = fetch(&server.url, cache.path()).unwrap_err().to_string();
        assert_eq!(error, format!("cannot download {}: the server answers 404 Not Found", server.url));
        assert_eq!(server.ranges.lock().unwrap().len(), 1, "a refusal is final");
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0, "a refusal leaves nothing");
        let error = fetch("http://", cache.path()).unwrap_err().to_string();
        assert!(error.contains("cannot download http://"), "{error}");
    }
}
