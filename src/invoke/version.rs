//! Which quackctl the function is of. One that another version put up answers as long as the wire protocol allows.

use std::sync::Once;

use quack_function::wire::Metadata;

use crate::console::context::Context;

/// This program's.
const OWN: &str = env!("CARGO_PKG_VERSION");

/// Says, once, that the function that answered is of another version.
pub(crate) fn tell(context: &Context, metadata: &Metadata) {
    static SAID: Once = Once::new();
    if let Some(difference) = difference(metadata.version.as_deref()) {
        SAID.call_once(|| context.say(format_args!("note: {difference}")));
    }
}

/// What to do where the function refuses an event of ours, or gives an answer that we do not know.
pub(super) fn help() -> String {
    format!(
        "the function is of another version than this quackctl, {OWN}: `quackctl up` puts this one's in its place, or install \
         the newer quackctl"
    )
}

/// How the version that a function tells, if it does, differs from this program's.
fn difference(told: Option<&str>) -> Option<String> {
    match told {
        Some(OWN) => None,
        Some(told) if numbers(told) > numbers(OWN) => {
            Some(format!("the function is of quackctl {told}, newer than this one, {OWN}: install {told}"))
        }
        told => {
            let told = told.unwrap_or("before 0.1.0");
            Some(format!("the function is of quackctl {told}, and this is {OWN}: `quackctl up` brings it up to date"))
        }
    }
}

/// A version's numbers, to be compared.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_function_is_not_to_be_replaced() {
        assert_eq!(difference(Some(OWN)), None);
        for older in [None, Some("0.0.9"), Some("0.0.100-beta.1"), Some("strange")] {
            assert!(difference(older).unwrap().contains("`quackctl up`"), "{older:?}");
        }
        for newer in ["0.100.0", "99.0.0-rc.1", "99"] {
            let told = difference(Some(newer)).unwrap();
            assert!(told.contains(&format!("install {newer}")) && !told.contains("quackctl up"), "{told}");
        }
    }
}
