//! Ages, as options take them.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

/// The longest age: calendars end somewhere.
const YEARS_MAX: u16 = 1000;

/// An age: a whole number and its unit.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let wrong = || "write a whole number and s, m, h, d or w, e.g. 15m".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let most = u64::from(YEARS_MAX) * 365 * 86_400;
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds <= most);
    seconds.map(Duration::from_secs).ok_or_else(|| format!("that is longer than {YEARS_MAX} years"))
}

/// An age, or the moment that was so long ago: a day, in UTC, or a time with its zone.
pub(super) fn since(text: &str) -> Result<Duration, String> {
    since_at(text, Utc::now())
}

fn since_at(text: &str, now: DateTime<Utc>) -> Result<Duration, String> {
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|day| day.and_utc());
    let moment = || DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc());
    match day().or_else(moment) {
        Some(moment) => (now - moment).to_std().map_err(|_| "that is yet to come".to_owned()),
        None => age(text).map_err(|error| format!("{error}; or a day, e.g. 2026-11-01, or 2026-11-01T09:30:00Z")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_days_and_moments() {
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        let hours = |hours: u64| Ok(Duration::from_secs(hours * 3600));
        for (text, age) in [
            ("90m", Ok(Duration::from_secs(5400))),
            ("2w", hours(336)),
            ("2026-11-27", hours(12)),
            ("2026-11-26T14:00:00+02:00", hours(24)),
            ("2026-11-28", Err("that is yet to come".to_owned())),
        ] {
            assert_eq!(since_at(text, now), age, "{text}");
        }
        for text in
            ["", "d", "1.5d", "-1d", "2026-13-01", "99999999999999999999w", "18446744073709551615w", "999999999d"]
        {
            assert!(since_at(text, now).is_err(), "{text}");
        }
    }
}
