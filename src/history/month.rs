//! Calendar months, those of UTC.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};

/// The first moment of the month that `now` is in.
pub(super) fn first(now: DateTime<Utc>) -> DateTime<Utc> {
    let first = NaiveDate::from_ymd_opt(now.year(), now.month(), 1).and_then(|day| day.and_hms_opt(0, 0, 0));
    first.map_or(now, |first| first.and_utc())
}

/// The first day of the month after that which `now` is in.
pub(super) fn next(now: DateTime<Utc>) -> NaiveDate {
    // 32 days after a first is always the month after.
    let inside = first(now) + chrono::Duration::days(32);
    first(inside).date_naive()
}

/// How long ago the month began.
pub(crate) fn since_its_first() -> Duration {
    let now = Utc::now();
    (now - first(now)).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_on_their_first() {
        for (now, begins, ends) in [
            ("2026-01-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-02-01"),
            ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01"),
            ("2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01"),
        ] {
            let now: DateTime<Utc> = now.parse().unwrap();
            assert_eq!(first(now), begins.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(next(now).to_string(), ends);
        }
    }
}
