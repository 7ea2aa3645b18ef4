//! A catalog that somebody put into the bucket: taken whole or refused, and a plan names no file that is not of the table.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quackctl::fuzz::Targets;

thread_local! {
    static TARGETS: Targets = Targets::new().expect("there is a temporary folder");
}

fuzz_target!(|bytes: &[u8]| {
    TARGETS.with(|targets| targets.catalog(bytes));
});
