//! What an answer is kept under: whatever it depends on has a part in it, so that no answer is shown that another run would not give.

use quack_function::wire::Params;
use quack_page::site::Engine;
use sha2::{Digest as _, Sha256};

use crate::catalog::Reads;

/// What kind of thing is kept.
const KIND: &str = "2";

/// The key of an answer in that form, which is a content type, or what else is kept: 64 hexadecimal digits.
pub(crate) fn key(engine: &Engine, form: &str, sql: &str, params: &Params, reads: &Reads) -> String {
    let mut hasher = Sha256::new();
    // Each part with its length before it: no two lists of parts are the same bytes.
    let mut part = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    [KIND, env!("CARGO_PKG_VERSION"), &engine.version, form, sql].into_iter().for_each(&mut part);
    part(&params.len().to_string());
    for (name, value) in params {
        part(name);
        part(if value.is_some() { "is" } else { "null" });
        part(value.as_deref().unwrap_or_default());
    }
    for (name, snapshot) in &reads.relations {
        part(name);
        part(snapshot);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use quack_page::form::Form;

    use super::*;

    fn of(sql: &str, params: &[(&str, Option<&str>)], relations: &[(&str, &str)]) -> String {
        let engine = Engine { version: "v1".into(), timeout_s: 1, gb_second_usd: 0.0, request_usd: 0.0 };
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        let relations = relations.iter().map(|(name, at)| ((*name).to_owned(), (*at).to_owned())).collect();
        key(&engine, Form::Arrow.content_type(), sql, &params, &Reads { relations, ..Reads::default() })
    }

    #[test]
    fn whatever_an_answer_depends_on_makes_another_key() {
        let all = [
            of("SELECT 1", &[], &[]),
            of("SELECT 2", &[], &[]),
            of("SELECT 1", &[("a", Some("1"))], &[]),
            of("SELECT 1", &[("a", Some("2"))], &[]),
            of("SELECT 1", &[("a", Some(""))], &[]),
            of("SELECT 1", &[("a", None)], &[]),
            of("SELECT 1", &[("a1", None)], &[]),
            of("SELECT 1", &[("user", Some("ann"))], &[]),
            of("SELECT 1", &[("user", Some("bea"))], &[]),
            of("SELECT 1", &[], &[("a", "is")]),
            of("SELECT 1", &[], &[("t", "1")]),
            of("SELECT 1", &[], &[("t", "2")]),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(of("SELECT 1", &[("a", None)], &[("t", "1")]), of("SELECT 1", &[("a", None)], &[("t", "1")]));
        assert!(all.iter().all(|key| key.len() == 64));
        let engine = Engine { version: "v1".into(), timeout_s: 1, gb_second_usd: 0.0, request_usd: 0.0 };
        let reads = Reads::default();
        assert_ne!(key(&engine, Form::Csv.content_type(), "SELECT 1", &Params::new(), &reads), all[0]);
    }
}
