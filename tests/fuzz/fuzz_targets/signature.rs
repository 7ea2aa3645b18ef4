//! A request to the local S3 or Lambda: let in when AWS's own signer signed it, and not when anything was changed after.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quackctl::fuzz::Targets;

thread_local! {
    static TARGETS: Targets = Targets::new().expect("there is a temporary folder");
}

fuzz_target!(|bytes: &[u8]| {
    TARGETS.with(|targets| targets.signature(bytes));
});
