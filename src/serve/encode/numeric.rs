//! `numeric` as bytes: digits to the base 10,000, of which `weight` + 1 stand before the point.

use bytes::{BufMut, BytesMut};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;

/// Digits of one of base 10,000.
const WIDTH: usize = 4;

/// Appends a number as it is written: `-12.50`.
pub(super) fn put(out: &mut BytesMut, text: &str) {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (POSITIVE, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0');
    let groups = whole.len().div_ceil(WIDTH);
    let padded = format!(
        "{whole:0>width$}{fraction:0<more$}",
        width = groups * WIDTH,
        more = fraction.len().div_ceil(WIDTH) * WIDTH
    );
    let mut digits: Vec<u16> = padded
        .as_bytes()
        .chunks(WIDTH)
        .map(|digits| digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit.wrapping_sub(b'0'))))
        .collect();
    let mut weight = groups as i16 - 1;
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..leading);
    weight -= leading as i16;
    if digits.is_empty() {
        weight = 0;
    }
    out.put_u16(digits.len() as u16);
    out.put_i16(weight);
    out.put_u16(if digits.is_empty() { POSITIVE } else { sign });
    out.put_u16(fraction.len() as u16);
    digits.iter().for_each(|digit| out.put_u16(*digit));
}

/// The number that the bytes are, as it is written; nothing for what is none. NaN is one.
pub(in crate::serve) fn read(bytes: &[u8]) -> Option<String> {
    let (head, digits) = bytes.split_at_checked(8)?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (count, weight, sign, scale) = (usize::from(word(0)), i32::from(word(2) as i16), word(4), usize::from(word(6)));
    if digits.len() != count * 2 {
        return None;
    }
    match sign {
        POSITIVE | NEGATIVE => {}
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => return None,
    }
    let digit = |at: i32| -> u16 {
        let pair = usize::try_from(at).ok().and_then(|at| digits.get(at * 2..at * 2 + 2));
        pair.map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]))
    };
    let mut text = String::from(if sign == NEGATIVE { "-" } else { "" });
    let whole: String = (0..=weight).map(|at| format!("{:04}", digit(at))).collect();
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        let fraction: String =
            (0..scale.div_ceil(WIDTH) as i32).map(|at| format!("{:04}", digit(weight + 1 + at))).collect();
        text.push('.');
        text.push_str(fraction.get(..scale)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_postgresql_has_them() {
        for (text, bytes) in [
            ("0", &[0, 0, 0, 0, 0, 0, 0, 0][..]),
            ("1", &[0, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
            ("-12345.5", &[0, 3, 0, 1, 0x40, 0, 0, 1, 0, 1, 9, 41, 0x13, 0x88]),
            ("0.0001", &[0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 1]),
            ("10000", &[0, 1, 0, 1, 0, 0, 0, 0, 0, 1]),
        ] {
            let mut out = BytesMut::new();
            put(&mut out, text);
            assert_eq!(&out[..], bytes, "{text}");
            assert_eq!(read(bytes).as_deref(), Some(text));
        }
        let long = "340282366920938463463374607431768211455.000000000012";
        let mut out = BytesMut::new();
        put(&mut out, long);
        assert_eq!(read(&out).as_deref(), Some(long));
        assert_eq!((read(&[0, 9, 0, 0]), read(&[0, 1, 0, 0, 0, 0, 0, 0, 1])), (None, None));
    }
}
