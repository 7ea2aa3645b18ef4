//! What an invocation carries: an event or an error that says what is wrong, and table definitions that are SQL of ours or
//! refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quack_function::event;
use quack_function::wire::Response;

fuzz_target!(|text: &str| {
    match event::parse(text) {
        Ok(event) => {
            for table in &event.tables {
                let _ = table.view_sql();
            }
            if let Some(into) = &event.into {
                let _ = into.to_sql();
            }
            let written = serde_json::to_string(&event).expect("an event that was read can be written");
            event::parse(&written).expect("and read again");
        }
        Err(failure) => assert!(failure.error_type.starts_with("Quack."), "{failure}"),
    }
    // What a function answers is read by the same rules.
    let _ = serde_json::from_str::<Response>(text);
});
