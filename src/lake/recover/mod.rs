//! What was lost, brought back: earlier catalogs, and tables with their files, from the versions that the bucket keeps.

mod difference;
mod files;
pub(crate) mod history;
pub(crate) mod restore;
#[cfg(test)]
mod tests;
mod versions;
