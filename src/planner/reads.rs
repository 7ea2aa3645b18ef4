//! How much of files a query reads: Parquet keeps each column by itself, so that those which a query does not name stay where they are.

use std::collections::HashSet;

use serde_json::Value;

use super::ast::{self, class, kind, text};
use super::estimate::is_fixed;
use crate::lake::catalog::{ColumnStats, DataFile, Table};

/// What is read of a file besides its columns, bytes: its footer, and a request for it.
const FOOTER_BYTES: u64 = 16 << 10;

/// The columns that a syntax tree may read; rather too many than too few.
pub(super) struct Reads {
    /// Every text in it, in lower case: whatever names a column is among them.
    words: HashSet<String>,
    /// It has `*`, a whole row, or columns by other names than the table's.
    every: bool,
}

impl Reads {
    pub(super) fn of(tree: &Value) -> Self {
        let (mut tables, mut every) = (HashSet::new(), false);
        ast::visit(tree, &mut |object| {
            if kind(object) == "BASE_TABLE" {
                tables.extend(["alias", "table_name"].map(|key| text(object, key).to_lowercase()));
                every |= !ast::items(object, "column_name_alias").is_empty();
            }
            every |= class(object) == "STAR" || text(object, "ref_type") == "NATURAL";
            true
        });
        ast::visit(tree, &mut |object| {
            every |= ast::bare_column(object).is_some_and(|name| tables.contains(&name.to_lowercase()));
            !every
        });
        Self { words: words(tree), every }
    }

    /// What a query that shows these columns reads most likely: a `*` further in, as in `EXISTS (SELECT * ...)`, most often reads no more than is
    /// named.
    pub(super) fn likely(self, select_list: &[Value]) -> Self {
        Self { every: select_list.iter().any(|shown| class(shown) == "STAR"), ..self }
    }

    /// Bytes that are read of all files of `table`.
    pub(super) fn table(&self, table: &Table) -> u64 {
        if self.every { table.bytes } else { self.files(table, table.files.iter()) }
    }

    /// How many columns are read of the files of `table`, and how many of them hold texts, lists or other values of no fixed width.
    pub(super) fn columns(&self, table: &Table) -> (u64, u64) {
        let read = own(table).filter(|column| self.every || self.words.contains(&column.name.to_lowercase()));
        read.fold((0, 0), |(all, wide), column| (all + 1, wide + u64::from(!is_fixed(&column.sql_type))))
    }

    /// Bytes that are read of these files of `table`.
    pub(super) fn files<'a>(&self, table: &Table, files: impl Iterator<Item = &'a DataFile>) -> u64 {
        let columns: Vec<(&str, bool)> =
            own(table).map(|column| (column.name.as_str(), self.words.contains(&column.name.to_lowercase()))).collect();
        files.map(|file| if self.every { file.bytes } else { of_file(&columns, file) }).fold(0, u64::saturating_add)
    }
}

/// The columns that are in files: those of partitions are in none.
fn own(table: &Table) -> impl Iterator<Item = &ColumnStats> {
    table.columns.iter().take(table.columns.len().saturating_sub(table.partitions.len()))
}

/// Bytes of the columns of a file that are read. Where a file does not say what its columns take, one is as much as another.
fn of_file(columns: &[(&str, bool)], file: &DataFile) -> u64 {
    let (mut known, mut read) = (0_u64, 0_u64);
    let (mut unknown, mut unknown_read) = (0_u64, 0_u64);
    for (name, is_read) in columns {
        match file.columns.get(*name).and_then(|column| column.bytes) {
            Some(bytes) => {
                known = known.saturating_add(bytes);
                read = read.saturating_add(if *is_read { bytes } else { 0 });
            }
            None => {
                unknown += 1;
                unknown_read += u64::from(*is_read);
            }
        }
    }
    let rest = u128::from(file.bytes.saturating_sub(known)) * u128::from(unknown_read) / u128::from(unknown.max(1));
    read.saturating_add(u64::try_from(rest).unwrap_or(u64::MAX)).saturating_add(FOOTER_BYTES).min(file.bytes)
}

/// Every text in a query, in lower case.
pub(super) fn words(tree: &Value) -> HashSet<String> {
    fn add(value: &Value, words: &mut HashSet<String>) {
        match value {
            Value::String(text) => drop(words.insert(text.to_lowercase())),
            Value::Array(values) => values.iter().for_each(|value| add(value, words)),
            Value::Object(fields) => fields.values().for_each(|value| add(value, words)),
            _ => {}
        }
    }
    let mut words = HashSet::new();
    add(tree, &mut words);
    words
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;
    use crate::lake::catalog::FileColumn;

    const MB: u64 = 1_000_000;

    /// Two files of a table: of one it is known what its columns take, a tenth, two tenths, the rest and nothing.
    fn table() -> Table {
        let size = |bytes| FileColumn { bytes: Some(bytes), ..FileColumn::default() };
        let told = DataFile {
            bytes: 1000 * MB,
            columns: [("a", 100), ("B", 200), ("c", 690)].map(|(name, mb)| (name.to_owned(), size(mb * MB))).into(),
            ..DataFile::named("1".to_owned())
        };
        let mut table = Table::of(vec![told, DataFile { bytes: 300 * MB, ..DataFile::named("2".to_owned()) }]);
        let column = |name: &str| serde_json::json!({ "name": name, "type": "BIGINT" });
        table.columns = serde_json::from_value(["a", "B", "c", "day"].map(column).to_vec().into()).unwrap();
        table.partitions = serde_json::from_value([column("day")].to_vec().into()).unwrap();
        table.bytes = 1300 * MB;
        table
    }

    #[test]
    fn columns_that_are_named_are_read() {
        let scratch = Scratch::open().unwrap();
        for (sql, mb) in [
            ("SELECT count(*) FROM t", 0),
            ("SELECT day, count(*) FROM t GROUP BY ALL", 0),
            ("SELECT A FROM t", 200),
            ("SELECT x.b FROM t AS x WHERE a > 3", 500),
            ("SELECT t1.a FROM t t1 JOIN t t2 USING (c)", 990),
            ("SELECT *, 1 FROM t", 1300),
            ("FROM t", 1300),
            ("SELECT x FROM t x", 1300),
            ("SELECT T FROM t", 1300),
            ("SELECT x.p FROM t x(p, q, r)", 1300),
            ("SELECT 1 FROM t NATURAL JOIN t t2", 1300),
            ("SELECT COLUMNS('a') FROM t", 1300),
        ] {
            let wanted = if mb == 1300 { mb * MB } else { mb * MB + 2 * FOOTER_BYTES };
            assert_eq!(Reads::of(&scratch.parse(sql).unwrap()).table(&table()), wanted, "{sql}");
        }
    }

    #[test]
    fn what_a_file_says_of_itself_is_no_more_than_it_is() {
        let size = |bytes| FileColumn { bytes: Some(bytes), ..FileColumn::default() };
        let columns = [("a".to_owned(), size(u64::MAX)), ("b".to_owned(), size(u64::MAX))];
        let file = DataFile { bytes: 10, columns: columns.into(), ..DataFile::named("1".to_owned()) };
        assert_eq!(of_file(&[("a", true), ("b", true), ("c", true)], &file), 10);
        let empty = DataFile { bytes: 7, ..DataFile::named("2".to_owned()) };
        assert_eq!(of_file(&[], &empty), 7);
    }
}
