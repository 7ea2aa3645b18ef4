//! Passwords, asked for.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Result;

/// The password: typed where nobody sees it, or the first line of standard input.
///
/// # Errors
/// An input that cannot be read.
pub(super) fn read(name: &str) -> Result<String> {
    let stdin = std::io::stdin();
    let hidden = stdin.is_terminal().then(|| Hidden::of(&stdin)).flatten();
    if hidden.is_some() {
        let mut stderr = std::io::stderr();
        write!(stderr, "password of `{name}`: ")?;
        stderr.flush()?;
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    if hidden.is_some() {
        writeln!(std::io::stderr())?;
    }
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(rustix::termios::Termios);

impl Hidden {
    fn of(stdin: &std::io::Stdin) -> Option<Self> {
        let before = rustix::termios::tcgetattr(stdin).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(stdin, rustix::termios::OptionalActions::Now, &quiet).ok()?;
        Some(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}
