//! `quackctl serve` and `quackctl dash`, started for a test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};

use super::Project;

/// One of them on a port of its own, until this is dropped.
pub(crate) struct Server {
    pub child: Child,
    pub port: u16,
    said: BufReader<ChildStderr>,
}

impl Server {
    pub(crate) fn start(project: &Project, more: &[&str]) -> Self {
        Self::of("serve", project, more)
    }

    pub(crate) fn of(command: &str, project: &Project, more: &[&str]) -> Self {
        let arguments = [command, "--listen", "127.0.0.1:0"];
        let mut command = project.process(arguments.iter().chain(more).copied());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let behind = line.split("127.0.0.1:").nth(1).unwrap_or_default();
        let port = behind.split(|c: char| !c.is_ascii_digit()).next().and_then(|port| port.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("{line}")), said }
    }

    /// Asks it to end, and waits; what it said.
    pub(crate) fn end(mut self) -> String {
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = self.child.wait().unwrap();
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        assert!(ended.success(), "{ended}: {said}");
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
