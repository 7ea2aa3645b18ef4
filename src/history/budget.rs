//! The month's budget. What was spent is read from the log, once a minute at most, and what this project's folder has spent
//! since is added to it; both are kept beside the stage's record. Who calls the function by other means than quackctl is counted,
//! and not held up.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Once;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::month;
use crate::cloud::{self, LogOf};
use crate::console::context::Context;
use crate::error::{failure, noted};
use crate::invoke::cost::{Report, dollars};
use crate::private;

/// How long it is relied on what the log said.
const LOOK_EVERY_MS: i64 = 60_000;

/// How long it is waited for another command that changes what is kept.
const LOCKED_WITHIN: Duration = Duration::from_secs(2);

/// How late a line may come into the log.
const LATE_MS: i64 = 30_000;

/// What has been spent in a month.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Spent {
    /// The first moment of the month, milliseconds since the Unix epoch.
    month_ms: i64,
    /// Up to when the log was read, and what it says until then, US dollars.
    until_ms: i64,
    logged_usd: f64,
    /// When the log was last looked at.
    looked_ms: i64,
    /// What was spent from here, by the second, as far as the log may not have it yet.
    own: BTreeMap<i64, f64>,
}

/// Looks whether there is money left, before an invocation. Without a budget, that is so.
///
/// # Errors
/// A hard budget that is used up, or of which it cannot be told.
pub(crate) async fn check(context: &Context) -> Result<()> {
    static SAID: Once = Once::new();
    let Some(budget) = context.config.budget else { return Ok(()) };
    let spent = match spent(context).await {
        Ok(spent) => spent,
        Err(error) if budget.hard => return Err(noted(&error, "whether the month's budget is used up is not known")),
        Err(error) => {
            SAID.call_once(|| context.say(format!("note: what was spent this month is not known: {error:#}")));
            return Ok(());
        }
    };
    if spent < budget.usd_month {
        return Ok(());
    }
    let words = format!(
        "this month's queries have cost {}, and the budget is {} (cost.budget_usd_month)",
        dollars(spent),
        dollars(budget.usd_month)
    );
    if budget.hard {
        return Err(failure(
            format!("{words} (SQLSTATE 53400)"),
            format!("raise it in quack.toml, or wait for {}", month::next(Utc::now())),
        ));
    }
    SAID.call_once(|| context.say(format!("note: {words}")));
    Ok(())
}

/// Takes note of what an invocation from here has cost.
pub(crate) fn note(context: &Context, cost_usd: Option<f64>) {
    let (Some(cost_usd), Some(_)) = (cost_usd, context.config.budget) else { return };
    // What is not noted, the log tells within a minute.
    let _ = changed(context, |spent| *spent.own.entry(Utc::now().timestamp()).or_default() += cost_usd);
}

/// US dollars spent this month, as far as it is known here.
async fn spent(context: &Context) -> Result<f64> {
    let now = Utc::now();
    let (now_ms, month_ms) = (now.timestamp_millis(), month::first(now).timestamp_millis());
    // Only one looks; others go by what was known, if anything was.
    let (spent, looks) = changed(context, |spent| {
        if spent.month_ms != month_ms {
            *spent = Spent { month_ms, until_ms: month_ms, ..Spent::default() };
        }
        let looks = now_ms - spent.looked_ms >= LOOK_EVERY_MS || spent.until_ms == month_ms;
        if looks {
            spent.looked_ms = now_ms;
        }
        (spent.clone(), looks)
    })?;
    if !looks {
        return Ok(spent.total());
    }
    let until_ms = (now_ms - LATE_MS).max(spent.until_ms);
    let logged = match logged(context, spent.until_ms, until_ms).await {
        Ok(logged) => logged,
        Err(error) => {
            let _ = changed(context, |spent| spent.looked_ms = 0);
            return Err(error);
        }
    };
    let before_ms = spent.until_ms;
    changed(context, |spent| {
        // Another may have looked, too.
        if spent.until_ms == before_ms {
            spent.logged_usd += logged;
            spent.until_ms = until_ms;
        }
        spent.own.retain(|second, _| second * 1000 > until_ms);
        spent.total()
    })
}

impl Spent {
    /// Whether it may be what was kept: nothing in it is of the future, or negative.
    fn is_sound(&self) -> bool {
        let now_ms = Utc::now().timestamp_millis();
        let times = [self.month_ms, self.until_ms, self.looked_ms].into_iter();
        let mut amounts = self.own.values().chain([&self.logged_usd]);
        times.chain(self.own.keys().map(|second| second.saturating_mul(1000))).all(|time| (0..=now_ms).contains(&time))
            && amounts.all(|amount| amount.is_finite() && *amount >= 0.0)
    }

    fn total(&self) -> f64 {
        self.logged_usd + self.own.values().sum::<f64>()
    }
}

/// What the log has from `after_ms` to `until_ms`, US dollars.
async fn logged(context: &Context, after_ms: i64, until_ms: i64) -> Result<f64> {
    let arch = context.config.function_arch()?;
    let since = Duration::from_millis(u64::try_from(Utc::now().timestamp_millis() - after_ms).unwrap_or(0));
    let mut usd = 0.0;
    cloud::logs(context, LogOf::Engine, Some(since), false, |line| {
        if line.time_ms.is_some_and(|time_ms| time_ms > after_ms && time_ms <= until_ms)
            && let Some(report) = str::from_utf8(line.text).ok().and_then(Report::find_in)
        {
            usd += report.cost_usd(arch);
        }
        Ok(())
    })
    .await?;
    Ok(usd)
}

/// Changes what is kept, which nobody else does meanwhile.
fn changed<T>(context: &Context, change: impl FnOnce(&mut Spent) -> T) -> Result<T> {
    let path = context.config.beside_record("spent.json");
    let change = || -> io::Result<T> {
        path.parent().map_or(Ok(()), private::dir)?;
        // What somebody has put there is not followed, nor waited for.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags.bits().cast_signed());
        let mut file = options.open(&path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        locked(&file)?;
        let before = kept(&mut file)?;
        let mut spent = before.clone();
        let told = change(&mut spent);
        if spent != before {
            let text = serde_json::to_vec(&spent)?;
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&text)?;
        }
        Ok(told)
    };
    change().with_context(|| format!("cannot keep what was spent in {}", path.display()))
}

/// Locks the file, for which another command is waited a little while.
fn locked(file: &File) -> io::Result<()> {
    let until = Instant::now() + LOCKED_WITHIN;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() > until => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another program has it locked"));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// What the file holds; nothing where it is damaged: the log is read again then.
fn kept(file: &mut File) -> io::Result<Spent> {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(error),
        _ => Ok(serde_json::from_str(&text).ok().filter(Spent::is_sound).unwrap_or_default()),
    }
}
