//! Parameters of statements: what type each has, and its value as text, whichever way the client sent it. They are bound by the
//! engine: SQL gets a cast around `$1`, so that DuckDB knows what the text is, and never the value.

use quack_function::sql::{Token, Tokens};
use quack_function::wire::Params;

use super::encode::{Scalar, WireType, numeric};
use super::refusal::{PROTOCOL, Refusal};
use crate::duck::lists;

/// Days from 1970-01-01 to 2000-01-01.
const DAYS_TO_2000: i64 = 10_957;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Where `$1`, `$2`, ... stand in `sql`: bytes from and to, and the number.
fn places(sql: &str) -> Vec<(usize, usize, usize)> {
    let mut places = Vec::new();
    let mut tokens = Tokens::new(sql).peekable();
    while let Some((token, end)) = tokens.next() {
        if token != Token::Symbol('$') {
            continue;
        }
        let (from, mut to, mut number) = (end - 1, end, 0_usize);
        while let Some((Token::Symbol(digit), next)) = tokens.peek()
            && let Some(value) = digit.to_digit(10)
            && *next == to + 1
        {
            (to, number) = (*next, number.saturating_mul(10).saturating_add(value as usize));
            tokens.next();
        }
        if number > 0 {
            places.push((from, to, number));
        }
    }
    places
}

/// How many parameters a statement takes: the highest number.
pub(super) fn count(sql: &str) -> usize {
    places(sql).into_iter().map(|(_, _, number)| number).max().unwrap_or(0)
}

/// `sql` with something else in the place of each of its parameters of which `instead` says it.
fn replaced(sql: &str, mut instead: impl FnMut(usize) -> Option<String>) -> String {
    let (mut text, mut done) = (String::with_capacity(sql.len() * 2), 0);
    for (from, to, number) in places(sql) {
        if let Some(instead) = instead(number) {
            text.push_str(&sql[done..from]);
            text.push_str(&instead);
            done = to;
        }
    }
    text + &sql[done..]
}

/// The SQL with a cast around each parameter, to DuckDB's type at its place in `types`, if there is one.
pub(super) fn typed(sql: &str, types: &[Option<String>]) -> String {
    replaced(sql, |number| {
        let sql_type = types.get(number - 1)?.as_ref()?;
        Some(format!("CAST(${number} AS {sql_type})"))
    })
}

/// `sql` with `($1)` where `ANY ($1)` stands, of those whose number `is_asked`, and their numbers: of one value DuckDB tells what it
/// expects, of a list it does not.
pub(super) fn of_lists(sql: &str, is_asked: impl Fn(usize) -> bool) -> (String, Vec<usize>) {
    let tokens: Vec<_> = Tokens::new(sql).collect();
    let (mut text, mut numbers) = (sql.to_owned(), Vec::new());
    for (from, to, number) in places(sql).into_iter().rev() {
        let Ok(dollar) = tokens.binary_search_by_key(&(from + 1), |(_, end)| *end) else { continue };
        let Some(word) = dollar.checked_sub(2) else { continue };
        let behind = tokens.get(tokens.partition_point(|(_, end)| *end <= to));
        let is_closed = behind.is_some_and(|(token, _)| *token == Token::Symbol(')'));
        let (name, end) = &tokens[word];
        let is_any =
            ["ANY", "SOME", "ALL"].iter().any(|any| name.is(any)) && tokens[dollar - 1].0 == Token::Symbol('(');
        let is_compared = word.checked_sub(1).is_some_and(|at| matches!(tokens[at].0, Token::Symbol('=' | '<' | '>')));
        if is_any && is_closed && is_compared && is_asked(number) {
            let len = name.name().map_or(0, |name| name.len());
            text.replace_range(end - len..*end, "");
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    }
    (text, numbers)
}

/// The SQL with names of letters for its parameters: of a part of a statement that has `$2` and no `$1` DuckDB counts one, and then
/// takes no second.
pub(super) fn lettered(sql: &str) -> String {
    replaced(sql, |number| Some(format!("${}", name(number))))
}

fn name(number: usize) -> String {
    format!("p{number}")
}

/// The values by those names.
pub(super) fn named(values: &[Option<String>]) -> Params {
    values.iter().enumerate().map(|(at, value)| (name(at + 1), value.clone())).collect()
}

/// A value as text that DuckDB casts to the parameter's type, of the bytes that a client sent.
///
/// # Errors
/// Bytes that are none of that type.
pub(super) fn text_of(bytes: &[u8], is_binary: bool, wire_type: Option<WireType>) -> Result<String, Refusal> {
    let wrong = || Refusal::new("22P03", "incorrect binary data format in a bind parameter");
    let text = || {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Refusal::new("22021", "invalid byte sequence for encoding \"UTF8\" in a bind parameter"))?;
        Ok(text.to_owned())
    };
    match (is_binary, wire_type) {
        (false, Some(WireType::Array(scalar))) => list_of(&text()?, scalar).ok_or_else(wrong),
        (false, Some(WireType::Scalar(Scalar::Bytea))) => blob(&text()?).ok_or_else(wrong),
        (false, _) | (true, None) => text(),
        (true, Some(WireType::Scalar(scalar))) => binary(bytes, scalar).ok_or_else(wrong),
        (true, Some(WireType::Array(_))) => array(bytes).ok_or_else(wrong),
    }
}

/// One value from its bytes.
fn binary(bytes: &[u8], scalar: Scalar) -> Option<String> {
    let eight = || bytes.try_into().ok().map(i64::from_be_bytes);
    Some(match scalar {
        Scalar::Bool => (*bytes.first()? != 0).to_string(),
        Scalar::Int2 | Scalar::Int4 | Scalar::Int8 => match bytes.len() {
            2 => i16::from_be_bytes(bytes.try_into().ok()?).to_string(),
            4 => i32::from_be_bytes(bytes.try_into().ok()?).to_string(),
            _ => eight()?.to_string(),
        },
        Scalar::Oid => u32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Scalar::Float4 => f32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Scalar::Float8 => f64::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Scalar::Numeric => numeric::read(bytes)?,
        Scalar::Text => std::str::from_utf8(bytes).ok()?.to_owned(),
        // `jsonb` has its version before it.
        Scalar::Json => std::str::from_utf8(bytes.strip_prefix(&[1]).unwrap_or(bytes)).ok()?.to_owned(),
        Scalar::Bytea => escaped(bytes),
        Scalar::Date => date(i64::from(i32::from_be_bytes(bytes.try_into().ok()?)))?,
        Scalar::Timestamp => timestamp(eight()?)?,
        Scalar::TimestampTz => format!("{}+00", timestamp(eight()?)?),
        Scalar::Time => clock(eight()?),
        Scalar::TimeTz => {
            let (time, zone) = bytes.split_at_checked(8)?;
            let west = i32::from_be_bytes(zone.try_into().ok()?);
            let sign = if west > 0 { '-' } else { '+' };
            let seconds = west.unsigned_abs();
            let time = clock(i64::from_be_bytes(time.try_into().ok()?));
            format!("{time}{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
        }
        Scalar::Interval => {
            let (micros, rest) = bytes.split_at_checked(8)?;
            let (days, months) = rest.split_at_checked(4)?;
            let micros = i64::from_be_bytes(micros.try_into().ok()?);
            let days = i32::from_be_bytes(days.try_into().ok()?);
            let months = i32::from_be_bytes(months.try_into().ok()?);
            format!("{months} months {days} days {micros} microseconds")
        }
        Scalar::Uuid => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (bytes.len() == 16).then_some(hex)?
        }
        Scalar::Varbit => {
            let (len, bits) = bytes.split_at_checked(4)?;
            let len = usize::try_from(i32::from_be_bytes(len.try_into().ok()?)).ok()?;
            let all: String = bits.iter().map(|byte| format!("{byte:08b}")).collect();
            all.get(..len)?.to_owned()
        }
    })
}

/// A list, as DuckDB writes one, of an array's bytes: one dimension.
fn array(bytes: &[u8]) -> Option<String> {
    let word = |at: usize| -> Option<i32> { Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)) };
    let dimensions = word(0)?;
    let Some(WireType::Scalar(scalar)) = WireType::of_oid(word(8)?.cast_unsigned()) else { return None };
    if dimensions == 0 {
        return Some("[]".to_owned());
    }
    let count = usize::try_from(word(12)?).ok()?;
    // Each has the four bytes of its length.
    if dimensions != 1 || count > bytes.len() / 4 {
        return None;
    }
    let (mut at, mut items) = (20, Vec::with_capacity(count));
    for _ in 0..count {
        let len = word(at)?;
        at += 4;
        if len < 0 {
            items.push("NULL".to_owned());
            continue;
        }
        let end = at.checked_add(usize::try_from(len).ok()?)?;
        items.push(lists::item(&binary(bytes.get(at..end)?, scalar)?));
        at = end;
    }
    Some(format!("[{}]", items.join(", ")))
}

/// A list, as DuckDB writes one, of an array's text: `{1,"a b",NULL}`.
fn list_of(text: &str, scalar: Scalar) -> Option<String> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let (mut items, mut item, mut in_quotes, mut was_quoted, mut any) =
        (Vec::new(), String::new(), false, false, false);
    let mut chars = inside.chars();
    let mut done = |item: &mut String, was_quoted: &mut bool| {
        let value = std::mem::take(item);
        let is_null = !*was_quoted && value.trim().eq_ignore_ascii_case("null");
        let value = if *was_quoted { value } else { value.trim().to_owned() };
        let value = if scalar == Scalar::Bytea { blob(&value)? } else { value };
        items.push(if is_null { "NULL".to_owned() } else { lists::item(&value) });
        *was_quoted = false;
        Some(())
    };
    while let Some(c) = chars.next() {
        any = true;
        match c {
            '\\' => item.push(chars.next()?),
            '"' => (in_quotes, was_quoted) = (!in_quotes, true),
            '{' | '}' if !in_quotes => return None,
            ',' if !in_quotes => done(&mut item, &mut was_quoted)?,
            c => item.push(c),
        }
    }
    if in_quotes {
        return None;
    }
    if any {
        done(&mut item, &mut was_quoted)?;
    }
    Some(format!("[{}]", items.join(", ")))
}

/// Bytes as DuckDB reads them of `\x0aff`, PostgreSQL's text of them.
fn blob(text: &str) -> Option<String> {
    let Some(hex) = text.strip_prefix("\\x") else { return Some(text.to_owned()) };
    let pairs = hex.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    (hex.len() % 2 == 0).then(|| bytes.map(|bytes| escaped(&bytes)))?
}

/// Bytes as DuckDB reads them.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02X}")).collect()
}

fn date(days: i64) -> Option<String> {
    match i32::try_from(days).ok()? {
        i32::MAX => Some("infinity".to_owned()),
        i32::MIN => Some("-infinity".to_owned()),
        days => civil(i64::from(days) + DAYS_TO_2000),
    }
}

/// A day of the Gregorian calendar, which goes on before it was there.
fn civil(days: i64) -> Option<String> {
    let date = chrono::DateTime::from_timestamp(days.checked_mul(86_400)?, 0)?.date_naive();
    let year = chrono::Datelike::year(&date);
    let rest = date.format("%m-%d");
    Some(if year > 0 { format!("{year:04}-{rest}") } else { format!("{:04}-{rest} (BC)", 1 - year) })
}

fn timestamp(micros: i64) -> Option<String> {
    match micros {
        i64::MAX => Some("infinity".to_owned()),
        i64::MIN => Some("-infinity".to_owned()),
        micros => {
            let day = date(micros.div_euclid(MICROS_PER_DAY))?;
            Some(format!("{day} {}", clock(micros.rem_euclid(MICROS_PER_DAY))))
        }
    }
}

fn clock(micros: i64) -> String {
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    format!("{:02}:{:02}:{:02}.{rest:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The format of the value at `place`: none given is text, one is for all.
///
/// # Errors
/// Formats that are neither none, one, nor one for each.
pub(super) fn is_binary(formats: &[i16], place: usize, count: usize) -> Result<bool, Refusal> {
    match formats {
        [] => Ok(false),
        [one] => Ok(*one == 1),
        many if many.len() == count => Ok(many[place] == 1),
        many => Err(Refusal::new(PROTOCOL, format!("there are {} formats for {count} values", many.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_where_they_are_some() {
        let sql = "SELECT $1, '$2', $$ $3 $$, \"$4\", a$5, $12 -- $13";
        assert_eq!(count(sql), 12);
        let types: Vec<Option<String>> = (1..=12).map(|n| (n != 3).then(|| format!("T{n}"))).collect();
        assert_eq!(typed("SELECT $2::INT, $1, $3", &types), "SELECT CAST($2 AS T2)::INT, CAST($1 AS T1), $3");
        assert_eq!(count("SELECT 1 $ 1"), 0);
        assert_eq!(lettered("SELECT $2, '$1', $12"), "SELECT $p2, '$1', $p12");
        assert_eq!(of_lists("a = ANY($1) OR b = ANY($1)", |_| true), ("a = ($1) OR b = ($1)".to_owned(), vec![1]));
        let sql = "SELECT $1 WHERE a = ANY ($2) OR b <> all($13 ) OR c = any($3) OR any($4) OR d = ANY($5 + 1)";
        let (text, numbers) = of_lists(sql, |number| number != 3);
        assert_eq!(text, "SELECT $1 WHERE a =  ($2) OR b <> ($13 ) OR c = any($3) OR any($4) OR d = ANY($5 + 1)");
        assert_eq!(numbers, [13, 2]);
    }

    #[test]
    fn values_come_as_text_and_as_bytes() {
        let scalar = |scalar| Some(WireType::Scalar(scalar));
        let read = |bytes: &[u8], scalar_type| text_of(bytes, true, scalar(scalar_type)).unwrap();
        assert_eq!(read(&7_i32.to_be_bytes(), Scalar::Int4), "7");
        assert_eq!(read(&0_i32.to_be_bytes(), Scalar::Date), "2000-01-01");
        assert_eq!(read(&(-730_119_i32).to_be_bytes(), Scalar::Date), "0001-01-01");
        assert_eq!(read(&(-730_120_i32).to_be_bytes(), Scalar::Date), "0001-12-31 (BC)");
        assert_eq!(read(&(-1_i64).to_be_bytes(), Scalar::Timestamp), "1999-12-31 23:59:59.999999");
        assert_eq!(read(&[1, b'1'], Scalar::Json), "1");
        let list = |text: &str| text_of(text.as_bytes(), false, Some(WireType::Array(Scalar::Text)));
        assert_eq!(list(r#"{a,"b \"c\"",NULL,"null"}"#).unwrap(), r#"["a", "b \"c\"", NULL, "null"]"#);
        assert_eq!(list("{}").unwrap(), "[]");
        assert!(list("{a").is_err() && list("{\"a}").is_err() && list("{{1}}").is_err());
        let mut bytes = Vec::new();
        for word in [1_i32, 0, 23, 2, 1, 4, 5, -1] {
            bytes.extend(word.to_be_bytes());
        }
        assert_eq!(text_of(&bytes, true, Some(WireType::Array(Scalar::Int4))).unwrap(), "[\"5\", NULL]");
        for cut in 0..bytes.len() {
            assert!(text_of(&bytes[..cut], true, Some(WireType::Array(Scalar::Int4))).is_err());
        }
    }
}
