//! The account's quotas that a stage may meet.

use indicatif::HumanBytes;

use super::super::errors::explain;
use super::super::session::Session;
use crate::check::{Check, State};
use crate::config::{Config, PackageKind};

/// Instances that AWS leaves to functions without a reservation.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>.
const UNRESERVABLE: i64 = 100;

/// What a zip of the function with all its extensions may take, bytes.
const CODE: i64 = 250_000_000;

const INCREASE: &str = "ask for more: https://console.aws.amazon.com/servicequotas/home/services/lambda/quotas";

/// Concurrency and space for code.
pub(super) async fn check(config: &Config, session: &Session) -> Vec<Check> {
    let settings = match session.lambda.get_account_settings().send().await {
        Ok(settings) => settings,
        Err(error) => {
            let error = explain(error, "read the quotas of Lambda (lambda:GetAccountSettings)");
            return vec![Check::error("quotas", State::Warn, &error)];
        }
    };
    let (Some(limit), Some(usage)) = (settings.account_limit(), settings.account_usage()) else {
        return vec![Check::warn("quotas", "AWS told none", "see them in the console: Service Quotas")];
    };
    let total = i64::from(limit.concurrent_executions());
    let unreserved = limit.unreserved_concurrent_executions().map_or(total, i64::from);
    let mut checks = vec![concurrency(config, total, unreserved)];
    if config.package == PackageKind::Zip {
        checks.push(storage(limit.total_code_size() - usage.total_code_size()));
    }
    checks
}

fn concurrency(config: &Config, total: i64, unreserved: i64) -> Check {
    let name = "concurrency";
    let wanted = i64::from(config.concurrency);
    let found = format!("{unreserved} of the account's {total} function instances at once are free to all");
    match config.aws.reserved_concurrency.map(i64::from) {
        // A stage that is up has its own already.
        Some(reserved) if reserved > unreserved - UNRESERVABLE => Check::warn(
            name,
            format!("{found}; aws.reserved_concurrency is {reserved}, and AWS keeps {UNRESERVABLE} free"),
            format!("unless the stage has them already, leave the setting away or {INCREASE}"),
        ),
        Some(reserved) if reserved < wanted => Check::warn(
            name,
            format!("function.concurrency is {wanted}, aws.reserved_concurrency only {reserved}"),
            "make them equal: more queries at once than reserved are refused",
        ),
        None if wanted > unreserved => {
            Check::warn(name, format!("{found}; function.concurrency is {wanted}"), format!("lower it, or {INCREASE}"))
        }
        _ => Check::ok(name, found),
    }
}

fn storage(free: i64) -> Check {
    let name = "code storage";
    let detail = format!("{} free", HumanBytes(free.max(0).unsigned_abs()));
    match free {
        ..CODE => Check::warn(name, detail, format!("delete old functions and versions, or {INCREASE}")),
        _ => Check::ok(name, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::aws::doctor::testing::config;

    #[test]
    fn a_new_account_has_fewer_instances_than_a_stage_wants() {
        let plain = config("");
        assert_eq!(concurrency(&plain, 1000, 900).state, State::Ok);
        let small = concurrency(&plain, 10, 10);
        assert_eq!(small.state, State::Warn);
        assert!(
            small.detail.contains("10 of the account's 10") && small.detail.contains("concurrency is 16"),
            "{small}"
        );
        let reserving = config("[aws]\nreserved_concurrency = 50\n");
        assert_eq!(concurrency(&reserving, 1000, 1000).state, State::Ok);
        assert_eq!(concurrency(&reserving, 1000, 149).state, State::Warn);
        let tight = config("[aws]\nreserved_concurrency = 8\n");
        assert!(concurrency(&tight, 1000, 1000).detail.contains("only 8"));
        assert_eq!((storage(CODE).state, storage(CODE - 1).state), (State::Ok, State::Warn));
    }
}
