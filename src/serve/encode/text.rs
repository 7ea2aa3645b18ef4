//! Values as PostgreSQL writes them. DuckDB's own text is the same but for a few types.

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{DataType, Field, IntervalMonthDayNanoType};
use quack_function::value::{write_json, write_text};
use std::fmt::Write as _;

use super::wire_type::Scalar;

/// Digits of a fraction of a second that PostgreSQL has.
const FRACTION: usize = 6;

/// Appends a value that is not NULL.
pub(super) fn write(out: &mut String, scalar: Scalar, field: &Field, array: &dyn Array, row: usize) {
    let start = out.len();
    match scalar {
        Scalar::Json => {
            let mut json = Vec::new();
            write_json(&mut json, field, array, row);
            return out.push_str(&String::from_utf8_lossy(&json));
        }
        Scalar::Interval if *array.data_type() == DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            return interval(out, value.months, value.days, value.nanoseconds / 1000);
        }
        Scalar::Bytea => {
            out.push_str("\\x");
            if let Some(bytes) = array.as_binary_opt::<i32>() {
                // Writing to a String cannot fail.
                bytes.value(row).iter().for_each(|byte| _ = write!(out, "{byte:02x}"));
            }
            return;
        }
        _ => write_text(out, field, array, row),
    }
    match scalar {
        Scalar::Bool => out.truncate(start + 1),
        Scalar::Float4 | Scalar::Float8 => float(out, start),
        // DuckDB leaves out the zero before the point.
        Scalar::Numeric => {
            let sign = usize::from(out[start..].starts_with('-'));
            if out[start + sign..].starts_with('.') {
                out.insert(start + sign, '0');
            }
        }
        Scalar::Date | Scalar::Timestamp | Scalar::TimestampTz | Scalar::Time => time(out, start),
        _ => {}
    }
}

fn float(out: &mut String, start: usize) {
    let text = match &out[start..] {
        "nan" => "NaN",
        "inf" => "Infinity",
        "-inf" => "-Infinity",
        text if text.ends_with(".0") => {
            out.truncate(out.len() - 2);
            return;
        }
        _ => return,
    };
    let text = text.to_owned();
    out.truncate(start);
    out.push_str(&text);
}

/// The mark of years before 1 goes to the end, and what PostgreSQL has no digits for goes away.
fn time(out: &mut String, start: usize) {
    if let Some(at) = out[start..].find('.') {
        let from = start + at + 1;
        let digits = out[from..].bytes().take_while(u8::is_ascii_digit).count();
        if digits > FRACTION {
            out.replace_range(from + FRACTION..from + digits, "");
            let kept = out[from..from + FRACTION].trim_end_matches('0').len();
            let zeros = if kept == 0 { from - 1 } else { from + kept };
            out.replace_range(zeros..from + FRACTION, "");
        }
    }
    if let Some(at) = out[start..].find(" (BC)") {
        out.replace_range(start + at..start + at + " (BC)".len(), "");
        out.push_str(" BC");
    }
}

/// As `IntervalStyle = postgres` has it: `1 year 2 mons 3 days 04:05:06.5`. Each part has a sign of its own.
fn interval(out: &mut String, months: i32, days: i32, micros: i64) {
    let start = out.len();
    for (count, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if count != 0 {
            let space = if out.len() > start { " " } else { "" };
            let plural = if count == 1 { "" } else { "s" };
            _ = write!(out, "{space}{count} {unit}{plural}");
        }
    }
    if micros != 0 || out.len() == start {
        let space = if out.len() > start { " " } else { "" };
        let sign = if micros < 0 { "-" } else { "" };
        let (seconds, rest) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        _ = write!(out, "{space}{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if rest != 0 {
            let fraction = format!("{rest:06}");
            _ = write!(out, ".{}", fraction.trim_end_matches('0'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_postgresql_writes_them() {
        let fixed = |text: &str| {
            let mut out = text.to_owned();
            time(&mut out, 0);
            out
        };
        assert_eq!(fixed("0044-03-15 (BC)"), "0044-03-15 BC");
        assert_eq!(fixed("0044-03-15 (BC) 10:00:00+00"), "0044-03-15 10:00:00+00 BC");
        assert_eq!(fixed("2019-01-01 10:00:00.123456789"), "2019-01-01 10:00:00.123456");
        assert_eq!(fixed("2019-01-01 10:00:00.120000789+00"), "2019-01-01 10:00:00.12+00");
        assert_eq!(fixed("2019-01-01 10:00:00.000000789"), "2019-01-01 10:00:00");
        let written = |months, days, micros| {
            let mut out = String::new();
            interval(&mut out, months, days, micros);
            out
        };
        assert_eq!(written(14, 3, 14_706_500_000), "1 year 2 mons 3 days 04:05:06.5");
        assert_eq!(written(-1, 1, -1), "-1 mons 1 day -00:00:00.000001");
        assert_eq!(written(0, 0, 0), "00:00:00");
    }
}
