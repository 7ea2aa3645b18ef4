//! A table's metadata, as far as the function needs it: its columns, and which files it has. It is read as if somebody else had
//! written it.

use super::Failure;
use crate::file_part::FilePart;
use crate::iceberg::Bad;
use crate::iceberg::manifest::{self, Status};
use crate::iceberg::metadata::{self, Differs, Metadata};
use crate::names;
use crate::sql::{identifier, own_table};
use crate::sql_type::SqlType;
use crate::table::are_cast;
use crate::view;
use crate::wire::{Column, Group, Shapes, TableDef};
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};

/// Most columns, partition columns, former names, manifests and files of a table.
const COLUMNS: usize = 10_000;
const PARTITIONS: usize = 64;
pub(super) const FORMERLY: usize = 64;
const MANIFESTS: usize = 10_000;
const FILES: usize = 200_000;

/// A table, as the catalog's first form has it.
#[derive(Debug, Deserialize)]
pub(super) struct Table {
    #[serde(default)]
    pub(super) partitions: Vec<Column>,
    pub(super) columns: Vec<Column>,
    pub(super) files: Vec<File>,
    /// How the columns of files differ from the table's, for each shape of files; nothing where all have the table's columns.
    #[serde(skip)]
    pub(super) differs: Vec<Differs>,
    /// What it was called before: files may be in the folders of these names, too.
    #[serde(default)]
    pub(super) formerly: Vec<String>,
    /// What people wrote about it, and about its columns, by name.
    #[serde(skip)]
    pub(super) comment: Option<String>,
    #[serde(skip)]
    pub(super) comments: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    /// Key in the bucket; of a file that lies elsewhere its address.
    pub(super) key: String,
    /// Which of the table's `differs` is its.
    #[serde(skip)]
    shape: usize,
}

impl File {
    fn address(&self, bucket: &str) -> String {
        if self.key.starts_with("s3://") { self.key.clone() } else { format!("s3://{bucket}/{}", self.key) }
    }
}

/// Where metadata may be.
pub(super) struct Lake<'a> {
    pub(super) bucket: &'a str,
    /// Key prefix of the tables' folders.
    pub(super) tables: &'a str,
}

impl Lake<'_> {
    /// The table whose metadata has this `key`; its files only if they are `wanted`. `read` gives the bytes of a key.
    ///
    /// # Errors
    /// What `read` says; what is no metadata, or names what is not in the tables' folders.
    pub(super) fn table(
        &self,
        key: &str,
        formerly: &[String],
        wanted: bool,
        read: &dyn Fn(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Table, String> {
        let of = Metadata::parse(&read(key)?).map_err(|error| format!("its metadata: {error}"))?;
        let property = |name: &str| of.properties.get(name).ok_or_else(|| format!("its metadata has no {name}"));
        let broken = |error: serde_json::Error| format!("its metadata: {error}");
        let columns: Vec<Column> = serde_json::from_str(property(metadata::COLUMNS)?).map_err(broken)?;
        let names: Vec<String> = serde_json::from_str(property(metadata::PARTITIONS)?).map_err(broken)?;
        let first = columns.len().checked_sub(names.len()).ok_or("there are more partition columns than columns")?;
        let partitions = columns[first..].to_vec();
        if !partitions.iter().zip(&names).all(|(column, name)| column.name == *name) {
            return Err("the partition columns are not its last columns".to_owned());
        }
        let (comment, comments) = (of.properties.get(metadata::COMMENT).cloned(), of.column_comments());
        let (files, differs, formerly) = (Vec::new(), Vec::new(), formerly.to_vec());
        let mut table = Table { partitions, columns, files, differs, formerly, comment, comments };
        if let (true, Some(snapshot)) = (wanted, of.current()) {
            self.files(&of, &names, &snapshot.manifest_list, read, &mut table)?;
        }
        Ok(table)
    }

    /// Reads the files of the `table`, whose partitions have these `names`.
    fn files(
        &self,
        of: &Metadata,
        names: &[String],
        list: &str,
        read: &dyn Fn(&str) -> Result<Vec<u8>, String>,
        table: &mut Table,
    ) -> Result<(), String> {
        let manifests = manifest::list(&read(self.key(list)?)?).map_err(|error| format!("its manifests: {error}"))?;
        if manifests.len() > MANIFESTS {
            return Err(format!("there are {} manifests, more than {MANIFESTS}", manifests.len()));
        }
        let Table { files, differs, .. } = table;
        // Files that lack the same may have the others of other types: each schema is a shape of its own, but for those that the
        // table has now.
        let mut shapes: Vec<(Option<i32>, Option<Differs>)> = Vec::new();
        for manifest in manifests.iter().filter(|manifest| manifest.live_files() > 0) {
            if manifest.deletes {
                return Err("it has files that delete rows of others, which the function does not read".to_owned());
            }
            let bytes = read(self.key(&manifest.path)?)?;
            let bad = |error: Bad| format!("its manifest {}: {error}", manifest.path);
            let id = manifest::schema_id(&bytes).map_err(bad)?;
            let differing = of.differs(id, of.current_schema_id, names).map_err(bad)?;
            let id = differing.is_some().then_some(id);
            let shape = shapes.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
                shapes.push((id, differing));
                shapes.len() - 1
            });
            let read = manifest::entries(&bytes, false, |entry| {
                if files.len() > FILES {
                    return Err(Bad::new(format!("there are more than {FILES} files")));
                }
                if entry.status != Status::Deleted {
                    // What is not in the tables' folders lies elsewhere, by its whole address.
                    let key = self.key(entry.path).unwrap_or(entry.path);
                    files.push(File { key: key.to_owned(), shape });
                }
                Ok(())
            });
            read.map_err(bad)?;
        }
        if shapes.iter().any(|(_, differing)| differing.is_some()) {
            *differs = shapes.into_iter().map(|(_, differing)| differing.unwrap_or_default()).collect();
        }
        Ok(())
    }

    /// The key of an address in the tables' folders.
    fn key<'a>(&self, address: &'a str) -> Result<&'a str, String> {
        let key = address.strip_prefix("s3://").and_then(|rest| rest.strip_prefix(self.bucket)?.strip_prefix('/'));
        key.filter(|key| names::is_plain_key(self.tables, key)).ok_or_else(|| {
            let shown: String = address.chars().take(80).collect();
            format!("its metadata names {shown:?}, which is not in the tables' folders")
        })
    }
}

impl Table {
    /// The statements that make an empty table with the same columns and comments.
    ///
    /// # Errors
    /// A type that is none.
    pub(super) fn stand_in(&self, name: &str) -> Result<Vec<String>, Failure> {
        let bad = |error| {
            Failure::new("Quack.CatalogError", format!("the lake's catalog names a type that is none: {error}"))
        };
        let columns = self.columns.iter().map(|column| {
            let sql_type = SqlType::parse(&column.sql_type).map_err(bad)?;
            Ok(format!("{} {sql_type}", identifier(&column.name)))
        });
        let columns = columns.collect::<Result<Vec<_>, Failure>>()?;
        let mut made = vec![format!("CREATE TABLE {} ({})", own_table(name), columns.join(", "))];
        let comments = self
            .columns
            .iter()
            .filter_map(|column| Some((column.name.as_str(), self.comments.get(&column.name)?.as_str())));
        made.extend(view::comments("TABLE", name, self.comment.as_deref(), comments));
        Ok(made)
    }

    /// Refuses what nobody here could have written of a table called `name`, some of whose files may lie `elsewhere`, as their
    /// addresses tell.
    ///
    /// # Errors
    /// The first such thing.
    pub(super) fn check(&self, tables: &str, name: &str, elsewhere: impl Fn(&str) -> bool) -> Result<(), String> {
        at_most("columns", self.columns.len(), COLUMNS)?;
        at_most("partition columns", self.partitions.len(), PARTITIONS)?;
        at_most("files", self.files.len(), FILES)?;
        if self.columns.is_empty() {
            return Err("there are no columns".to_owned());
        }
        let mut seen = HashSet::new();
        for column in &self.columns {
            names::check_column(&column.name)?;
            SqlType::parse(&column.sql_type).map_err(|error| format!("the column {:?}: {error}", column.name))?;
            if !seen.insert(column.name.to_lowercase()) {
                return Err(format!("two columns are called {:?}", column.name));
            }
        }
        if !self.columns.ends_with(&self.partitions)
            || !self.partitions.iter().all(|column| names::is_name(&column.name))
        {
            return Err("the partition columns are not its last columns".to_owned());
        }
        self.comments.values().chain(&self.comment).try_for_each(|comment| names::check_comment(Some(comment)))?;
        at_most("former names", self.formerly.len(), FORMERLY)?;
        let folders: Vec<_> = folders(tables, name, &self.formerly).collect();
        let is_own = |key: &str| folders.iter().any(|folder| names::is_plain_key(folder, key)) || elsewhere(key);
        match self.files.iter().find(|file| !is_own(&file.key)) {
            Some(file) => {
                let shown: String = file.key.chars().take(80).collect();
                Err(format!(
                    "the file {shown:?} is neither in the folder {tables}{name}/ nor where files may lie elsewhere"
                ))
            }
            None => Ok(()),
        }
    }
}

impl Table {
    /// The table as an event defines one.
    pub(super) fn definition(&self, name: &str, bucket: &str) -> TableDef {
        let addresses = |shape: Option<usize>| -> Vec<FilePart> {
            let files = self.files.iter().filter(|file| shape.is_none_or(|shape| file.shape == shape));
            files.map(|file| file.address(bucket).into()).collect()
        };
        let (name, partitions) = (name.to_owned(), self.partitions.clone());
        let own = &self.columns[..self.columns.len() - self.partitions.len()];
        if self.differs.is_empty() && !are_cast(own) {
            return TableDef { name, files: addresses(None), partitions, shapes: None };
        }
        let groups = self.differs.iter().enumerate();
        let groups = groups.map(|(shape, differs)| Group::new(addresses(Some(shape)), differs.clone()));
        let mut groups: Vec<Group> = groups.collect();
        if groups.is_empty() {
            groups.push(Group::new(addresses(None), Differs::default()));
        }
        let shapes = Shapes { columns: own.to_vec(), groups };
        TableDef { name, files: Vec::new(), partitions, shapes: Some(shapes) }
    }
}

pub(super) fn at_most(what: &str, count: usize, most: usize) -> Result<(), String> {
    if count <= most { Ok(()) } else { Err(format!("there are {count} {what}, more than {most}")) }
}

/// The folders that files of the table `name` may be in.
pub(super) fn folders<'a>(tables: &'a str, name: &'a str, formerly: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let all = std::iter::once(name).chain(formerly.iter().map(String::as_str));
    all.filter(|name| names::is_table(name)).map(move |name| format!("{tables}{name}/"))
}
