//! An answer of somebody in the function's place: a response, its Arrow stream, its Parquet file, and what is merged of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quackctl::fuzz::Targets;

thread_local! {
    static TARGETS: Targets = Targets::new().expect("there is a temporary folder");
}

fuzz_target!(|bytes: &[u8]| {
    TARGETS.with(|targets| targets.answer(bytes));
});
