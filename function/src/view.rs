//! Views: what a catalog keeps of them, and what an event tells of those that its SQL names. A catalog is read as if somebody
//! else had written it; a view's SQL is judged as any other.

use crate::names::{self, TEXT_BYTES};
use crate::sql::{identifier, literal, own_table};
use crate::sql_type::SqlType;
use serde::{Deserialize, Serialize};

/// Most columns of a view.
const COLUMNS: usize = 10_000;

/// A view by name: a SELECT, and what its first columns are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewDef {
    pub name: String,
    /// One SELECT.
    pub sql: String,
    /// Names for its columns, from the first on; the others are called as the SELECT calls them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

impl ViewDef {
    /// The statement that makes the view; its SQL has to be judged before.
    pub fn create_sql(&self) -> String {
        let aliases: Vec<String> = self.aliases.iter().map(|name| identifier(name)).collect();
        let aliases = if aliases.is_empty() { String::new() } else { format!(" ({})", aliases.join(", ")) };
        format!("CREATE VIEW {}{aliases} AS {}", own_table(&self.name), self.sql)
    }
}

/// A view as a catalog keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// One SELECT, as it was written.
    pub sql: String,
    /// Names that the statement which made it gave its columns, from the first on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// All its columns, as they were when it was made.
    pub columns: Vec<ViewColumn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A column of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub sql_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl View {
    /// What travels with a query.
    pub fn definition(&self, name: &str) -> ViewDef {
        ViewDef { name: name.to_owned(), sql: self.sql.clone(), aliases: self.aliases.clone() }
    }

    /// Refuses what nobody here could have written.
    ///
    /// # Errors
    /// The first such thing.
    pub fn check(&self) -> Result<(), String> {
        if self.sql.len() > TEXT_BYTES {
            return Err(format!("its SQL is longer than {TEXT_BYTES} bytes"));
        }
        if self.columns.is_empty() || self.columns.len() > COLUMNS {
            return Err(format!("it has {} columns", self.columns.len()));
        }
        if self.aliases.len() > self.columns.len() {
            return Err("it names more columns than it has".to_owned());
        }
        names::check_comment(self.comment.as_deref())?;
        self.aliases.iter().try_for_each(|name| names::check_column(name))?;
        self.columns.iter().try_for_each(|column| {
            names::check_column(&column.name)?;
            names::check_comment(column.comment.as_deref())?;
            let sound = SqlType::parse(&column.sql_type);
            sound.map(drop).map_err(|error| format!("the column {:?}: {error}", column.name))
        })
    }

    /// The statement that makes a view without rows that has its columns, and reads nothing.
    ///
    /// # Errors
    /// A type that is none.
    pub fn stand_in(&self, name: &str) -> Result<String, String> {
        let columns = self.columns.iter().map(|column| {
            let sql_type = SqlType::parse(&column.sql_type).map_err(|error| error.to_string())?;
            Ok(format!("CAST(NULL AS {sql_type}) AS {}", identifier(&column.name)))
        });
        let columns = columns.collect::<Result<Vec<_>, String>>()?.join(", ");
        Ok(format!("CREATE VIEW {} AS SELECT {columns} LIMIT 0", own_table(name)))
    }

    /// The statements that say what was written about it, and about its columns.
    pub fn comments(&self, name: &str) -> Vec<String> {
        let columns = self.columns.iter().filter_map(|column| Some((column.name.as_str(), column.comment.as_deref()?)));
        comments("VIEW", name, self.comment.as_deref(), columns)
    }
}

/// The statements that say what was written about a table or a view, which `kind` is, and about its columns.
pub fn comments<'a>(
    kind: &str,
    name: &str,
    comment: Option<&str>,
    columns: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<String> {
    let own = own_table(name);
    let of_columns = columns
        .map(|(column, comment)| format!("COMMENT ON COLUMN {own}.{} IS {}", identifier(column), literal(comment)));
    let whole = comment.map(|comment| format!("COMMENT ON {kind} {own} IS {}", literal(comment)));
    whole.into_iter().chain(of_columns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(sql_type: &str) -> View {
        let column = ViewColumn { name: "a \"b".into(), sql_type: sql_type.into(), comment: Some("it's".into()) };
        View { sql: "SELECT 1 -- one".into(), columns: vec![column], comment: Some("c".into()), ..View::default() }
    }

    #[test]
    fn statements_quote_what_they_are_made_of() {
        let view = View { aliases: vec!["a \"b".into()], ..view("DECIMAL(9,2)") };
        assert_eq!(
            view.definition("v\"").create_sql(),
            "CREATE VIEW memory.main.\"v\"\"\" (\"a \"\"b\") AS SELECT 1 -- one"
        );
        let made = "CREATE VIEW memory.main.\"v\" AS SELECT CAST(NULL AS DECIMAL(9,2)) AS \"a \"\"b\" LIMIT 0";
        assert_eq!(view.stand_in("v").unwrap(), made);
        let comments = view.comments("v");
        assert_eq!(comments[0], "COMMENT ON VIEW memory.main.\"v\" IS 'c'");
        assert_eq!(comments[1], "COMMENT ON COLUMN memory.main.\"v\".\"a \"\"b\" IS 'it''s'");
    }

    #[test]
    fn what_nobody_here_writes_is_told() {
        assert_eq!(view("INTEGER").check(), Ok(()));
        let long = "x".repeat(TEXT_BYTES + 1);
        for (view, told) in [
            (view("INTEGER) AS x, (SELECT 1"), "is no type"),
            (View { sql: long.clone(), ..view("INTEGER") }, "SQL is longer"),
            (View { comment: Some(long), ..view("INTEGER") }, "a comment is longer"),
            (View { columns: Vec::new(), ..view("INTEGER") }, "it has 0 columns"),
            (View { aliases: vec!["a".into(); 2], ..view("INTEGER") }, "more columns than it has"),
            (View { aliases: vec!["\u{1b}".into()], ..view("INTEGER") }, "control character"),
        ] {
            let error = view.check().expect_err(told);
            assert!(error.contains(told), "{error}");
        }
    }
}
