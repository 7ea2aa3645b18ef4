//! Where rows go, by its name: what cannot be written is told with the place that it was for.

use std::io::{self, Write};

/// What standard output is called.
pub(crate) const STDOUT: &str = "standard output";

/// A writer whose errors name it; they stay of their kind.
pub(crate) struct Named<'a, W> {
    out: W,
    name: &'a str,
}

impl<'a, W: Write> Named<'a, W> {
    pub(crate) fn new(out: W, name: &'a str) -> Self {
        Self { out, name }
    }
}

impl<W: Write> Write for Named<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).map_err(|error| cannot_write(self.name, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|error| cannot_write(self.name, &error))
    }
}

/// The error, which says what could not be written.
pub(super) fn cannot_write(name: &str, error: &io::Error) -> io::Error {
    match error.kind() {
        // Is taken for what it is by those who write on.
        io::ErrorKind::Interrupted => io::ErrorKind::Interrupted.into(),
        kind => io::Error::new(kind, format!("cannot write {name}: {error}")),
    }
}
