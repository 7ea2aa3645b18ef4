//! `COPY ... TO STDOUT` and `FROM STDIN`: what is sent, and how it is written.

use quack_function::sql::{Token, identifier};

use super::refusal::{FEATURE, Refusal, SYNTAX};
use super::tokens::closing;

/// A COPY that has to do with the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Copy {
    /// The rows of this query go to it.
    Out(String),
    /// It sends rows for this table.
    In(Target),
}

/// The table that rows are for, with the columns where they are given, as SQL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub name: String,
    pub columns: Option<String>,
}

/// How rows are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopyOptions {
    pub form: Form,
    pub delimiter: u8,
    /// What stands for NULL.
    pub null: String,
    pub header: bool,
    pub quote: u8,
    pub escape: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Csv,
    Binary,
}

/// What is given of the options, until the form is known that their defaults hang on.
#[derive(Default)]
struct Given {
    form: Option<Form>,
    delimiter: Option<u8>,
    null: Option<String>,
    header: bool,
    quote: Option<u8>,
    escape: Option<u8>,
}

impl Given {
    fn options(self) -> CopyOptions {
        let form = self.form.unwrap_or(Form::Text);
        let is_csv = form == Form::Csv;
        let quote = self.quote.unwrap_or(b'"');
        CopyOptions {
            form,
            delimiter: self.delimiter.unwrap_or(if is_csv { b',' } else { b'\t' }),
            null: self.null.unwrap_or_else(|| if is_csv { String::new() } else { "\\N".to_owned() }),
            header: self.header,
            quote,
            escape: self.escape.unwrap_or(quote),
        }
    }
}

const HELP: &str = "write COPY name TO STDOUT, COPY (query) TO STDOUT, or COPY name FROM STDIN, with (FORMAT text, csv or binary, HEADER, DELIMITER ',', NULL '')";

/// What is to be sent and how, of the tokens of a COPY; nothing for a COPY that has nothing to do with the
/// client. `sql` is the whole statement.
///
/// # Errors
/// An option that is not known.
pub(super) fn read(sql: &str, tokens: &[(Token<'_>, usize)]) -> Option<Result<(Copy, CopyOptions), Refusal>> {
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|(token, _)| token.is(word));
    let symbol = |at: usize, symbol: char| tokens.get(at).is_some_and(|(token, _)| *token == Token::Symbol(symbol));
    let mut at = 1;
    let copy = if symbol(at, '(') {
        let close = closing(tokens, at)?;
        let query = sql.get(tokens[at].1..tokens[close].1 - 1)?.trim().to_owned();
        at = close + 1;
        Copy::Out(query)
    } else {
        let mut name = vec![tokens.get(at)?.0.name()?];
        at += 1;
        while symbol(at, '.') {
            name.push(tokens.get(at + 1)?.0.name()?);
            at += 2;
        }
        let mut columns = None;
        if symbol(at, '(') {
            let close = closing(tokens, at)?;
            let names = tokens[at + 1..close].iter().filter(|(token, _)| *token != Token::Symbol(','));
            let names = names.map(|(token, _)| token.name().map(|name| identifier(&name)));
            columns = Some(names.collect::<Option<Vec<_>>>()?.join(", "));
            at = close + 1;
        }
        let name: Vec<String> = name.iter().map(|part| identifier(part)).collect();
        let name = name.join(".");
        match is(at, "FROM") {
            true => Copy::In(Target { name, columns }),
            false => Copy::Out(format!("SELECT {} FROM {name}", columns.as_deref().unwrap_or("*"))),
        }
    };
    let is_ours = match copy {
        Copy::Out(_) => is(at, "TO") && is(at + 1, "STDOUT"),
        Copy::In(_) => is(at + 1, "STDIN"),
    };
    is_ours.then(|| options(&tokens[at + 2..]).map(|options| (copy, options)))
}

/// Options in brackets, or as PostgreSQL had them before: `WITH CSV HEADER`.
fn options(tokens: &[(Token<'_>, usize)]) -> Result<CopyOptions, Refusal> {
    let mut given = Given::default();
    let mut left = tokens
        .iter()
        .map(|(token, _)| token)
        .filter(|token| !token.is("WITH") && !token.is("AS") && !matches!(token, Token::Symbol('(' | ')' | ',')))
        .peekable();
    let wrong = |what: &str| Refusal::new(SYNTAX, format!("{what} in COPY")).with_hint(HELP);
    while let Some(token) = left.next() {
        let Some(word) = token.name() else { return Err(wrong("a sign that has no place")) };
        let mut text =
            |what: &str| left.next().and_then(Token::name).ok_or_else(|| wrong(&format!("nothing behind {what}")));
        let byte = |text: String| match text.as_bytes() {
            [one] => Ok(*one),
            _ => Err(wrong(&format!("`{text}`, which is not one character,"))),
        };
        match word.to_ascii_uppercase().as_str() {
            "FORMAT" => given.form = Some(form(&text("FORMAT")?)?),
            "CSV" => given.form = Some(Form::Csv),
            "BINARY" => given.form = Some(Form::Binary),
            "HEADER" => {
                given.header =
                    match left.peek().and_then(|token| token.name()).map(|word| word.to_ascii_uppercase()).as_deref() {
                        Some("TRUE" | "ON") => left.next().is_some(),
                        Some("FALSE" | "OFF") => left.next().is_none(),
                        _ => true,
                    };
            }
            "DELIMITER" => given.delimiter = Some(byte(text("DELIMITER")?)?),
            "NULL" => given.null = Some(text("NULL")?),
            "QUOTE" => given.quote = Some(byte(text("QUOTE")?)?),
            "ESCAPE" => given.escape = Some(byte(text("ESCAPE")?)?),
            "ENCODING" => {
                let encoding = text("ENCODING")?;
                if !["UTF8", "UTF-8"].contains(&encoding.to_ascii_uppercase().as_str()) {
                    return Err(Refusal::new(FEATURE, format!("COPY in the encoding `{encoding}` is not supported")));
                }
            }
            _ => return Err(wrong(&format!("the option `{word}`"))),
        }
    }
    Ok(given.options())
}

fn form(name: &str) -> Result<Form, Refusal> {
    match name.to_ascii_lowercase().as_str() {
        "text" => Ok(Form::Text),
        "csv" => Ok(Form::Csv),
        "binary" => Ok(Form::Binary),
        _ => Err(Refusal::new("22023", format!("COPY format \"{name}\" not recognized")).with_hint(HELP)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quack_function::sql::Tokens;

    fn read_all(sql: &str) -> Option<Result<(Copy, CopyOptions), Refusal>> {
        read(sql, &Tokens::new(sql).collect::<Vec<_>>())
    }

    fn of(sql: &str) -> Option<Result<(String, CopyOptions), Refusal>> {
        read_all(sql).map(|read| {
            read.map(|(copy, options)| match copy {
                Copy::Out(query) => (query, options),
                Copy::In(target) => panic!("{target:?}"),
            })
        })
    }

    #[test]
    fn what_is_sent_and_how_is_read() {
        let (query, options) = of("COPY trips TO STDOUT").unwrap().unwrap();
        assert_eq!(query, "SELECT * FROM \"trips\"");
        assert_eq!((options.form, options.delimiter, options.null.as_str()), (Form::Text, b'\t', "\\N"));
        let (query, options) =
            of("copy (SELECT ')' AS a FROM t) to stdout with (format csv, header, null 'x')").unwrap().unwrap();
        assert_eq!(query, "SELECT ')' AS a FROM t");
        assert_eq!(
            (options.form, options.delimiter, options.header, options.null.as_str()),
            (Form::Csv, b',', true, "x")
        );
        let (query, options) =
            of("COPY s.\"t x\" (a, \"b\") TO STDOUT WITH CSV HEADER DELIMITER AS ';'").unwrap().unwrap();
        assert_eq!(query, "SELECT \"a\", \"b\" FROM \"s\".\"t x\"");
        assert_eq!((options.form, options.delimiter, options.header), (Form::Csv, b';', true));
        assert_eq!(of("COPY t TO STDOUT (FORMAT \"binary\")").unwrap().unwrap().1.form, Form::Binary);
        assert!(!of("COPY t TO STDOUT (HEADER false)").unwrap().unwrap().1.header);
        let (copy, options) = read_all("copy s.t (a, \"b c\") from stdin with csv header").unwrap().unwrap();
        let columns = Some("\"a\", \"b c\"".to_owned());
        assert_eq!(copy, Copy::In(Target { name: "\"s\".\"t\"".to_owned(), columns }));
        assert_eq!((options.form, options.header), (Form::Csv, true));
        for sql in [
            "COPY t TO 's3://b/x.csv'",
            "COPY t FROM 's3://b/x.csv'",
            "COPY (SELECT 1) FROM STDIN",
            "COPY (SELECT 1",
            "COPY",
            "COPY t (a TO STDOUT",
        ] {
            assert!(of(sql).is_none(), "{sql}");
        }
        for sql in [
            "COPY t TO STDOUT (FORMAT x)",
            "COPY t TO STDOUT (FOO)",
            "COPY t TO STDOUT DELIMITER 'ab'",
            "COPY t TO STDOUT NULL",
        ] {
            assert!(of(sql).unwrap().is_err(), "{sql}");
        }
    }
}
