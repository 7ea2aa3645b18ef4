//! A body in AWS's chunks: the object is what was sent, or what it was before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quackctl::fuzz::Targets;

thread_local! {
    static TARGETS: Targets = Targets::new().expect("there is a temporary folder");
}

fuzz_target!(|bytes: &[u8]| {
    TARGETS.with(|targets| targets.chunked(bytes));
});
