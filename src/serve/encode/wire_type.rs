//! The types of PostgreSQL that stand for DuckDB's. Object ids are those of PostgreSQL's `pg_type.dat`, which never change.

use quack_function::sql_type::SqlType;

/// A type that is not made of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Scalar {
    Bool,
    Int2,
    Int4,
    Int8,
    /// The number of something in the catalog.
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytea,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Varbit,
}

/// A type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum WireType {
    Scalar(Scalar),
    /// A list with one dimension.
    Array(Scalar),
}

/// Each with its object id, that of its array, its size in bytes (-1 where that varies), and DuckDB's type for a parameter of it.
const ALL: &[(Scalar, u32, u32, i16, &str)] = &[
    (Scalar::Bool, 16, 1000, 1, "BOOLEAN"),
    (Scalar::Bytea, 17, 1001, -1, "BLOB"),
    (Scalar::Int8, 20, 1016, 8, "BIGINT"),
    (Scalar::Int2, 21, 1005, 2, "SMALLINT"),
    (Scalar::Int4, 23, 1007, 4, "INTEGER"),
    (Scalar::Text, 25, 1009, -1, "VARCHAR"),
    (Scalar::Oid, 26, 1028, 4, "BIGINT"),
    (Scalar::Json, 114, 199, -1, "JSON"),
    (Scalar::Float4, 700, 1021, 4, "FLOAT"),
    (Scalar::Float8, 701, 1022, 8, "DOUBLE"),
    (Scalar::Date, 1082, 1182, 4, "DATE"),
    (Scalar::Time, 1083, 1183, 8, "TIME"),
    (Scalar::Timestamp, 1114, 1115, 8, "TIMESTAMP"),
    (Scalar::TimestampTz, 1184, 1185, 8, "TIMESTAMP WITH TIME ZONE"),
    (Scalar::Interval, 1186, 1187, 16, "INTERVAL"),
    (Scalar::TimeTz, 1266, 1270, 12, "TIME WITH TIME ZONE"),
    (Scalar::Varbit, 1562, 1563, -1, "BIT"),
    (Scalar::Numeric, 1700, 1231, -1, "DECIMAL(38,10)"),
    (Scalar::Uuid, 2950, 2951, 16, "UUID"),
];

/// Other object ids that clients send for parameters: names, characters, `varchar`, `jsonb`, with their arrays.
const ALIKE: &[(u32, u32, Scalar)] = &[
    (18, 1002, Scalar::Text),
    (19, 1003, Scalar::Text),
    (1042, 1014, Scalar::Text),
    (1043, 1015, Scalar::Text),
    (3802, 3807, Scalar::Json),
];

impl Scalar {
    fn entry(self) -> &'static (Scalar, u32, u32, i16, &'static str) {
        ALL.iter().find(|entry| entry.0 == self).unwrap_or(&ALL[5])
    }

    pub(in crate::serve) fn oid(self) -> u32 {
        self.entry().1
    }

    /// DuckDB's type for a parameter of it.
    pub(in crate::serve) fn duckdb(self) -> &'static str {
        self.entry().4
    }
}

impl WireType {
    /// What stands for a type of DuckDB's. What PostgreSQL has no like of becomes JSON, numbers without end `numeric`.
    pub(in crate::serve) fn of(sql_type: &SqlType) -> Self {
        let scalar = match sql_type {
            SqlType::List(element) | SqlType::Array(element, _) => {
                return match Self::of(element) {
                    // Lists in lists may be of several lengths, which an array of several dimensions cannot.
                    Self::Scalar(Scalar::Json) if !matches!(**element, SqlType::Plain(_)) => Self::Scalar(Scalar::Json),
                    Self::Array(_) => Self::Scalar(Scalar::Json),
                    Self::Scalar(element) => Self::Array(element),
                };
            }
            SqlType::Struct(_) | SqlType::Map(..) | SqlType::Union(_) => Scalar::Json,
            SqlType::Decimal { .. } => Scalar::Numeric,
            SqlType::Enum(_) | SqlType::Geometry(_) => Scalar::Text,
            SqlType::Plain(name) => match *name {
                "BOOLEAN" => Scalar::Bool,
                "TINYINT" | "SMALLINT" | "UTINYINT" => Scalar::Int2,
                "INTEGER" | "USMALLINT" => Scalar::Int4,
                "BIGINT" | "UINTEGER" => Scalar::Int8,
                "UBIGINT" | "HUGEINT" | "UHUGEINT" | "BIGNUM" => Scalar::Numeric,
                "FLOAT" => Scalar::Float4,
                "DOUBLE" => Scalar::Float8,
                "BLOB" => Scalar::Bytea,
                "DATE" => Scalar::Date,
                "TIME" | "TIME_NS" => Scalar::Time,
                "TIME WITH TIME ZONE" => Scalar::TimeTz,
                "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" => Scalar::Timestamp,
                "TIMESTAMP WITH TIME ZONE" => Scalar::TimestampTz,
                "INTERVAL" => Scalar::Interval,
                "UUID" => Scalar::Uuid,
                "JSON" | "VARIANT" => Scalar::Json,
                "BIT" => Scalar::Varbit,
                _ => Scalar::Text,
            },
        };
        Self::Scalar(scalar)
    }

    /// What an object id stands for; nothing for `unknown` (705), 0, and those that are not known here.
    pub(in crate::serve) fn of_oid(oid: u32) -> Option<Self> {
        let known = ALL.iter().map(|(scalar, own, array, ..)| (*own, *array, *scalar)).chain(ALIKE.iter().copied());
        known.into_iter().find_map(|(own, array, scalar)| match oid {
            oid if oid == own => Some(Self::Scalar(scalar)),
            oid if oid == array => Some(Self::Array(scalar)),
            _ => None,
        })
    }

    /// The same of a column of the catalog, in which lists of numbers are lists of object ids: drivers know that type without asking.
    pub(in crate::serve) fn of_catalog(self) -> Self {
        if self == Self::Array(Scalar::Int8) { Self::Array(Scalar::Oid) } else { self }
    }

    pub(in crate::serve) fn oid(self) -> u32 {
        match self {
            Self::Scalar(scalar) => scalar.oid(),
            Self::Array(scalar) => scalar.entry().2,
        }
    }

    /// Bytes of a value, -1 where that varies.
    pub(in crate::serve) fn size(self) -> i16 {
        match self {
            Self::Scalar(scalar) => scalar.entry().3,
            Self::Array(_) => -1,
        }
    }

    /// DuckDB's type for a parameter of it.
    pub(in crate::serve) fn duckdb(self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.duckdb().to_owned(),
            Self::Array(scalar) => format!("{}[]", scalar.duckdb()),
        }
    }
}

/// The modifier of a DECIMAL, in which PostgreSQL keeps its digits; -1 for other types.
pub(super) fn modifier(sql_type: &SqlType) -> i32 {
    match sql_type {
        SqlType::Decimal { width, scale } => ((i32::from(*width) << 16) | i32::from(*scale)) + 4,
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_of_duckdbs_has_one() {
        let of = |text: &str| WireType::of(&SqlType::parse(text).unwrap());
        for (text, oid) in [
            ("UINTEGER", 20),
            ("HUGEINT", 1700),
            ("ENUM('a', 'b')", 25),
            ("INTEGER[]", 1007),
            ("DATE[3]", 1182),
            ("INTEGER[][]", 114),
            ("STRUCT(a INTEGER)", 114),
            ("STRUCT(a INTEGER)[]", 114),
            ("JSON[]", 199),
            ("MAP(VARCHAR, INTEGER)", 114),
            ("BIT", 1562),
        ] {
            assert_eq!(of(text).oid(), oid, "{text}");
        }
        assert_eq!(WireType::of_oid(1043), Some(WireType::Scalar(Scalar::Text)));
        assert_eq!(WireType::of_oid(1016).map(WireType::duckdb), Some("BIGINT[]".to_owned()));
        assert_eq!((WireType::of_oid(0), WireType::of_oid(705)), (None, None));
        assert_eq!(modifier(&SqlType::parse("DECIMAL(10,2)").unwrap()), (10 << 16) + 2 + 4);
    }
}
