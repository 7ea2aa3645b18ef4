//! Table definitions: what an event tells of the tables that its SQL names.

use crate::file_part::FilePart;
use crate::iceberg::metadata::Differs;
use crate::sql::{identifier, literal, own_table};
use crate::sql_type::{BadType, SqlType};
use crate::wire::Column;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Longest name of a table or a column, bytes.
const MAX_NAME_BYTES: usize = 1024;

/// Most files of a table.
const MAX_FILES: usize = 200_000;

/// Most shapes of a table's files.
const MAX_SHAPES: usize = 1_000;

/// Most partition columns of a table.
const MAX_PARTITIONS: usize = 64;

/// A table by name: Parquet files and the columns that their folder names carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDef {
    pub name: String,
    /// `s3://` addresses of Parquet files.
    pub files: Vec<FilePart>,
    /// Hive partition columns in folder order (`date=2019-04-01/`), with their DuckDB types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Column>,
    /// All files, where not all of them have the table's columns, or those are of types that files have as others; `files` is
    /// empty then, which a function refuses that does not know of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shapes: Option<Shapes>,
}

/// Files of which some have not all of a table's columns, or have them of other types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shapes {
    /// The columns that are in files, with the types that they have in the table.
    pub columns: Vec<Column>,
    pub groups: Vec<Group>,
}

/// Files that have the same columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// `s3://` addresses.
    pub files: Vec<FilePart>,
    /// Names of the table's columns that these have not: each is NULL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// The files, where some of their columns are called otherwise; `files` is empty then, which a function refuses that does not
    /// know of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
}

/// Files in which some of a table's columns are called otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// `s3://` addresses.
    pub files: Vec<String>,
    /// By the name of a column of the table, what it is called in these files.
    pub columns: BTreeMap<String, String>,
}

impl Group {
    /// The files at these addresses, whose columns differ from the table's as told. Those with columns of other names are read whole.
    pub fn new(files: Vec<FilePart>, differs: Differs) -> Self {
        let Differs { lacks, named: columns } = differs;
        match columns.is_empty() {
            true => Self { files, lacks, named: None },
            false => {
                let files = files.iter().map(|part| part.file().to_owned()).collect();
                Self { files: Vec::new(), lacks, named: Some(Named { files, columns }) }
            }
        }
    }

    /// The addresses of all its files.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let named = self.named.iter().flat_map(|named| &named.files);
        self.files.iter().map(FilePart::file).chain(named.map(String::as_str))
    }

    /// What the column `name` of the table is called in these files.
    fn own<'a>(&'a self, name: &'a str) -> &'a str {
        self.named.as_ref().and_then(|named| named.columns.get(name)).map_or(name, String::as_str)
    }
}

impl Shapes {
    /// What stands in FROM for all files: a query in brackets. Of each row it also gives what `also` names, columns that DuckDB
    /// has of every file.
    ///
    /// # Errors
    /// When a type is none.
    pub fn read_sql(&self, partitions: &[Column], also: &[&str]) -> Result<String, BadType> {
        let types: Vec<SqlType> =
            self.columns.iter().map(|column| SqlType::parse(&column.sql_type)).collect::<Result<_, BadType>>()?;
        let selects = self.groups.iter().map(|group| {
            let own = self.columns.iter().zip(&types).map(|(column, sql_type)| {
                let name = identifier(&column.name);
                let own = identifier(group.own(&column.name));
                let value = match group.lacks.contains(&column.name) {
                    true => format!("CAST(NULL AS {sql_type})"),
                    false => sql_type.read_back(&own).unwrap_or_else(|| format!("CAST({own} AS {sql_type})")),
                };
                format!("{value} AS {name}")
            });
            let folders = partitions.iter().map(|column| identifier(&column.name));
            let all: Vec<String> = own.chain(folders).chain(also.iter().map(|name| identifier(name))).collect();
            let read = match &group.named {
                Some(named) => read_sql(&named.files, partitions)?,
                None => read_parts_sql(&group.files, partitions)?,
            };
            Ok(format!("SELECT {} FROM {read}", all.join(", ")))
        });
        Ok(format!("({})", selects.collect::<Result<Vec<_>, BadType>>()?.join(" UNION ALL ")))
    }
}

/// Whether files may have some of the table's `columns` as another type, which is to be cast back.
pub fn are_cast(columns: &[Column]) -> bool {
    columns.iter().any(|column| SqlType::parse(&column.sql_type).is_ok_and(|own| own.read_back("").is_some()))
}

/// What stands in FROM for files that all have the same columns, and whose folders carry the values of `partitions`.
///
/// # Errors
/// When a type is none.
pub fn read_sql(files: &[impl AsRef<str>], partitions: &[Column]) -> Result<String, BadType> {
    let files: Vec<String> = files.iter().map(|file| literal(file.as_ref())).collect();
    Ok(format!("read_parquet([{}], {})", files.join(", "), hive_options(partitions)?))
}

/// The same of files of which some are read in part, in their order.
///
/// What rows of a file are read is said right where it is read: only there does DuckDB (1.5) leave the row groups alone that have none
/// of them. `file_row_number` is a column that it has of each Parquet file, unless a column of the file is called so.
///
/// # Errors
/// When a type is none.
pub fn read_parts_sql(parts: &[FilePart], partitions: &[Column]) -> Result<String, BadType> {
    let is_whole = |part: &FilePart| matches!(part, FilePart::Whole(_));
    let runs = parts.chunk_by(|a, b| is_whole(a) && is_whole(b)).map(|run| match run {
        [FilePart::Rows { file, first_row, last_row }] => {
            let read = read_sql(&[file], partitions)?;
            Ok(format!("SELECT * FROM {read} WHERE file_row_number BETWEEN {first_row} AND {last_row}"))
        }
        whole => Ok(format!("SELECT * FROM {}", read_sql(&files_of(whole), partitions)?)),
    });
    if parts.iter().all(is_whole) {
        return read_sql(&files_of(parts), partitions);
    }
    Ok(format!("({})", runs.collect::<Result<Vec<_>, BadType>>()?.join(" UNION ALL ")))
}

fn files_of(parts: &[FilePart]) -> Vec<&str> {
    parts.iter().map(FilePart::file).collect()
}

/// What is wrong with a table definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadTable {
    message: String,
}

impl TableDef {
    /// The statement that makes the view which stands for the table.
    ///
    /// # Errors
    /// When a name is empty, too long or not unique, a type is none, or there are too many files.
    pub fn view_sql(&self) -> Result<String, BadTable> {
        self.check()?;
        let read = match &self.shapes {
            Some(shapes) => shapes.read_sql(&self.partitions, &[]),
            None => read_parts_sql(&self.files, &self.partitions),
        };
        let read = read.map_err(|error| self.bad(error))?;
        // DuckDB has several such columns in the order of their names, and not of the folders.
        let partitions: Vec<String> = self.partitions.iter().map(|column| identifier(&column.name)).collect();
        let partitions = partitions.join(", ");
        let columns = match (&self.shapes, self.partitions.len()) {
            (Some(_), _) | (None, 0 | 1) => "*".to_owned(),
            _ => format!("* EXCLUDE ({partitions}), {partitions}"),
        };
        Ok(format!("CREATE VIEW {} AS SELECT {columns} FROM {read}", own_table(&self.name)))
    }

    /// The addresses of all its files.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let groups = self.shapes.iter().flat_map(|shapes| &shapes.groups);
        self.files.iter().map(FilePart::file).chain(groups.flat_map(Group::addresses))
    }

    fn check(&self) -> Result<(), BadTable> {
        check_name(&self.name).map_err(|what| self.bad(what))?;
        let mut names = HashSet::new();
        for column in &self.partitions {
            check_name(&column.name).map_err(|what| self.bad(format!("a partition column: {what}")))?;
            if !names.insert(column.name.to_lowercase()) {
                return Err(self.bad(format!("two partition columns are called {:?}", column.name)));
            }
        }
        if self.partitions.len() > MAX_PARTITIONS {
            return Err(self.bad(format!("more than {MAX_PARTITIONS} partition columns")));
        }
        if let Some(shapes) = &self.shapes {
            let mut names = HashSet::new();
            for Column { name, .. } in &shapes.columns {
                check_name(name).map_err(|what| self.bad(format!("a column: {what}")))?;
                if !names.insert(name.to_lowercase()) {
                    return Err(self.bad(format!("two columns are called {name:?}")));
                }
            }
            let named = shapes.groups.iter().filter_map(|group| group.named.as_ref());
            for name in named.flat_map(|named| named.columns.values()) {
                check_name(name).map_err(|what| self.bad(format!("a column of files: {what}")))?;
            }
            if shapes.groups.len() > MAX_SHAPES || names.is_empty() || shapes.groups.is_empty() {
                return Err(self.bad(format!("{} columns in {} shapes", names.len(), shapes.groups.len())));
            }
        }
        if self.addresses().count() > MAX_FILES {
            return Err(self.bad(format!("more than {MAX_FILES} files")));
        }
        Ok(())
    }

    fn bad(&self, what: impl fmt::Display) -> BadTable {
        let name: String = self.name.chars().take(80).collect();
        BadTable { message: format!("the definition of table {name:?} is malformed: {what}") }
    }
}

/// What `read_parquet` is told of files whose folders carry the values of `partitions`, of which there may be none.
///
/// # Errors
/// When a type is none.
pub fn hive_options(partitions: &[Column]) -> Result<String, BadType> {
    if partitions.is_empty() {
        return Ok("hive_partitioning = false".to_owned());
    }
    // As texts: a bare type may be one word only there, not `DECIMAL(9,2)`.
    let typed = |column: &Column| {
        let sql_type = SqlType::parse(&column.sql_type)?.to_string();
        Ok(format!("{}: {}", identifier(&column.name), literal(&sql_type)))
    };
    let types: Vec<String> = partitions.iter().map(typed).collect::<Result<_, BadType>>()?;
    Ok(format!("hive_partitioning = true, hive_types = {{{}}}", types.join(", ")))
}

fn check_name(name: &str) -> Result<(), String> {
    match name {
        "" => Err("a name is empty".to_owned()),
        name if name.len() > MAX_NAME_BYTES => Err(format!("a name is longer than {MAX_NAME_BYTES} bytes")),
        name if name.chars().any(char::is_control) => Err(format!("the name {name:?} holds a control character")),
        _ => Ok(()),
    }
}

impl fmt::Display for BadTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BadTable {}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, partitions: &[(&str, &str)]) -> TableDef {
        let column = |(name, sql_type): &(&str, &str)| Column { name: (*name).into(), sql_type: (*sql_type).into() };
        TableDef {
            name: name.into(),
            files: vec!["s3://b/it's.parquet".into(), "s3://b/2.parquet".into()],
            partitions: partitions.iter().map(column).collect(),
            shapes: None,
        }
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(
            table("my \"trips", &[("da te", "DATE")]).view_sql().unwrap(),
            "CREATE VIEW memory.main.\"my \"\"trips\" AS SELECT * FROM read_parquet(['s3://b/it''s.parquet', 's3://b/2.parquet'], \
             hive_partitioning = true, hive_types = {\"da te\": 'DATE'})"
        );
        let view = table("t", &[("k", "BIGINT"), ("day", "DATE")]).view_sql().unwrap();
        assert!(view.contains(" AS SELECT * EXCLUDE (\"k\", \"day\"), \"k\", \"day\" FROM read_parquet("), "{view}");
    }

    #[test]
    fn parts_of_files_are_read_by_the_numbers_of_their_rows() {
        let rows = |first_row, last_row| FilePart::Rows { file: "f'".into(), first_row, last_row };
        let read = |parts: &[FilePart]| read_parts_sql(parts, &[]).unwrap();
        let none = "hive_partitioning = false";
        assert_eq!(read(&["a".into(), "b".into()]), format!("read_parquet(['a', 'b'], {none})"));
        assert_eq!(
            read(&[rows(5, 9), "a".into(), "b".into(), rows(0, 1)]),
            format!(
                "(SELECT * FROM read_parquet(['f'''], {none}) WHERE file_row_number BETWEEN 5 AND 9 UNION ALL \
                 SELECT * FROM read_parquet(['a', 'b'], {none}) UNION ALL \
                 SELECT * FROM read_parquet(['f'''], {none}) WHERE file_row_number BETWEEN 0 AND 1)"
            )
        );
    }

    #[test]
    fn files_of_several_shapes_are_put_together() {
        let column = |name: &str, sql_type: &str| Column { name: name.into(), sql_type: sql_type.into() };
        let group = |file: &str, lacks: &[&str]| {
            let lacks = lacks.iter().map(|name| (*name).to_owned()).collect();
            Group::new(vec![file.into()], Differs { lacks, ..Differs::default() })
        };
        let mixed = |groups: Vec<Group>| TableDef {
            files: Vec::new(),
            shapes: Some(Shapes { columns: vec![column("a", "BIGINT"), column("b", "VARCHAR")], groups }),
            ..table("t", &[("day", "DATE")])
        };
        let hive = "hive_partitioning = true, hive_types = {\"day\": 'DATE'}";
        assert_eq!(
            mixed(vec![group("x", &["b"]), group("y", &[])]).view_sql().unwrap(),
            format!(
                "CREATE VIEW memory.main.\"t\" AS SELECT * FROM (\
                 SELECT CAST(\"a\" AS BIGINT) AS \"a\", CAST(NULL AS VARCHAR) AS \"b\", \"day\" FROM read_parquet(['x'], {hive}) UNION ALL \
                 SELECT CAST(\"a\" AS BIGINT) AS \"a\", CAST(\"b\" AS VARCHAR) AS \"b\", \"day\" FROM read_parquet(['y'], {hive}))"
            )
        );
        // Some call their columns otherwise: the two of these have changed their names.
        let named = [("a", "b"), ("b", "a")].map(|(name, own)| (name.to_owned(), own.to_owned()));
        let swapped = Group::new(vec!["z".into()], Differs { lacks: Vec::new(), named: named.into() });
        assert!(swapped.files.is_empty(), "whoever knows of no other names refuses it");
        let swapped = mixed(vec![swapped]);
        assert_eq!(swapped.addresses().collect::<Vec<_>>(), ["z"]);
        assert!(swapped.view_sql().unwrap().contains(
            "(SELECT CAST(\"b\" AS BIGINT) AS \"a\", CAST(\"a\" AS VARCHAR) AS \"b\", \"day\" FROM read_parquet(['z'], "
        ));
        assert!(mixed(Vec::new()).view_sql().unwrap_err().to_string().contains("2 columns in 0 shapes"));
        let mut hostile = mixed(vec![group("x", &[])]);
        hostile.shapes.as_mut().unwrap().columns[0].sql_type = "INT) AS a FROM x --".to_owned();
        assert!(hostile.view_sql().unwrap_err().to_string().contains("is no type"));
    }

    #[test]
    fn what_is_malformed_is_told() {
        for (table, told) in [
            (table("", &[]), "a name is empty"),
            (table("a\0", &[]), "control character"),
            (table(&"x".repeat(2000), &[]), "longer than"),
            (table("t", &[("", "DATE")]), "a name is empty"),
            (table("t", &[("a", "DATE"), ("A", "DATE")]), "two partition columns"),
            (table("t", &[("a", "DATE}) UNION ALL SELECT 1 --")]), "is no type"),
        ] {
            let message = table.view_sql().expect_err(told).to_string();
            assert!(message.contains(told), "{message}");
        }
    }
}
