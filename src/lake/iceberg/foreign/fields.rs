//! Columns in Iceberg's words, read: each with its number, and the type that DuckDB has for it.

use std::collections::HashSet;

use quack_function::iceberg::metadata::MOST_IDS;
use quack_function::names;
use quack_function::sql_type::SqlType;
use serde_json::{Value as Json, json};

/// Most columns of a table, those within others among them.
const FIELDS: usize = 10_000;

/// Most digits of a decimal.
const DIGITS: u8 = 38;

/// A column, or what is within one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub id: i32,
    pub name: String,
    pub of: Of,
}

/// What a column has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Of {
    /// One value: of DuckDB's type, which Iceberg calls so.
    Plain(SqlType, String),
    Struct(Vec<Field>),
    List(Box<Field>),
    Map(Box<[Field; 2]>),
}

impl Field {
    /// The type as DuckDB has it.
    pub(crate) fn sql_type(&self) -> SqlType {
        match &self.of {
            Of::Plain(sql_type, _) => sql_type.clone(),
            Of::Struct(fields) => {
                SqlType::Struct(fields.iter().map(|field| (field.name.clone(), field.sql_type())).collect())
            }
            Of::List(element) => SqlType::List(Box::new(element.sql_type())),
            Of::Map(pair) => SqlType::Map(Box::new(pair[0].sql_type()), Box::new(pair[1].sql_type())),
        }
    }

    /// As a schema has it.
    pub(crate) fn json(&self) -> Json {
        json!({ "id": self.id, "name": self.name, "required": false, "type": self.of.json() })
    }
}

impl Of {
    fn json(&self) -> Json {
        match self {
            Self::Plain(_, name) => json!(name),
            Self::Struct(fields) => {
                json!({ "type": "struct", "fields": fields.iter().map(Field::json).collect::<Vec<_>>() })
            }
            Self::List(element) => {
                json!({ "type": "list", "element-id": element.id, "element-required": false, "element": element.of.json() })
            }
            Self::Map(pair) => json!({
                "type": "map", "key-id": pair[0].id, "key": pair[0].of.json(),
                "value-id": pair[1].id, "value-required": false, "value": pair[1].of.json()
            }),
        }
    }
}

/// The columns of a schema, and the greatest number that one has.
///
/// # Errors
/// What no table of the lake can have: types, names, numbers.
pub(super) fn of(schema: &Json) -> Result<(Vec<Field>, i32), String> {
    let mut reader = Reader { ids: HashSet::new() };
    let fields = reader.fields(schema)?;
    if fields.is_empty() {
        return Err("it has no columns".to_owned());
    }
    Ok((fields, reader.ids.into_iter().max().unwrap_or_default()))
}

struct Reader {
    ids: HashSet<i32>,
}

impl Reader {
    fn fields(&mut self, of: &Json) -> Result<Vec<Field>, String> {
        let list = of["fields"].as_array().ok_or("a schema has no fields")?;
        let mut known = HashSet::new();
        let field = |field: &Json| -> Result<Field, String> {
            let name = field["name"].as_str().ok_or("a column has no name")?;
            names::check_column(name)?;
            if !known.insert(name.to_lowercase()) {
                return Err(format!("two of its columns are called {name:?}, but for upper and lower case"));
            }
            self.field(name, &field["id"], &field["type"])
        };
        list.iter().map(field).collect()
    }

    fn field(&mut self, name: &str, id: &Json, of: &Json) -> Result<Field, String> {
        let id = id.as_i64().and_then(|id| i32::try_from(id).ok()).filter(|id| (1..=MOST_IDS).contains(id));
        let id = id.ok_or_else(|| format!("the column {name:?} has no number"))?;
        if !self.ids.insert(id) {
            return Err(format!("two columns have the number {id}"));
        }
        if self.ids.len() > FIELDS {
            return Err(format!("it has more than {FIELDS} columns"));
        }
        Ok(Field { id, name: name.to_owned(), of: self.of(name, of)? })
    }

    fn of(&mut self, name: &str, of: &Json) -> Result<Of, String> {
        if let Some(text) = of.as_str() {
            let sql_type = plain(text).ok_or_else(|| {
                let shown: String = text.chars().take(80).collect();
                format!("the column {name:?} has the type {shown:?}, which nobody here reads")
            })?;
            return Ok(Of::Plain(sql_type, text.to_owned()));
        }
        Ok(match of["type"].as_str() {
            Some("struct") => match self.fields(of)? {
                none if none.is_empty() => return Err(format!("the column {name:?} is a struct of nothing")),
                fields => Of::Struct(fields),
            },
            Some("list") => Of::List(Box::new(self.field("element", &of["element-id"], &of["element"])?)),
            Some("map") => {
                let key = self.field("key", &of["key-id"], &of["key"])?;
                Of::Map(Box::new([key, self.field("value", &of["value-id"], &of["value"])?]))
            }
            _ => return Err(format!("the column {name:?} has no type")),
        })
    }
}

/// DuckDB's type for one of Iceberg's form 2 that is not nested.
pub(in crate::lake::iceberg) fn plain(text: &str) -> Option<SqlType> {
    let within = |name: &str| text.strip_prefix(name)?.trim_start().strip_prefix(['(', '['])?.strip_suffix([')', ']']);
    if let Some(digits) = within("decimal") {
        let (width, scale) = digits.split_once(',')?;
        let (width, scale) = (width.trim().parse::<u8>().ok()?, scale.trim().parse::<u8>().ok()?);
        return ((1..=DIGITS).contains(&width) && scale <= width).then_some(SqlType::Decimal { width, scale });
    }
    if let Some(bytes) = within("fixed") {
        return bytes.trim().parse::<u32>().ok().map(|_| SqlType::Plain("BLOB"));
    }
    Some(SqlType::Plain(match text {
        "boolean" => "BOOLEAN",
        "int" => "INTEGER",
        "long" => "BIGINT",
        "float" => "FLOAT",
        "double" => "DOUBLE",
        "date" => "DATE",
        "time" => "TIME",
        "timestamp" => "TIMESTAMP",
        "timestamptz" => "TIMESTAMP WITH TIME ZONE",
        "string" => "VARCHAR",
        "uuid" => "UUID",
        "binary" => "BLOB",
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_that_duckdb_has() {
        for (text, sql_type) in [
            ("long", Some("BIGINT")),
            ("decimal(9,2)", Some("DECIMAL(9,2)")),
            ("decimal(38, 10)", Some("DECIMAL(38,10)")),
            ("fixed[16]", Some("BLOB")),
            ("timestamptz", Some("TIMESTAMP WITH TIME ZONE")),
            ("decimal(39, 1)", None),
            ("decimal(3, 4)", None),
            ("decimal", None),
            ("fixed[x]", None),
            ("timestamp_ns", None),
            ("variant", None),
            ("INTEGER) AS a, (", None),
        ] {
            assert_eq!(plain(text).map(|of| of.to_string()).as_deref(), sql_type, "{text}");
        }
    }

    #[test]
    fn schemas_come_back_as_they_were() {
        let list = |of: Json| json!({"type": "list", "element-id": 8, "element-required": false, "element": of});
        let schema = json!({"fields": [
            {"id": 1, "name": "a", "required": true, "type": "int"},
            {"id": 2, "name": "s", "required": false, "type": {"type": "struct", "fields": [
                {"id": 7, "name": "x y", "required": false, "type": list(json!("string"))}]}},
            {"id": 3, "name": "m", "required": false, "type": {
                "type": "map", "key-id": 4, "key": "string", "value-id": 5, "value-required": false, "value": "decimal(9, 2)"}}
        ]});
        let (fields, last) = of(&schema).unwrap();
        let types: Vec<String> = fields.iter().map(|field| field.sql_type().to_string()).collect();
        assert_eq!(types, ["INTEGER", "STRUCT(\"x y\" VARCHAR[])", "MAP(VARCHAR, DECIMAL(9,2))"]);
        assert_eq!(last, 8);
        let mut wanted = schema["fields"].as_array().unwrap().clone();
        wanted[0]["required"] = json!(false);
        assert_eq!(fields.iter().map(Field::json).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn what_no_table_can_have_is_refused() {
        let field = |id: i64, name: &str, of: Json| json!({"id": id, "name": name, "type": of});
        for (fields, told) in [
            (json!([]), "no columns"),
            (json!("x"), "no fields"),
            (json!([{"id": 1, "type": "int"}]), "no name"),
            (json!([field(0, "a", json!("int"))]), "\"a\" has no number"),
            (json!([field(1 << 31, "a", json!("int"))]), "has no number"),
            (json!([field(1, "a", json!("int")), field(1, "b", json!("int"))]), "two columns have the number 1"),
            (json!([field(1, "a", json!("int")), field(2, "A", json!("int"))]), "are called \"A\""),
            (json!([field(1, "a\u{1b}[2J", json!("int"))]), "control character"),
            (json!([field(1, "a", json!("geometry"))]), "has the type \"geometry\""),
            (json!([field(1, "a", json!({"type": "struct", "fields": []}))]), "struct of nothing"),
            (json!([field(1, "a", json!({"type": "list", "element-id": 1, "element": "int"}))]), "two columns"),
            (json!([field(1, "a", json!(7))]), "has no type"),
        ] {
            let error = of(&json!({ "fields": fields })).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
