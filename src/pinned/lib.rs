//! What quackctl is pinned to: DuckDB's own files, by version and SHA-256, and the cache that holds them. A crate of its own,
//! so that the build script, which needs DuckDB's library before anything is linked, and the program share it.

mod bind;
pub mod cache;
pub mod duckdb;
