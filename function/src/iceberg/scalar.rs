//! Single values: as DuckDB writes them as text, as Iceberg keeps bounds in binary, as Avro has partition values.
//!
//! Source: Iceberg's specification, appendix D (single-value serialization) and appendix A (Avro).

use crate::sql_type::SqlType;
use crate::value::number::{push_decimal, push_float};
use crate::value::temporal::{Style, push_date, push_time, push_timestamp};
use arrow::datatypes::TimeUnit;

/// How values of a type are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    /// Digits in all, and after the point.
    Decimal {
        width: u8,
        scale: u8,
    },
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Text,
    Uuid,
}

/// A value; those of one kind are in their order.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Scalar {
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal(i128),
    Text(String),
    Uuid(u128),
}

impl Kind {
    /// How values of `sql_type` are kept, if they have an order which is that of what is kept; that of an ENUM is none of texts.
    pub fn of(sql_type: &SqlType) -> Option<Self> {
        Some(match sql_type {
            SqlType::Decimal { width, scale } => Self::Decimal { width: *width, scale: *scale },
            SqlType::Plain(name) => match *name {
                "BOOLEAN" => Self::Boolean,
                "TINYINT" | "SMALLINT" | "INTEGER" | "UTINYINT" | "USMALLINT" => Self::Int,
                // Others read 64 bits without a sign as such with one, and refuse what does not fit.
                "BIGINT" | "UINTEGER" | "UBIGINT" => Self::Long,
                "HUGEINT" | "UHUGEINT" => Self::Decimal { width: 38, scale: 0 },
                "FLOAT" => Self::Float,
                "DOUBLE" => Self::Double,
                "DATE" => Self::Date,
                "TIME" => Self::Time,
                "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" => Self::Timestamp,
                "TIMESTAMP WITH TIME ZONE" => Self::TimestampTz,
                "VARCHAR" => Self::Text,
                "UUID" => Self::Uuid,
                _ => return None,
            },
            _ => return None,
        })
    }
}

impl Scalar {
    /// Reads what DuckDB wrote; `None` for what cannot be kept: NaN, more digits than there may be.
    pub fn of_text(kind: Kind, text: &str) -> Option<Self> {
        Some(match kind {
            Kind::Boolean => Self::Boolean(text.parse().ok()?),
            Kind::Int => Self::Int(text.parse().ok()?),
            Kind::Long => Self::Long(text.parse().ok()?),
            Kind::Float => Self::Float(text.parse().ok().filter(|value: &f32| !value.is_nan())?),
            Kind::Double => Self::Double(text.parse().ok().filter(|value: &f64| !value.is_nan())?),
            Kind::Decimal { width, scale } => Self::Decimal(decimal(text, width, scale)?),
            Kind::Date => Self::Int(match text {
                "infinity" => i32::MAX,
                "-infinity" => -i32::MAX,
                text => i32::try_from(days(text)?).ok()?,
            }),
            Kind::Time => Self::Long(clock(text)?),
            Kind::Timestamp => Self::Long(timestamp(text)?),
            Kind::TimestampTz => Self::Long(timestamp(text.strip_suffix("+00").unwrap_or(text))?),
            Kind::Text => Self::Text(text.to_owned()),
            Kind::Uuid => Self::Uuid(u128::from_str_radix(&text.replace('-', ""), 16).ok()?),
        })
    }

    /// The value as DuckDB would write it.
    pub fn text(&self, kind: Kind) -> String {
        let mut out = String::new();
        match (self, kind) {
            (Self::Int(days), Kind::Date) => push_date(&mut out, *days, Style::Duck),
            (Self::Long(micros), Kind::Time) => push_time(&mut out, *micros, TimeUnit::Microsecond, Style::Duck),
            (Self::Long(micros), Kind::Timestamp) => {
                push_timestamp(&mut out, *micros, TimeUnit::Microsecond, Style::Duck, "");
            }
            (Self::Long(micros), Kind::TimestampTz) => {
                push_timestamp(&mut out, *micros, TimeUnit::Microsecond, Style::Duck, "+00");
            }
            (Self::Decimal(unscaled), Kind::Decimal { scale, .. }) => {
                push_decimal(&mut out, *unscaled, scale.cast_signed(), false);
            }
            (Self::Boolean(value), _) => out.push_str(if *value { "true" } else { "false" }),
            (Self::Int(value), _) => out = value.to_string(),
            (Self::Long(value), _) => out = value.to_string(),
            (Self::Float(value), _) => push_float(&mut out, *value),
            (Self::Double(value), _) => push_float(&mut out, *value),
            (Self::Decimal(value), _) => out = value.to_string(),
            (Self::Text(text), _) => out.push_str(text),
            (Self::Uuid(value), _) => {
                let digits = format!("{value:032x}");
                let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
                out = parts.join("-");
            }
        }
        out
    }

    /// Reads a bound; `None` where it is none of the kind.
    pub fn of_binary(kind: Kind, bytes: &[u8]) -> Option<Self> {
        Some(match kind {
            Kind::Boolean => Self::Boolean(*bytes.first()? != 0),
            Kind::Int | Kind::Date => Self::Int(i32::from_le_bytes(bytes.try_into().ok()?)),
            // A column that was widened keeps the bounds of its older files.
            Kind::Long if bytes.len() == 4 => Self::Long(i32::from_le_bytes(bytes.try_into().ok()?).into()),
            Kind::Long | Kind::Time | Kind::Timestamp | Kind::TimestampTz => {
                Self::Long(i64::from_le_bytes(bytes.try_into().ok()?))
            }
            Kind::Float => Self::Float(f32::from_le_bytes(bytes.try_into().ok()?)),
            Kind::Double if bytes.len() == 4 => Self::Double(f32::from_le_bytes(bytes.try_into().ok()?).into()),
            Kind::Double => Self::Double(f64::from_le_bytes(bytes.try_into().ok()?)),
            Kind::Decimal { .. } => {
                let first = bytes.first().filter(|_| bytes.len() <= 16)?;
                let mut whole = [if first & 0x80 == 0 { 0 } else { 0xff }; 16];
                whole[16 - bytes.len()..].copy_from_slice(bytes);
                Self::Decimal(i128::from_be_bytes(whole))
            }
            Kind::Text => Self::Text(std::str::from_utf8(bytes).ok()?.to_owned()),
            Kind::Uuid => Self::Uuid(u128::from_be_bytes(bytes.try_into().ok()?)),
        })
    }

    /// The value as bounds have it.
    pub fn binary(&self) -> Vec<u8> {
        match self {
            Self::Boolean(value) => vec![u8::from(*value)],
            Self::Int(value) => value.to_le_bytes().to_vec(),
            Self::Long(value) => value.to_le_bytes().to_vec(),
            Self::Float(value) => value.to_le_bytes().to_vec(),
            Self::Double(value) => value.to_le_bytes().to_vec(),
            Self::Decimal(value) => {
                let bytes = value.to_be_bytes();
                let sign = if *value < 0 { 0xff } else { 0 };
                // As few bytes as keep the sign.
                let mut from = 0;
                while from < 15 && bytes[from] == sign && (bytes[from + 1] & 0x80 == sign & 0x80) {
                    from += 1;
                }
                bytes[from..].to_vec()
            }
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Uuid(value) => value.to_be_bytes().to_vec(),
        }
    }
}

/// Bytes that hold a decimal of so many digits: what Avro's `fixed` has.
pub fn decimal_bytes(width: u8) -> usize {
    (1..=16)
        .find(|bytes| 10_i128.checked_pow(width.into()).is_some_and(|most| most >> (8 * bytes - 1) == 0))
        .unwrap_or(16)
}

fn decimal(text: &str, width: u8, scale: u8) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    let all = format!("{whole}{fraction}{}", "0".repeat(missing));
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i128 = all.parse().ok()?;
    let fits = 10_i128.checked_pow(width.into()).is_none_or(|end| value < end);
    fits.then_some(if negative { -value } else { value })
}

/// Days since 1970-01-01 of `2019-04-01`, also of `0044-03-15 (BC)`.
fn days(text: &str) -> Option<i64> {
    let (text, bc) = text.strip_suffix(" (BC)").map_or((text, false), |text| (text, true));
    let mut parts = text.splitn(3, '-');
    let mut part = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (part()?, part()?, part()?);
    let year = if bc { 1 - year } else { year };
    // DuckDB knows no year that is further away.
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year.abs() > 10_000_000 {
        return None;
    }
    // Years begin in March, so that the leap day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Microseconds since midnight of `12:34:56.5`.
fn clock(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.splitn(3, ':');
    let mut part = || parts.next()?.parse::<i64>().ok();
    let (hours, minutes, seconds) = (part()?, part()?, part()?);
    if ![hours, minutes, seconds].iter().all(|part| (0..=60).contains(part)) {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60 + seconds;
    let micros = match fraction {
        "" => 0,
        digits if digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{digits:0<6}").parse().ok()?
        }
        _ => return None,
    };
    Some(seconds * 1_000_000 + micros)
}

fn timestamp(text: &str) -> Option<i64> {
    match text {
        "infinity" => return Some(i64::MAX),
        "-infinity" => return Some(-i64::MAX),
        _ => {}
    }
    let (text, bc) = text.strip_suffix(" (BC)").map_or((text, ""), |text| (text, " (BC)"));
    let (date, time) = text.split_once(' ')?;
    // DuckDB has `(BC)` behind the date.
    let (date, time) = match time.strip_prefix("(BC) ") {
        Some(time) => (format!("{date} (BC)"), time),
        None => (format!("{date}{bc}"), time),
    };
    days(&date)?.checked_mul(86_400_000_000)?.checked_add(clock(time)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        for (sql_type, texts) in [
            ("BOOLEAN", &["true", "false"] as &[_]),
            ("TINYINT", &["-128", "127"]),
            ("UINTEGER", &["0", "4294967295"]),
            ("UBIGINT", &["0", "9223372036854775807"]),
            ("HUGEINT", &["-9", "12345678901234567890123456789"]),
            ("DECIMAL(9,2)", &["-0.01", "12.50", "9999999.99", "0.00"]),
            ("DECIMAL(38,0)", &["-1", "128", "-128", "255", "32768", "-99999999999999999999999999999999999999"]),
            ("FLOAT", &["0.1", "-1e+30", "inf", "-inf"]),
            ("DOUBLE", &["0.1", "3.0", "1e-300", "-inf"]),
            ("DATE", &["2019-04-01", "1970-01-01", "1969-12-31", "0044-03-15 (BC)", "12345-01-01", "infinity"]),
            ("TIME", &["00:00:00", "23:59:59.999999", "12:30:00.5"]),
            (
                "TIMESTAMP",
                &["2019-04-01 12:30:00", "1500-02-28 00:00:00.000001", "0044-03-15 (BC) 01:02:03", "-infinity"],
            ),
            ("TIMESTAMP WITH TIME ZONE", &["2019-04-01 12:30:00+00", "1969-12-31 23:59:59.5+00"]),
            ("VARCHAR", &["", "a", "\u{e4}\u{1f986}"]),
            ("UUID", &["00000000-0000-0000-0000-000000000001", "ffffffff-ffff-4fff-8fff-ffffffffffff"]),
        ] {
            let kind = Kind::of(&SqlType::parse(sql_type).unwrap()).unwrap();
            for text in texts {
                let value = Scalar::of_text(kind, text).unwrap_or_else(|| panic!("{sql_type} {text}"));
                let read = Scalar::of_binary(kind, &value.binary()).unwrap();
                assert_eq!((read.text(kind).as_str(), &read), (*text, &value), "{sql_type}");
            }
        }
    }

    #[test]
    fn decimals_have_as_few_bytes_as_may_be() {
        let binary = |text| Scalar::of_text(Kind::Decimal { width: 9, scale: 2 }, text).unwrap().binary();
        assert_eq!((binary("14.20"), binary("-0.01"), binary("1.28")), (vec![5, 0x8c], vec![0xff], vec![0, 0x80]));
        assert_eq!([1, 2, 3, 9, 18, 20, 38].map(decimal_bytes), [1, 1, 2, 4, 8, 9, 16]);
    }

    #[test]
    fn what_cannot_be_kept_is_nothing() {
        assert_eq!(Scalar::of_text(Kind::Double, "nan"), None);
        assert_eq!(Scalar::of_text(Kind::Decimal { width: 3, scale: 1 }, "1000.0"), None);
        assert_eq!(Scalar::of_text(Kind::Long, "18446744073709551615"), None);
        for text in ["x", "9223372036854775807-01-01", "2019-13-01", "-", ""] {
            assert_eq!(Scalar::of_text(Kind::Date, text), None, "{text}");
        }
        for text in ["2019-01-01 9223372036854775807:00:00", "2019-01-01", "5881580-07-10 00:00:00", "-1:-1:-1"] {
            assert_eq!(Scalar::of_text(Kind::Timestamp, text), None, "{text}");
        }
        assert_eq!(Scalar::of_binary(Kind::Uuid, b"1"), None);
    }
}
