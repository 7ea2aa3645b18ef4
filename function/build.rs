//! Tells the linker where `bootstrap` finds DuckDB's library at run time.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    // In the artifact: beside the executable.
    println!("cargo:rustc-link-arg-bins=-Wl,-rpath,$ORIGIN/lib");
    // In development: where it was linked. A release artifact names no folder of the machine that built it.
    if env::var("PROFILE").is_ok_and(|profile| profile == "debug")
        && let Ok(dir) = env::var("DUCKDB_LIB_DIR")
    {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{dir}");
    }
}
