//! How a text is written, where the user says so rather than DuckDB finding it out: `--delimiter` and its like.

use anyhow::Result;
use quack_function::sql::literal;
use quack_function::sql_type::SqlType;

use super::decode::Encoding;
use super::format::Kind;
use crate::config::TextForm;
use crate::error::usage;

/// Longest text that stands for NULL, bytes.
const NULL_BYTES: usize = 1024;

/// What is said of a text; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub delimiter: Option<char>,
    /// Where it is not UTF-8.
    pub encoding: Option<Encoding>,
    /// What means NULL, as an empty value does.
    pub nulls: Vec<String>,
    /// Between a number's integer digits and the others: `.` or `,`.
    pub decimal: Option<char>,
    /// Whether the first line has the columns' names.
    pub header: Option<bool>,
    /// Columns by type, as the user spells the names.
    pub types: Vec<(String, SqlType)>,
    /// The types that columns have in the table that the rows are for: theirs, too, where they keep every value.
    pub hints: Vec<(String, SqlType)>,
}

impl Form {
    /// Reads what the user gave.
    ///
    /// # Errors
    /// A usage error for what makes no sense, alone or together.
    pub(super) fn parse(given: &TextForm) -> Result<Self> {
        let form = Self {
            delimiter: given.delimiter.as_deref().map(delimiter).transpose()?,
            encoding: given.encoding.as_deref().map(Encoding::parse).transpose()?.flatten(),
            nulls: given.null.clone(),
            decimal: given.decimal.as_deref().map(decimal).transpose()?,
            header: given.header.as_deref().map(header).transpose()?,
            types: types(&given.types)?,
            hints: Vec::new(),
        };
        if form.delimiter.is_some() && form.delimiter == form.decimal {
            return Err(usage(
                format!(
                    "`{}` cannot stand both between values and in numbers",
                    given.decimal.as_deref().unwrap_or(",")
                ),
                "give --delimiter another character, e.g. ';'",
            ));
        }
        for text in &form.nulls {
            let has_delimiter = form.delimiter.is_some_and(|delimiter| text.contains(delimiter));
            if has_delimiter || text.contains(['"', '\n', '\r', '\0']) || text.len() > NULL_BYTES {
                return Err(usage(
                    format!("`{text}` cannot stand for NULL"),
                    "give a short text without quotes, line breaks or the delimiter, e.g. --null NA",
                ));
            }
        }
        Ok(form)
    }

    /// Columns by the type that they are read as: those that are given one, and by hints; without `hinted` of these only those
    /// that are text.
    pub(super) fn typed(&self, hinted: bool) -> Vec<(String, SqlType)> {
        let is_given = |name: &str| self.types.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        let applies = |own: &SqlType| hinted || *own == SqlType::Plain("VARCHAR");
        let hints = self.hints.iter().filter(|(name, own)| !is_given(name) && applies(own));
        self.types.iter().chain(hints).cloned().collect()
    }

    /// Refuses what has no meaning for a file of this kind, that the user knows as `name`.
    ///
    /// # Errors
    /// A usage error that names the option.
    pub(super) fn fits(&self, kind: Kind, name: &str) -> Result<()> {
        let (is, applies): (_, &[&str]) = match kind {
            Kind::Csv | Kind::Tsv => return Ok(()),
            Kind::Json => ("JSON, which says by itself what its values are", &["encoding"]),
            Kind::Parquet => ("Parquet, which says by itself what its values are", &[]),
        };
        match self.given().find(|option| !applies.contains(option)) {
            Some(option) => Err(usage(
                format!("`--{option}` has no meaning for `{name}`: it is {is}"),
                format!("leave --{option} away"),
            )),
            None => Ok(()),
        }
    }

    /// Refuses everything that is given, for rows that come from no file.
    ///
    /// # Errors
    /// A usage error that names the first option.
    pub(super) fn fits_no_file(&self) -> Result<()> {
        match self.given().next() {
            Some(option) => Err(usage(
                format!("`--{option}` says how a text is written, and what is loaded is none"),
                format!("leave --{option} away"),
            )),
            None => Ok(()),
        }
    }

    /// The options that are given, by name.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("delimiter", self.delimiter.is_some()),
            ("encoding", self.encoding.is_some()),
            ("null", !self.nulls.is_empty()),
            ("decimal", self.decimal.is_some()),
            ("header", self.header.is_some()),
            ("types", !self.types.is_empty()),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// What DuckDB is told of all that it would not find out, each with a comma before it.
    pub(super) fn options(&self) -> String {
        let mut options = self.values();
        if let Some(header) = self.header {
            options.push_str(&format!(", header = {header}"));
        }
        options
    }

    /// The same of the values alone.
    pub(super) fn values(&self) -> String {
        let mut options = String::new();
        if !self.nulls.is_empty() {
            let nulls: Vec<String> = self.nulls.iter().map(|text| literal(text)).collect();
            options.push_str(&format!(", nullstr = ['', {}]", nulls.join(", ")));
        }
        if let Some(decimal) = self.decimal {
            options.push_str(&format!(", decimal_separator = {}", literal(&decimal.to_string())));
        }
        options
    }
}

fn delimiter(text: &str) -> Result<char> {
    let text = if text == "\\t" || text.eq_ignore_ascii_case("tab") { "\t" } else { text };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if one.is_ascii() && !one.is_ascii_alphanumeric() && !"\"\n\r\0".contains(one) => Ok(one),
        _ => Err(usage(
            format!("`{text}` cannot be what stands between values"),
            "give one ASCII character that is no letter, digit, quote or line break, e.g. --delimiter ';', or --delimiter tab",
        )),
    }
}

fn decimal(text: &str) -> Result<char> {
    match text {
        "," => Ok(','),
        "." => Ok('.'),
        _ => Err(usage(format!("`{text}` cannot stand in a number"), "give --decimal ',' or --decimal '.'")),
    }
}

fn header(text: &str) -> Result<bool> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(usage(
            format!("`--header {text}` says neither yes nor no"),
            "write --header yes if the first line has the columns' names, else --header no",
        )),
    }
}

fn types(given: &[String]) -> Result<Vec<(String, SqlType)>> {
    let mut types: Vec<(String, SqlType)> = Vec::new();
    for entry in given.iter().flat_map(|text| entries(text)) {
        let help = "give NAME=TYPE, with a comma between two, e.g. --types 'zip=VARCHAR,price=DECIMAL(18,2)'";
        let cut = entry
            .strip_prefix('"')
            .and_then(|rest| rest.split_once('"'))
            .map_or_else(|| entry.split_once('='), |(name, rest)| Some((name, rest.trim_start().strip_prefix('=')?)));
        let Some((name, written)) = cut.map(|(name, written)| (name.trim(), written.trim())) else {
            return Err(usage(format!("`{entry}` gives no column a type"), help));
        };
        if types.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Err(usage(format!("column `{name}` is given two types"), help));
        }
        let sql_type = SqlType::parse(written).map_err(|_| {
            usage(
                format!("`{written}`, of column `{name}`, is no type"),
                "write a type as DuckDB spells it, e.g. INTEGER, VARCHAR, DECIMAL(18,3), TIMESTAMP",
            )
        })?;
        let is_single = match &sql_type {
            SqlType::Decimal { .. } | SqlType::Enum(_) => true,
            SqlType::Plain(name) => !["\"NULL\"", "GEOMETRY", "VARIANT", "JSON"].contains(name),
            _ => false,
        };
        if !is_single {
            return Err(usage(
                format!("column `{name}` of a text cannot be read as {sql_type}"),
                format!("give it VARCHAR, and make {sql_type} of it by SQL: CREATE TABLE ... AS SELECT CAST(...)"),
            ));
        }
        types.push((name.to_owned(), sql_type));
    }
    Ok(types)
}

/// The parts of a text between its commas, but for those within brackets and quotes.
fn entries(text: &str) -> Vec<&str> {
    let (mut depth, mut quote) = (0_usize, None);
    let cuts = |c: char| {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(c),
            ('(' | '[', None) => depth += 1,
            (')' | ']', None) => depth = depth.saturating_sub(1),
            _ => return c == ',' && depth == 0,
        }
        false
    };
    text.split(cuts).map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(change: impl FnOnce(&mut TextForm)) -> Result<Form> {
        let mut given = TextForm::default();
        change(&mut given);
        Form::parse(&given)
    }

    #[test]
    fn types_are_cut_at_commas_that_are_theirs() {
        let text = r#" zip = text, price=DECIMAL(18,2),"a=b, c"=TIMESTAMP WITH TIME ZONE"#.to_owned();
        let form = parsed(|given| given.types = vec![text, "n=int8".to_owned()]).unwrap();
        let told: Vec<_> = form.types.iter().map(|(name, own)| format!("{name}: {own}")).collect();
        let wanted = ["zip: VARCHAR", "price: DECIMAL(18,2)", "a=b, c: TIMESTAMP WITH TIME ZONE", "n: BIGINT"];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |change: fn(&mut TextForm)| parsed(change).unwrap_err().to_string();
        let types = |text: &str| parsed(|given| given.types = vec![text.to_owned()]).expect_err(text).to_string();
        assert_eq!(types("a"), "`a` gives no column a type");
        assert_eq!(types("a=INT,"), "`` gives no column a type");
        assert_eq!(types("a=INT,A=INT"), "column `A` is given two types");
        assert_eq!(types("a=NUMBR"), "`NUMBR`, of column `a`, is no type");
        assert_eq!(types("a=INT) FROM x"), "`INT) FROM x`, of column `a`, is no type");
        assert_eq!(types("a=INT[]"), "column `a` of a text cannot be read as INTEGER[]");
        for text in [";;", "", "ä", "\"", "a", "\n"] {
            assert!(parsed(|given| given.delimiter = Some(text.to_owned())).is_err(), "{text:?}");
        }
        assert!(refused(|given| given.decimal = Some("'".to_owned())).contains("in a number"));
        assert!(refused(|given| given.header = Some("maybe".to_owned())).contains("neither yes nor no"));
        assert!(refused(|given| given.null = vec!["a\"b".to_owned()]).contains("cannot stand for NULL"));
        assert!(
            refused(|given| {
                given.delimiter = Some(",".to_owned());
                given.decimal = Some(",".to_owned());
            })
            .contains("both between values and in numbers")
        );
        assert_eq!(parsed(|given| given.delimiter = Some("tab".to_owned())).unwrap().delimiter, Some('\t'));
    }

    #[test]
    fn an_option_that_a_format_has_no_use_for_is_named() {
        let form = parsed(|given| given.null = vec!["NA".to_owned()]).unwrap();
        let told = |kind| form.fits(kind, "f").map_err(|error| error.to_string());
        assert!(told(Kind::Parquet).unwrap_err().starts_with("`--null` has no meaning for `f`: it is Parquet"));
        assert!(told(Kind::Json).unwrap_err().starts_with("`--null` has no meaning for `f`: it is JSON"));
        assert!(told(Kind::Csv).is_ok() && told(Kind::Tsv).is_ok());
        assert!(form.fits_no_file().unwrap_err().to_string().starts_with("`--null` says how"));
    }
}
