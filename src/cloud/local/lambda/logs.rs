//! What instances write, with Lambda's START, END and REPORT lines around it: into the function's log file, and the
//! last of it to whoever asked for it with the invocation.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;

use crate::cloud::local::meter::Traffic;
use crate::cloud::local::tail::{TIME_END, before};
use crate::private;

/// Bytes of a log file, past which it becomes the one before, in the place of that, and another begins.
const FILE_MAX: u64 = 16 << 20;

/// Bytes of a line, past which it is taken for one though it has no end yet.
const LINE_MAX: usize = 256 << 10;

/// Held while a file is put aside: instances of one function write to one file.
static TURNING: Mutex<()> = Mutex::new(());

/// Bytes of log that come back with an invocation.
const TAIL: usize = 4096;

/// One instance's log.
#[derive(Debug, Clone)]
pub(super) struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    output: Receiver,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    path: PathBuf,
    file: File,
    /// A line that has no end yet.
    partial: Vec<u8>,
    /// The last of what was written since the invocation began.
    tail: Vec<u8>,
}

impl Log {
    /// Logs what comes out of `output`, to the file at `path`.
    pub(super) fn start(output: Receiver, path: &Path) -> io::Result<Self> {
        let log = Self(Arc::new(Inner { output, written: Mutex::new(Written::open(path)?) }));
        let reader = log.clone();
        tokio::spawn(async move { while reader.0.output.readable().await.is_ok() && reader.drain() {} });
        Ok(log)
    }

    /// Takes in what is there to be read. False once nothing more can come.
    fn drain(&self) -> bool {
        let mut written = self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.0.output.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(length) => written.take(&buffer[..length]),
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Marks the beginning of an invocation.
    pub(super) fn begin(&self, id: &str) {
        self.drain();
        let mut written = self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.tail.clear();
        written.line(&format!("START RequestId: {id} Version: $LATEST\n"));
    }

    /// Marks the end of an invocation and returns the log's tail.
    pub(super) fn end(&self, id: &str, usage: &Usage) -> Vec<u8> {
        self.drain();
        let mut written = self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.line(&format!("END RequestId: {id}\n"));
        written.line(&usage.line(id));
        std::mem::take(&mut written.tail)
    }

    /// Writes a line of the platform's own.
    pub(super) fn line(&self, text: &str) {
        self.drain();
        self.0.written.lock().unwrap_or_else(PoisonError::into_inner).line(text);
    }
}

impl Written {
    fn open(path: &Path) -> io::Result<Self> {
        let file = private::append(path)?;
        Ok(Self { path: path.to_owned(), file, partial: Vec::new(), tail: Vec::new() })
    }

    /// Begins another file when this one is full.
    fn turn(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() < FILE_MAX {
            return Ok(());
        }
        let _turning = TURNING.lock().unwrap_or_else(PoisonError::into_inner);
        // Another instance may have put it aside.
        if self.path.metadata().is_ok_and(|there| there.len() >= FILE_MAX) {
            fs::rename(&self.path, before(&self.path))?;
        }
        self.file = private::append(&self.path)?;
        Ok(())
    }

    /// Output of the process: to the file line by line, so that instances do not write into each other's lines.
    fn take(&mut self, bytes: &[u8]) {
        self.keep(bytes);
        self.partial.extend_from_slice(bytes);
        let whole = self.partial.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let lines: Vec<u8> = self.partial.drain(..whole).collect();
        self.write(&lines);
        if self.partial.len() > LINE_MAX {
            self.partial.push(b'\n');
            let line = std::mem::take(&mut self.partial);
            self.write(&line);
        }
    }

    fn line(&mut self, text: &str) {
        if !self.partial.is_empty() {
            let mut rest = std::mem::take(&mut self.partial);
            rest.push(b'\n');
            self.keep(b"\n");
            self.write(&rest);
        }
        self.keep(text.as_bytes());
        self.write(text.as_bytes());
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        let over = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..over);
    }

    /// Writes whole lines to the file, each with its time before it.
    fn write(&mut self, lines: &[u8]) {
        let now = chrono::Utc::now().timestamp_millis();
        let mut timed = Vec::with_capacity(lines.len() + 64);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            timed.extend_from_slice(format!("{now}{TIME_END}").as_bytes());
            timed.extend_from_slice(line);
        }
        // A full disk must not fail a query that needs none.
        let _ = self.turn().and_then(|()| self.file.write_all(&timed));
    }
}

/// What an invocation took.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage {
    pub duration: Duration,
    /// For a cold start.
    pub init: Option<Duration>,
    pub memory_mb: u32,
    pub max_memory_bytes: u64,
    /// Of an instance that is held to its share of a core.
    pub taken: Option<Taken>,
    /// `timeout`, or the type of the error that ended the instance.
    pub end: Option<End>,
}

/// What Lambda does not tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub cpu: Duration,
    pub traffic: Traffic,
}

/// How an invocation ended that did not end well.
#[derive(Debug, Clone)]
pub(super) enum End {
    Timeout,
    Error(String),
}

impl Usage {
    /// Milliseconds paid for, the start of the instance included as it is since August 2025.
    pub(super) fn billed_ms(&self) -> u64 {
        let billed = self.duration + self.init.unwrap_or_default();
        u64::try_from(billed.as_micros().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
    }

    fn line(&self, id: &str) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let mut line = format!(
            "REPORT RequestId: {id}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
            ms(self.duration),
            self.billed_ms(),
            self.memory_mb,
            self.max_memory_bytes.div_ceil(1 << 20),
        );
        if let Some(init) = self.init {
            line.push_str(&format!("Init Duration: {:.2} ms\t", ms(init)));
        }
        if let Some(Taken { cpu, traffic }) = self.taken {
            let Traffic { requests, received } = traffic;
            line.push_str(&format!(
                "CPU: {:.2} ms\tS3 Requests: {requests}\tS3 Received: {} KB\t",
                ms(cpu),
                received.div_ceil(1000)
            ));
        }
        match &self.end {
            Some(End::Timeout) => line.push_str("Status: timeout"),
            Some(End::Error(kind)) => line.push_str(&format!("Status: error\tError Type: {kind}")),
            None => {}
        }
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_read_as_lambdas() {
        let report = Usage {
            duration: Duration::from_micros(1234),
            init: Some(Duration::from_micros(29_014)),
            memory_mb: 2048,
            max_memory_bytes: 43 << 20,
            taken: None,
            end: None,
        };
        assert_eq!(
            report.line("id"),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 31 ms\tMemory Size: 2048 MB\t\
             Max Memory Used: 43 MB\tInit Duration: 29.01 ms\t\n"
        );
        let traffic = Traffic { requests: 12, received: 3_400 };
        let held =
            Usage { taken: Some(Taken { cpu: Duration::from_micros(5678), traffic }), init: None, ..report.clone() };
        assert!(held.line("id").ends_with("43 MB\tCPU: 5.68 ms\tS3 Requests: 12\tS3 Received: 4 KB\t\n"));
        let warm = Usage { init: None, duration: Duration::from_nanos(1), ..report };
        assert_eq!(warm.billed_ms(), 1);
    }

    #[test]
    fn logs_are_bounded_however_much_instances_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.log");
        let mut instances = [Written::open(&path).unwrap(), Written::open(&path).unwrap()];
        // Lines without an end, too.
        let much = vec![b'x'; LINE_MAX + 1];
        for n in 0..200 {
            let written = &mut instances[n % 2];
            written.take(&much);
            assert!(written.partial.len() <= LINE_MAX);
        }
        instances[0].line("the last\n");
        let most = FILE_MAX + 2 * LINE_MAX as u64;
        assert!(path.metadata().unwrap().len() <= most && before(&path).metadata().unwrap().len() <= most);
        assert_eq!(dir.path().read_dir().unwrap().count(), 2);
        assert!(fs::read_to_string(&path).unwrap().ends_with("the last\n"));
    }
}
