//! Dates, times and intervals, in DuckDB's own form and in ISO 8601.

use arrow::datatypes::TimeUnit;
use std::fmt::Write;

/// How a date or a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As JSON has it: `2019-04-01T12:30:00.500000`, years beyond four digits signed (`-000043`).
    Iso,
    /// As DuckDB's VARCHAR has it: `2019-04-01 12:30:00.5`, years before 1 marked `(BC)`.
    Duck,
}

const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A date as days since 1970-01-01. The ends of the range stand for infinities.
pub(crate) fn push_date(out: &mut String, days: i32, style: Style) {
    match days {
        i32::MAX => out.push_str("infinity"),
        days if days == -i32::MAX => out.push_str("-infinity"),
        days => push_days(out, i64::from(days), style),
    }
}

/// A timestamp as a count of `unit` since 1970-01-01T00:00:00; `zone` is written behind it.
pub(crate) fn push_timestamp(out: &mut String, value: i64, unit: TimeUnit, style: Style, zone: &str) {
    if value == i64::MAX || value == -i64::MAX {
        return out.push_str(if value > 0 { "infinity" } else { "-infinity" });
    }
    let per_second = per_second(unit);
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    push_days(out, seconds.div_euclid(SECONDS_PER_DAY), style);
    out.push(if style == Style::Iso { 'T' } else { ' ' });
    push_clock(out, seconds.rem_euclid(SECONDS_PER_DAY));
    push_fraction(out, fraction, unit, style);
    out.push_str(zone);
}

/// A time of day as a count of `unit` since midnight.
pub(crate) fn push_time(out: &mut String, value: i64, unit: TimeUnit, style: Style) {
    let per_second = per_second(unit);
    push_clock(out, value / per_second);
    push_fraction(out, value % per_second, unit, style);
}

/// A TIME WITH TIME ZONE: microseconds in the upper 40 bits, below them how far the offset lies under its greatest.
pub(crate) fn push_time_tz(out: &mut String, bits: u64, style: Style) {
    const MAX_OFFSET_SECONDS: i64 = 16 * 3600 - 1;
    push_time(out, (bits >> 24) as i64, TimeUnit::Microsecond, style);
    let offset = MAX_OFFSET_SECONDS - (bits & 0xff_ffff) as i64;
    let (sign, offset) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    let (hours, minutes, seconds) = (offset / 3600, offset / 60 % 60, offset % 60);
    let _ = write!(out, "{sign}{hours:02}");
    // DuckDB leaves zero minutes out even before seconds.
    if minutes != 0 || style == Style::Iso {
        let _ = write!(out, ":{minutes:02}");
    }
    if seconds != 0 {
        let _ = write!(out, ":{seconds:02}");
    }
}

/// An interval, as DuckDB writes it: `1 year 2 months 3 days 04:05:06.5`.
pub(crate) fn push_interval(out: &mut String, months: i32, days: i32, nanos: i64) {
    let start = out.len();
    for (count, unit) in [(months / 12, "year"), (months % 12, "month"), (days, "day")] {
        if count != 0 {
            let plural = if count.abs() == 1 { "" } else { "s" };
            let space = if out.len() > start { " " } else { "" };
            let _ = write!(out, "{space}{count} {unit}{plural}");
        }
    }
    let micros = nanos / 1000;
    if micros != 0 || out.len() == start {
        if out.len() > start {
            out.push(' ');
        }
        if micros < 0 {
            out.push('-');
        }
        let micros = micros.abs();
        push_clock(out, micros / 1_000_000);
        push_fraction(out, micros % 1_000_000, TimeUnit::Microsecond, Style::Duck);
    }
}

fn per_second(unit: TimeUnit) -> i64 {
    NANOS_PER_SECOND / nanos_per(unit)
}

fn nanos_per(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => NANOS_PER_SECOND,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

fn push_days(out: &mut String, days: i64, style: Style) {
    let (year, month, day) = civil(days);
    if (1..=9999).contains(&year) {
        push_pair(out, year / 100);
        push_pair(out, year % 100);
        out.push('-');
        push_pair(out, month);
        out.push('-');
        return push_pair(out, day);
    }
    let _ = match style {
        Style::Iso if (0..=9999).contains(&year) => write!(out, "{year:04}-{month:02}-{day:02}"),
        Style::Iso => write!(out, "{year:+07}-{month:02}-{day:02}"),
        Style::Duck if year > 0 => write!(out, "{year:04}-{month:02}-{day:02}"),
        Style::Duck => write!(out, "{:04}-{month:02}-{day:02} (BC)", 1 - year),
    };
}

fn push_clock(out: &mut String, seconds: i64) {
    push_pair(out, seconds / 3600);
    out.push(':');
    push_pair(out, seconds / 60 % 60);
    out.push(':');
    push_pair(out, seconds % 60);
}

/// A number with two digits at least.
fn push_pair(out: &mut String, number: i64) {
    match u8::try_from(number) {
        Ok(number) if number < 100 => {
            out.push(char::from(b'0' + number / 10));
            out.push(char::from(b'0' + number % 10));
        }
        _ => _ = write!(out, "{number:02}"),
    }
}

fn push_fraction(out: &mut String, fraction: i64, unit: TimeUnit, style: Style) {
    if fraction == 0 {
        return;
    }
    let width = match unit {
        TimeUnit::Second => return,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let _ = write!(out, ".{fraction:0width$}");
    if style == Style::Duck {
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar, where the year 0 is 1 BC.
/// Howard Hinnant's algorithm: the years run from March to February, in eras of 400.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn dates() {
        let date = |days, style| text(|out| push_date(out, days, style));
        assert_eq!(date(0, Style::Iso), "1970-01-01");
        assert_eq!(date(17_987, Style::Iso), "2019-04-01");
        assert_eq!(date(11_016, Style::Iso), "2000-02-29");
        assert_eq!(date(-719_528, Style::Iso), "0000-01-01");
        assert_eq!(date(-719_529, Style::Iso), "-000001-12-31");
        assert_eq!(date(-719_529, Style::Duck), "0002-12-31 (BC)");
        assert_eq!(date(5_000_000, Style::Iso), "+015659-07-15");
        assert_eq!(date(i32::MAX, Style::Iso), "infinity");
        assert_eq!(date(-i32::MAX, Style::Duck), "-infinity");
    }

    #[test]
    fn timestamps() {
        let stamp = |value, unit, style| text(|out| push_timestamp(out, value, unit, style, ""));
        assert_eq!(stamp(1_500_000, TimeUnit::Microsecond, Style::Iso), "1970-01-01T00:00:01.500000");
        assert_eq!(stamp(1_500_000, TimeUnit::Microsecond, Style::Duck), "1970-01-01 00:00:01.5");
        assert_eq!(stamp(-1, TimeUnit::Nanosecond, Style::Iso), "1969-12-31T23:59:59.999999999");
        assert_eq!(stamp(-1, TimeUnit::Second, Style::Iso), "1969-12-31T23:59:59");
        assert_eq!(stamp(i64::MAX, TimeUnit::Second, Style::Iso), "infinity");
    }

    #[test]
    fn intervals() {
        let interval = |months, days, nanos| text(|out| push_interval(out, months, days, nanos));
        assert_eq!(interval(0, 0, 0), "00:00:00");
        assert_eq!(interval(14, 1, 0), "1 year 2 months 1 day");
        assert_eq!(interval(-14, -2, -1_500_000_000), "-1 year -2 months -2 days -00:00:01.5");
        assert_eq!(interval(0, 0, 3_600_000_000_000_000), "1000:00:00");
    }
}
