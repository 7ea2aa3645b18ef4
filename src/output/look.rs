//! How the output is looked at.

/// How the output is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// Columns of the terminal: tables are fitted to it. `None` where there is no terminal, and nothing is cut.
    pub width: Option<usize>,
    /// A person looks at it: what a terminal would obey is shown instead.
    pub terminal: bool,
    /// NULLs and types dim.
    pub color: bool,
    /// The output can be read from its end: Arrow goes out as a file rather than as a stream.
    pub seekable: bool,
    /// In the shell, which has commands where the command line has options.
    pub shell: bool,
}
