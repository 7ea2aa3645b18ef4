//! Tests that cannot run here say so; where `CI=true`, they fail, so that nobody takes them for passed.

/// Says that a test of `what` is skipped, and why.
///
/// # Panics
/// With `CI=true`, unless `QUACK_TEST_MAY_SKIP`, a list with commas, names `what`.
pub(crate) fn skip(what: &str, why: &str) {
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    let may = set("QUACK_TEST_MAY_SKIP").split(',').any(|named| named.trim() == what);
    assert!(set("CI") != "true" || may, "{what} cannot be tested here: {why}");
    eprintln!("skipped: {what}: {why}");
}

#[test]
fn what_is_skipped_fails_where_nobody_looks() {
    let skips = |ci: &str, may: &str| {
        let test = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "support::skip::skips_something", "--ignored"])
            .envs([("CI", ci), ("QUACK_TEST_MAY_SKIP", may)])
            .output()
            .unwrap();
        test.status.success()
    };
    assert!(skips("", "") && skips("true", "other, something") && !skips("true", "other"));
}

#[test]
#[ignore = "run by the test above"]
fn skips_something() {
    skip("something", "it is never there");
}
