//! Numbers as DuckDB writes them.

use serde::Serialize;
use std::fmt::{Display, Write};

/// Appends anything that writes itself; a `String` takes it all.
pub(crate) fn push(out: &mut String, value: impl Display) {
    let _ = write!(out, "{value}");
}

/// Appends an integer.
pub(crate) fn push_integer(out: &mut String, value: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// A decimal number with `scale` digits behind the point. With `bare_point`, as DuckDB writes a DECIMAL that is all
/// fraction: `.50`.
pub(crate) fn push_decimal(out: &mut String, unscaled: i128, scale: i8, bare_point: bool) {
    if unscaled < 0 {
        out.push('-');
    }
    let scale = usize::from(scale.unsigned_abs());
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs());
    // There is always a digit before the point.
    let padded;
    let digits = match digits.len() > scale {
        true => digits,
        false => {
            padded = format!("{digits:0>width$}", width = scale + 1);
            &padded
        }
    };
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if !(bare_point && whole == "0") {
        out.push_str(whole);
    }
    if scale > 0 {
        out.push('.');
        out.push_str(fraction);
    }
}

/// More bytes than the shortest form of a floating-point number has.
const FLOAT_BYTES: usize = 40;

/// A floating-point number as DuckDB's VARCHAR has it: shortest digits that read back to it, an exponent below 1e-4
/// and from 1e16 on.
pub(crate) fn push_float(out: &mut String, value: impl Into<f64> + Serialize + Copy) {
    let number: f64 = value.into();
    if number.is_nan() {
        return out.push_str("nan");
    }
    if number.is_infinite() {
        return out.push_str(if number > 0.0 { "inf" } else { "-inf" });
    }
    // Rust's own shortest form differs from DuckDB's where two are equally near; this one does not.
    let mut buffer = [0; FLOAT_BYTES];
    let mut left = &mut buffer[..];
    let written = serde_json::to_writer(&mut left, &value).map_or(0, |()| FLOAT_BYTES - left.len());
    let shortest = str::from_utf8(&buffer[..written]).unwrap_or_default();
    // Most are as DuckDB has them.
    if (number.abs() >= 1e-4 || number == 0.0) && !shortest.contains('e') {
        return out.push_str(shortest);
    }
    let (sign, digits, exponent) = digits_of(shortest);
    out.push_str(sign);
    let point = exponent + 1;
    if !(-4..16).contains(&exponent) {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        let _ = write!(out, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    } else if point <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
        out.push_str(&digits);
    } else {
        let point = point as usize;
        if digits.len() <= point {
            out.push_str(&digits);
            out.extend(std::iter::repeat_n('0', point - digits.len()));
            out.push_str(".0");
        } else {
            out.push_str(&digits[..point]);
            out.push('.');
            out.push_str(&digits[point..]);
        }
    }
}

/// Splits a decimal number, with or without an exponent, into sign, significant digits and the first one's exponent.
fn digits_of(number: &str) -> (&str, String, i32) {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let leading_zeros = (digits.len() - significant.len()) as i32;
    let exponent = exponent.parse::<i32>().unwrap_or(0) + whole.len() as i32 - 1 - leading_zeros;
    (sign, significant.trim_end_matches('0').to_owned(), exponent)
}

/// A BIGNUM: three bytes of header, of which the top bit is the sign, then a big-endian magnitude; all bits are
/// inverted when it is negative.
pub(crate) fn push_bignum(out: &mut String, bytes: &[u8]) {
    let Some((header, magnitude)) = bytes.split_at_checked(3) else { return out.push('0') };
    let negative = header[0] & 0x80 == 0;
    // Base 10^9 limbs, least significant first.
    let mut limbs: Vec<u32> = vec![0];
    for byte in magnitude {
        let mut carry = u64::from(if negative { !byte } else { *byte });
        for limb in &mut limbs {
            let value = u64::from(*limb) * 256 + carry;
            *limb = (value % 1_000_000_000) as u32;
            carry = value / 1_000_000_000;
        }
        if carry > 0 {
            limbs.push(carry as u32);
        }
    }
    if negative {
        out.push('-');
    }
    let mut limbs = limbs.iter().rev();
    if let Some(first) = limbs.next() {
        push(out, first);
    }
    for limb in limbs {
        let _ = write!(out, "{limb:09}");
    }
}

/// A HUGEINT's number from its 16 little-endian bytes.
pub(crate) fn hugeint(bytes: &[u8]) -> i128 {
    bytes.try_into().map_or(0, i128::from_le_bytes)
}

/// A UHUGEINT's number from its 16 little-endian bytes.
pub(crate) fn uhugeint(bytes: &[u8]) -> u128 {
    bytes.try_into().map_or(0, u128::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> String {
        let mut out = String::new();
        push_float(&mut out, value);
        out
    }

    #[test]
    fn floats() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (123.456, "123.456"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.2345678901234568e17, "1.2345678901234568e+17"),
            (1e-4, "0.0001"),
            (1.5e-7, "1.5e-07"),
            (-1e100, "-1e+100"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn decimals() {
        let decimal = |unscaled, scale, bare| {
            let mut out = String::new();
            push_decimal(&mut out, unscaled, scale, bare);
            out
        };
        assert_eq!(decimal(5, 1, true), ".5");
        assert_eq!(decimal(-5, 2, true), "-.05");
        assert_eq!(decimal(-5, 2, false), "-0.05");
        assert_eq!(decimal(12345, 2, false), "123.45");
        assert_eq!(decimal(42, 0, false), "42");
        assert_eq!(decimal(0, 2, false), "0.00");
    }
}
