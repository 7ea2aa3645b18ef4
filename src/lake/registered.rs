//! Files that lie elsewhere become a table's as they are: in one write of the catalog, and nothing of them is copied.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Display, Formatter};

use anyhow::Result;
use chrono::{SecondsFormat, Utc};
use indicatif::HumanBytes;
use quack_function::iceberg::metadata::Differs;
use quack_function::wire::Column;
use serde::Serialize;
use serde_json::Value as Json;

use super::describe::{MOST_COLUMNS, TableDetail};
use super::iceberg::shapes::{Held, Numbers, of_shapes};
use super::iceberg::snapshot::fields;
use super::iceberg::state::{Foreign, Origin, Unread};
use super::load::commit::{Mode, admit};
use super::load::stats;
use super::table::{Catalog, DataFile, FileColumn, Table};
use crate::rows::counted;

/// Files that are to be a table's.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub table: String,
    pub mode: Mode,
    /// Their address, as the user gave it.
    pub source: String,
    /// The columns in files, and those in the names of their folders.
    pub columns: Vec<Column>,
    pub partitions: Vec<Column>,
    /// Columns of files that have others than just the table's, or have them of narrower types or by other names. The `schema` of a
    /// file is a place here.
    pub shapes: Vec<Vec<Held>>,
    pub numbers: Numbers,
    /// Of which other program's table these are the files, if they are.
    pub foreign: Option<Foreign>,
    /// With their addresses.
    pub files: Vec<DataFile>,
}

/// What became of a table.
#[derive(Debug)]
pub(crate) struct Put {
    pub table: Table,
    /// Files that it did not have before, and that it has no more.
    pub came: usize,
    pub went: usize,
    /// Whether it had a history that ends with this.
    pub forgets: bool,
}

/// Puts the files into the catalog.
///
/// # Errors
/// Those of [`admit`].
pub(crate) fn put(catalog: &mut Catalog, arrival: &Arrival) -> Result<Put> {
    admit(catalog, &arrival.table, arrival.mode)?;
    let Arrival { columns, partitions, files, shapes, .. } = arrival;
    let old = catalog.tables.remove(&arrival.table);
    let known: BTreeSet<&str> = old.iter().flat_map(Table::keys).collect();
    let came = files.iter().filter(|file| !known.contains(file.key.as_str())).count();
    let went = known.len() - (files.len() - came);
    let goes_on = old.as_ref().is_some_and(|old| goes_on(old, arrival));
    // What was written about it stays.
    let (comment, comments) = old.as_ref().map(|old| (old.comment.clone(), old.comments.clone())).unwrap_or_default();
    let all: Vec<Column> = columns.iter().chain(partitions).cloned().collect();
    let is_column = |name: &String| all.iter().any(|column| column.name == *name);
    let differs = |shape: &Vec<Held>| {
        let mut differs = Differs::default();
        for Column { name, .. } in columns {
            match shape.iter().find(|held| held.of.as_ref() == Some(name)) {
                None => differs.lacks.push(name.clone()),
                Some(held) if held.column.name != *name => {
                    differs.named.insert(name.clone(), held.column.name.clone());
                }
                Some(_) => {}
            }
        }
        differs
    };
    let table = Table {
        source: arrival.source.clone(),
        synthetic: false,
        loaded_at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        partitions: partitions.clone(),
        columns: stats::of_table(columns, partitions, None, files)?,
        files: files.clone(),
        partition_by: partitions.iter().map(|column| column.name.clone()).collect(),
        formerly: Vec::new(),
        comment,
        comments: comments.into_iter().filter(|(name, _)| is_column(name)).collect(),
        origin: Origin::default(),
        differs: (0..).zip(shapes).map(|(id, shape)| (id, differs(shape))).collect::<BTreeMap<_, _>>(),
        schema: None,
        ancestor: if goes_on {
            Origin::default()
        } else {
            of_shapes(&all, partitions.len(), shapes, &arrival.numbers)?
        },
        unread: Unread::default(),
        forgotten: BTreeSet::new(),
        foreign: arrival.foreign.clone(),
    };
    catalog.tables.insert(arrival.table.clone(), table.clone());
    Ok(Put { table, came, went, forgets: old.is_some() && !goes_on })
}

/// Whether the history of the `old` table can go on: its manifests tell of files by their addresses, and of each but once.
fn goes_on(old: &Table, arrival: &Arrival) -> bool {
    let is_same_table = old.own_columns() == arrival.columns && old.partitions == arrival.partitions;
    let before: HashMap<&str, &DataFile> = old.files.iter().map(|file| (file.key.as_str(), file)).collect();
    let told = |file: &DataFile| -> Vec<(String, FileColumn)> {
        let says = |(_, of): &(&String, &FileColumn)| of.nulls.is_some() || of.min.is_some() || of.max.is_some();
        file.columns.iter().filter(says).map(|(name, of)| (name.clone(), of.clone())).collect()
    };
    let is_same = |file: &DataFile| match before.get(file.key.as_str()) {
        Some(known) => {
            is_same_table
                && !old.is_mixed()
                && (known.rows, known.bytes, &known.partition) == (file.rows, file.bytes, &file.partition)
                && told(known) == told(file)
        }
        None => true,
    };
    let state = old.origin.0.as_ref().map(|state| &state.metadata);
    let schema = state.and_then(|of| of.schemas.iter().find(|schema| schema["schema-id"] == of.current_schema_id));
    let known = schema.map(fields).unwrap_or_default();
    let is_known = |is: &dyn Fn(&Json) -> bool| known.iter().any(is);
    let is_numbered = match &arrival.numbers {
        Numbers::Known(numbers) => {
            numbers.iter().all(|(name, id)| is_known(&|field| field["name"] == **name && field["id"] == *id))
        }
        Numbers::Theirs(fields, _) => {
            let is = |theirs: &Json, field: &Json| ["id", "name", "type"].iter().all(|of| theirs[of] == field[of]);
            fields.iter().all(|theirs| is_known(&|field| is(theirs, field)))
        }
    };
    is_numbered && arrival.shapes.is_empty() && arrival.files.iter().all(is_same)
}

/// What a registration did.
#[derive(Debug, Serialize)]
pub(crate) struct Registered {
    /// Files that are new in the table, and that are not in it any more.
    pub files_came: usize,
    pub files_went: usize,
    pub time_ms: u64,
    /// Calls of functions, and what they cost, US dollars.
    pub invocations: usize,
    pub cost_usd: f64,
    /// What the user should know of the files.
    pub notes: Vec<String>,
    #[serde(flatten)]
    pub table: TableDetail,
}

impl Display for Registered {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { files_came, files_went, time_ms, invocations, table, notes, .. } = self;
        let summary = &table.summary;
        writeln!(
            f,
            "registered {}: {}, {} where they lie, in {:.1} s; files that came: {files_came}, that went: {files_went}; \
             functions called: {invocations}",
            summary.name,
            counted(summary.rows),
            HumanBytes(summary.bytes),
            *time_ms as f64 / 1000.0,
        )?;
        notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))?;
        table.write(f, MOST_COLUMNS)
    }
}
