//! A line of a function's log, and whose log it is.

/// Whose log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogOf {
    /// The function that runs queries.
    Engine,
    /// The page function.
    Pages,
}

/// A line as it was logged, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogLine<'a> {
    /// When it was logged, milliseconds since the Unix epoch; nothing where the log does not tell.
    pub time_ms: Option<i64>,
    pub text: &'a [u8],
}
