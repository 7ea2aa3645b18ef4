//! SQL as text: the tokenizer passes over all of it, types and COPY statements are read or refused, and what was read is
//! written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quack_function::copy::CopyStatement;
use quack_function::sql::Tokens;
use quack_function::sql_type::SqlType;

fuzz_target!(|text: &str| {
    let mut end = 0;
    for (token, after) in Tokens::new(text) {
        assert!(after > end && text.is_char_boundary(after), "tokens go forward");
        end = after;
        let _ = token.name();
    }
    if let Ok(parsed) = SqlType::parse(text) {
        let written = parsed.to_string();
        let again = SqlType::parse(&written).expect("a type that was written can be read");
        assert_eq!(again.to_string(), written);
    }
    let _ = CopyStatement::parse(text);
});
