//! DuckDB's types as values: what an event, a catalog or an answer calls a type is parsed into one before it goes into SQL.

mod parse;

use crate::sql::{identifier, literal};
use std::fmt;

/// Longest text of a type, bytes.
const MAX_BYTES: usize = 256 * 1024;

/// Deepest nesting of a type.
const MAX_DEPTH: usize = 64;

/// A DuckDB type. As text ([`fmt::Display`]) it is what `CAST(x AS ...)` takes, and stands for that very type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlType {
    /// A type without parameters, by DuckDB's own name for it (`TIMESTAMP WITH TIME ZONE`).
    Plain(&'static str),
    /// Digits in all, and after the point.
    Decimal {
        width: u8,
        scale: u8,
    },
    Enum(Vec<String>),
    /// A GEOMETRY with a coordinate reference system.
    Geometry(String),
    List(Box<SqlType>),
    /// An ARRAY of so many elements.
    Array(Box<SqlType>, u32),
    Map(Box<SqlType>, Box<SqlType>),
    /// Fields by name; without names it is a row.
    Struct(Vec<(String, SqlType)>),
    Union(Vec<(String, SqlType)>),
}

/// What is wrong with the text of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadType {
    message: String,
}

impl SqlType {
    /// Reads the text of a type: DuckDB's own spelling, or one of its other names for the same (`INT8`, `TEXT`).
    ///
    /// # Errors
    /// When it is anything else, longer than 256 KiB, or nested deeper than 64.
    pub fn parse(text: &str) -> Result<Self, BadType> {
        parse::parse(text)
    }

    /// The type that keeps every value of this one in Parquet, which has no integers of 128 bits: DuckDB would write
    /// doubles, and decimals of 38 digits are exact or an error. And no arrays: of one that is NULL DuckDB writes what
    /// others do not read. `None` for a type that it writes well as it is.
    pub fn in_parquet(&self) -> Option<Self> {
        self.with(&|own| match own {
            Self::Plain("HUGEINT" | "UHUGEINT") => Some(Self::Decimal { width: 38, scale: 0 }),
            Self::Array(element, _) => Some(Self::List(element.clone())),
            _ => None,
        })
    }

    /// The type that keeps every value of this one in a table's files, where DuckDB would not write one that it gives back:
    /// casts there and back lose nothing, or fail. `None` for a type that is written as it is.
    pub fn in_files(&self) -> Option<Self> {
        self.as_row(self.in_values())
    }

    /// The same, where a union by itself stays one.
    fn in_values(&self) -> Option<Self> {
        self.with(&|own| match own {
            Self::Plain("TIMESTAMP_S" | "TIMESTAMP_MS") => Some(Self::Plain("TIMESTAMP")),
            // Parquet has no zone of a time, and of an interval neither microseconds nor a sign.
            Self::Plain("BIT" | "BIGNUM" | "INTERVAL" | "TIME WITH TIME ZONE" | "TIME_NS") | Self::Enum(_) => {
                Some(Self::Plain("VARCHAR"))
            }
            own => own.in_parquet(),
        })
    }

    /// The same in a table that SQL makes: with a sign, too, where there are 32 bits, which others do not read without one.
    pub fn in_table(&self) -> Option<Self> {
        self.as_row(self.signed())
    }

    fn signed(&self) -> Option<Self> {
        let files = self.in_values();
        let signed = files.as_ref().unwrap_or(self).with(&|own| match own {
            Self::Plain("UINTEGER") => Some(Self::Plain("BIGINT")),
            _ => None,
        });
        signed.or(files)
    }

    /// What a union is whose members are as those that are `kept`: a row of all of them, and before them which one it is. DuckDB
    /// would write the same without a name for that, which others do not read.
    fn as_row(&self, kept: Option<Self>) -> Option<Self> {
        let Self::Union(own) = self else { return kept };
        let members = match kept {
            Some(Self::Union(members)) => members,
            _ => own.clone(),
        };
        let tag = (tag(&members), Self::Plain("UTINYINT"));
        Some(Self::Struct(std::iter::once(tag).chain(members).collect()))
    }

    /// What has to be read, where a file does not have `value` of this type, or may not: nothing where it has.
    pub fn read_back(&self, value: &str) -> Option<String> {
        let has_union = self.has(&|own| matches!(own, Self::Union(_)));
        match self.signed() {
            // Of a file a union comes as a row that is one of exactly these types.
            Some(kept) if has_union => Some(format!("CAST(CAST({value} AS {kept}) AS {self})")),
            None if !has_union => None,
            _ => Some(format!("CAST({value} AS {self})")),
        }
    }

    /// What has to be written for `value`, which is of this type, into a table that SQL makes; nothing where that is it.
    pub fn written(&self, value: &str) -> Option<String> {
        self.in_table().map(|kept| self.written_as(value, &kept))
    }

    /// What has to be written for `value`, a column of this type, where it is `kept` as that one.
    pub fn written_as(&self, value: &str, kept: &Self) -> String {
        if let (Self::Union(members), Self::Struct(fields)) = (self, kept) {
            let field = |(at, (name, own)): (usize, &(String, Self))| match at {
                0 => format!("{} := CAST(enum_code(union_tag({value})) AS {own})", identifier(name)),
                _ => {
                    let member = format!("union_extract({value}, {})", literal(name));
                    let member = members.get(at - 1).map_or(member.clone(), |(_, was)| was.written_as(&member, own));
                    format!("{} := {member}", identifier(name))
                }
            };
            let fields: Vec<String> = fields.iter().enumerate().map(field).collect();
            return format!("CASE WHEN {value} IS NOT NULL THEN struct_pack({}) END", fields.join(", "));
        }
        // The longest intervals have a text that is none.
        match self.has(&|own| *own == Self::Plain("INTERVAL")) {
            true => format!("CAST(CAST(CAST({value} AS {kept}) AS {self}) AS {kept})"),
            false => format!("CAST({value} AS {kept})"),
        }
    }

    /// Whether only a file tells what becomes of this type in it.
    pub fn is_told_by_files(&self) -> bool {
        self.has(&|own| match own {
            Self::Plain("GEOMETRY" | "VARIANT" | "\"NULL\"") | Self::Geometry(_) => true,
            Self::Struct(fields) => fields.iter().any(|(name, _)| name.is_empty()),
            _ => false,
        })
    }

    /// Whether it, or a type that it is made of, `is` so.
    pub fn has(&self, is: &impl Fn(&Self) -> bool) -> bool {
        let any = |fields: &[(String, Self)]| fields.iter().any(|(_, own)| own.has(is));
        is(self)
            || match self {
                Self::Plain(_) | Self::Decimal { .. } | Self::Enum(_) | Self::Geometry(_) => false,
                Self::List(element) | Self::Array(element, _) => element.has(is),
                Self::Map(key, value) => key.has(is) || value.has(is),
                Self::Struct(fields) | Self::Union(fields) => any(fields),
            }
    }

    /// This type with BIGINT in the place of each HUGEINT; `None` when it has none.
    pub fn in_64_bits(&self) -> Option<Self> {
        self.with(&|own| (*own == Self::Plain("HUGEINT")).then_some(Self::Plain("BIGINT")))
    }

    /// This type with what `change` makes of it and of those that it is made of; `None` when that is nothing.
    pub fn with(&self, change: &impl Fn(&Self) -> Option<Self>) -> Option<Self> {
        let both = |a: &Self, b: &Self| match (a.with(change), b.with(change)) {
            (None, None) => None,
            (new_a, new_b) => Some((new_a.unwrap_or_else(|| a.clone()), new_b.unwrap_or_else(|| b.clone()))),
        };
        let all = |fields: &[(String, Self)]| {
            let new: Vec<_> = fields.iter().map(|(_, own)| own.with(change)).collect();
            let is_other = new.iter().any(Option::is_some);
            let fields = fields.iter().zip(new);
            is_other
                .then(|| fields.map(|((name, own), new)| (name.clone(), new.unwrap_or_else(|| own.clone()))).collect())
        };
        let below = match self {
            Self::Plain(_) | Self::Decimal { .. } | Self::Enum(_) | Self::Geometry(_) => None,
            Self::List(element) => element.with(change).map(|element| Self::List(Box::new(element))),
            Self::Array(element, len) => element.with(change).map(|element| Self::Array(Box::new(element), *len)),
            Self::Map(key, value) => both(key, value).map(|(key, value)| Self::Map(Box::new(key), Box::new(value))),
            Self::Struct(fields) => all(fields).map(Self::Struct),
            Self::Union(members) => all(members).map(Self::Union),
        };
        change(below.as_ref().unwrap_or(self)).or(below)
    }
}

impl std::str::FromStr for SqlType {
    type Err = BadType;

    fn from_str(text: &str) -> Result<Self, BadType> {
        Self::parse(text)
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(name) => f.write_str(name),
            Self::Decimal { width, scale } => write!(f, "DECIMAL({width},{scale})"),
            Self::Enum(values) => {
                let values: Vec<_> = values.iter().map(|value| literal(value)).collect();
                write!(f, "ENUM({})", values.join(", "))
            }
            Self::Geometry(crs) => write!(f, "GEOMETRY({})", literal(crs)),
            Self::List(element) => write!(f, "{element}[]"),
            Self::Array(element, len) => write!(f, "{element}[{len}]"),
            Self::Map(key, value) => write!(f, "MAP({key}, {value})"),
            Self::Struct(fields) => write_fields(f, "STRUCT", fields),
            Self::Union(members) => write_fields(f, "UNION", members),
        }
    }
}

/// A name that none of a union's members has.
fn tag(members: &[(String, SqlType)]) -> String {
    let mut tag = "tag".to_owned();
    while members.iter().any(|(name, _)| name.eq_ignore_ascii_case(&tag)) {
        tag.push('_');
    }
    tag
}

fn write_fields(f: &mut fmt::Formatter<'_>, constructor: &str, fields: &[(String, SqlType)]) -> fmt::Result {
    write!(f, "{constructor}(")?;
    for (index, (name, sql_type)) in fields.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        match name.as_str() {
            "" => write!(f, "{comma}{sql_type}")?,
            name => write!(f, "{comma}{} {sql_type}", identifier(name))?,
        }
    }
    f.write_str(")")
}

impl fmt::Display for BadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BadType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_other_databases_write_are_what_duckdb_takes_them_for() {
        for (written, read) in [
            ("FLOAT(24)", "FLOAT"),
            ("FLOAT(53)", "DOUBLE"),
            ("character varying(10)[]", "VARCHAR[]"),
            ("CHARACTER", "VARCHAR"),
            ("TEXT(5)", "VARCHAR"),
            ("TIMESTAMP(0)", "TIMESTAMP_S"),
            ("TIMESTAMP(3) WITHOUT TIME ZONE", "TIMESTAMP_MS"),
            ("TIMESTAMP(6)", "TIMESTAMP"),
        ] {
            assert_eq!(SqlType::parse(written).unwrap().to_string(), read, "{written}");
        }
        for written in ["FLOAT(0)", "FLOAT(54)", "TIMESTAMP(10)", "CHARACTER VARYING(", "TEXT VARYING", "VARYING"] {
            assert!(SqlType::parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn what_parquet_lacks_is_another_type_wherever_it_is() {
        for (own, kept) in [
            ("HUGEINT", "DECIMAL(38,0)"),
            ("UHUGEINT[3][]", "DECIMAL(38,0)[][]"),
            (
                "STRUCT(\"HUGEINT\" INTEGER, b MAP(VARCHAR, HUGEINT))",
                "STRUCT(\"HUGEINT\" INTEGER, b MAP(VARCHAR, DECIMAL(38,0)))",
            ),
        ] {
            let kept = SqlType::parse(kept).unwrap();
            assert_eq!(SqlType::parse(own).unwrap().in_parquet(), Some(kept), "{own}");
        }
        for own in ["BIGINT", "ENUM('HUGEINT')", "STRUCT(\"HUGEINT\" INTEGER)", "UNION(a INTEGER, b DECIMAL(38,0))"] {
            assert_eq!(SqlType::parse(own).unwrap().in_parquet(), None, "{own}");
        }
    }

    #[test]
    fn what_tables_lack_is_kept_as_another_type_and_cast_back() {
        for (own, kept) in [
            ("ENUM('a', 'b')", "VARCHAR"),
            ("ENUM('a', 'b')[2]", "VARCHAR[]"),
            ("UINTEGER", "BIGINT"),
            ("TIMESTAMP_S", "TIMESTAMP"),
            ("MAP(ENUM('a'), UHUGEINT)", "MAP(VARCHAR, DECIMAL(38,0))"),
            ("STRUCT(\"z\" TIME WITH TIME ZONE, \"b\" BIT)", "STRUCT(\"z\" VARCHAR, \"b\" VARCHAR)"),
        ] {
            let own = SqlType::parse(own).unwrap();
            assert_eq!(own.in_table(), Some(SqlType::parse(kept).unwrap()), "{own}");
            assert_eq!(own.written("x"), Some(format!("CAST(x AS {kept})")));
            assert_eq!(own.read_back("x"), Some(format!("CAST(x AS {own})")));
        }
        for own in ["BIGINT", "UBIGINT", "VARCHAR", "TIMESTAMP_NS", "JSON", "DECIMAL(38,0)[]", "STRUCT(\"a\" DATE)"] {
            let own = SqlType::parse(own).unwrap();
            assert_eq!((own.in_table(), own.written("x"), own.read_back("x")), (None, None, None), "{own}");
        }
        let union = SqlType::parse("UNION(\"Tag\" INTEGER)").unwrap();
        let row = "STRUCT(\"tag_\" UTINYINT, \"Tag\" INTEGER)";
        assert_eq!(union.in_table(), Some(SqlType::parse(row).unwrap()));
        assert_eq!(union.read_back("x"), Some(format!("CAST(x AS {union})")));
        let parts = "\"tag_\" := CAST(enum_code(union_tag(x)) AS UTINYINT), \"Tag\" := CAST(union_extract(x, 'Tag') AS INTEGER)";
        assert_eq!(union.written("x"), Some(format!("CASE WHEN x IS NOT NULL THEN struct_pack({parts}) END")));
        let union = SqlType::parse("UNION(\"a\" UINTEGER)").unwrap();
        let kept = "UNION(\"a\" BIGINT)";
        assert_eq!(union.read_back("x"), Some(format!("CAST(CAST(x AS {kept}) AS {union})")));
        let union = SqlType::parse("UNION(\"a\" HUGEINT)[]").unwrap();
        let kept = "UNION(\"a\" DECIMAL(38,0))[]";
        assert_eq!(union.read_back("x"), Some(format!("CAST(CAST(x AS {kept}) AS {union})")));
        let intervals = SqlType::parse("INTERVAL[]").unwrap();
        assert_eq!(
            intervals.written("x").as_deref(),
            Some("CAST(CAST(CAST(x AS VARCHAR[]) AS INTERVAL[]) AS VARCHAR[])")
        );
        assert_eq!(SqlType::parse("UINTEGER").unwrap().in_files(), None, "a load keeps it");
    }

    #[track_caller]
    fn reads(text: &str, expected: &str) {
        let parsed = SqlType::parse(text).unwrap();
        assert_eq!(parsed.to_string(), expected);
        assert_eq!(SqlType::parse(expected).unwrap(), parsed, "{expected}");
    }

    #[test]
    fn types_are_spelled_as_duckdb_does() {
        for text in [
            "BOOLEAN",
            "TIMESTAMP WITH TIME ZONE",
            "TIME WITH TIME ZONE",
            "\"NULL\"",
            "DECIMAL(18,3)",
            "ENUM('a', 'it''s', ')')",
            "INTEGER[]",
            "INTEGER[3][]",
            "MAP(VARCHAR, INTEGER[])",
            "STRUCT(\"a\" INTEGER, \"b \"\"c\" STRUCT(\"d\" DATE))",
            "STRUCT(INTEGER, VARCHAR)",
            "UNION(\"num\" INTEGER, \"str\" VARCHAR)[]",
            "GEOMETRY",
            "GEOMETRY('OGC:CRS84')",
            "VARIANT",
            "JSON",
        ] {
            reads(text, text);
        }
    }

    #[test]
    fn other_names_and_blanks_mean_the_same() {
        for (text, expected) in [
            (" int8 ", "BIGINT"),
            ("text[ ]", "VARCHAR[]"),
            ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
            ("time  with\ntime zone", "TIME WITH TIME ZONE"),
            ("timestamp without time zone", "TIMESTAMP"),
            ("numeric", "DECIMAL(18,3)"),
            ("decimal(4)", "DECIMAL(4,0)"),
            ("double precision", "DOUBLE"),
            (
                "struct(a int, date date, \"x\" map(int,int))",
                "STRUCT(\"a\" INTEGER, \"date\" DATE, \"x\" MAP(INTEGER, INTEGER))",
            ),
            ("varchar(20)", "VARCHAR"),
            ("null", "\"NULL\""),
        ] {
            reads(text, expected);
        }
    }

    #[test]
    fn anything_else_is_no_type() {
        for text in [
            "",
            "BIGINT}) UNION ALL SELECT * FROM query('x') --",
            "INTEGER; DROP TABLE t",
            "INTEGER)",
            "INTEGER /* x",
            "POINTER",
            "mood",
            "main.mood",
            "DECIMAL(39,0)",
            "DECIMAL(3,4)",
            "DECIMAL(-1,0)",
            "ENUM()",
            "ENUM('a', 'a')",
            "ENUM(a)",
            "ENUM('a'",
            "ENUM((SELECT 1))",
            "STRUCT()",
            "STRUCT(a)",
            "STRUCT(a INTEGER, INTEGER)",
            "UNION(INTEGER)",
            "MAP(INTEGER)",
            "INTEGER[0]",
            "INTEGER[-1]",
            "INTEGER[100001]",
            "INTEGER[1",
            "VARCHAR COLLATE NOCASE",
            "VARCHAR USING COMPRESSION x",
            "GEOMETRY('a', 'b')",
            "\"INTEGER\"",
            "INTEGER\0",
        ] {
            let error = SqlType::parse(text).expect_err(text);
            assert!(error.to_string().contains("type"), "{text}: {error}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        assert!(SqlType::parse(&format!("INTEGER{}", "[]".repeat(63))).is_ok());
        assert!(SqlType::parse(&format!("INTEGER{}", "[]".repeat(64))).is_err());
        let nested = |depth| format!("{}INTEGER{}", "STRUCT(a ".repeat(depth), ")".repeat(depth));
        assert!(SqlType::parse(&nested(63)).is_ok());
        assert!(SqlType::parse(&nested(64)).is_err());
        assert!(SqlType::parse(&nested(20_000)).is_err());
        assert!(SqlType::parse(&format!("ENUM('{}')", "x".repeat(MAX_BYTES))).is_err());
    }
}
