//! A session's variables. Each answer comes from a DuckDB of its own, which knows none: those that were set stand before each statement.

use std::fmt;

use super::refusal::Refusal;

/// Most bytes of all variables' statements together: they go with every statement.
const MOST_BYTES: usize = 1 << 20;

/// Types whose text is the whole value.
const PLAIN: &[&str] = &[
    "BIGINT",
    "BLOB",
    "BOOLEAN",
    "DATE",
    "DOUBLE",
    "FLOAT",
    "HUGEINT",
    "INTEGER",
    "INTERVAL",
    "SMALLINT",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "TINYINT",
    "UBIGINT",
    "UHUGEINT",
    "UINTEGER",
    "USMALLINT",
    "UTINYINT",
    "UUID",
    "VARCHAR",
];

/// Whether the text of a value of that type is the whole value.
pub(super) fn is_plain(sql_type: &str) -> bool {
    PLAIN.contains(&sql_type) || sql_type.starts_with("DECIMAL(")
}

/// The statements that set variables, by name, in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Variables(Vec<(String, String)>);

impl fmt::Display for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(_, statement)| write!(f, "{statement}\n;\n"))
    }
}

impl Variables {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether SQL may read one.
    pub(super) fn are_read_by(&self, sql: &str) -> bool {
        !self.is_empty() && sql.to_ascii_lowercase().contains("getvariable")
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Has `statement` set the variable `name`, and no other any more.
    ///
    /// # Errors
    /// Too many of them; all are what they were then.
    pub(super) fn set(&mut self, name: &str, statement: String) -> Result<(), Refusal> {
        let others = self.0.iter().filter(|(known, _)| !known.eq_ignore_ascii_case(name));
        if others.map(|(_, other)| other.len()).sum::<usize>() + statement.len() > MOST_BYTES {
            return Err(Refusal::new("54000", format!("the session's variables are more than {MOST_BYTES} bytes"))
                .with_hint("RESET VARIABLE name forgets one, DISCARD ALL all of them"));
        }
        self.remove(name);
        self.0.push((name.to_owned(), statement));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_set_once_each_and_bounded() {
        let mut variables = Variables::default();
        variables.set("a", "SET VARIABLE a = 1".to_owned()).unwrap();
        variables.set("b", "SET VARIABLE b = 2".to_owned()).unwrap();
        variables.set("A", "SET VARIABLE A = 3".to_owned()).unwrap();
        assert_eq!(variables.to_string(), "SET VARIABLE b = 2\n;\nSET VARIABLE A = 3\n;\n");
        assert!(variables.are_read_by("SELECT GetVariable('a')") && !variables.are_read_by("SELECT 1"));
        let refused = variables.set("c", "x".repeat(MOST_BYTES)).unwrap_err();
        assert_eq!((refused.code.as_str(), variables.0.len()), ("54000", 2));
        variables.remove("a");
        variables.remove("b");
        assert!(variables.is_empty());
    }
}
