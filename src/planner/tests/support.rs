//! A lake in a folder, and plans carried out over it as functions and the command line would.

use duckdb::Connection;
use quack_function::file_part::FilePart;
use quack_function::sql::{identifier, literal};
use quack_function::table::read_parts_sql;
use quack_function::wire::Column;
use tempfile::TempDir;

use crate::duck::words as engine;
use crate::lake::catalog::{Catalog, Table};
use crate::lake::load::{stats, written as staged};
use crate::planner::{Grain, Planner, QueryPlan, Request, Strategy, Workers};

/// Tables as Parquet files, their catalog, and a DuckDB that reads them.
pub(super) struct Lake {
    folder: TempDir,
    pub catalog: Catalog,
    /// Has a view of every table.
    connection: Connection,
    planner: Planner,
    pub workers: usize,
    /// Small, so that files of few rows are cut.
    pub grain: Grain,
}

impl Lake {
    pub(super) fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        // With more threads, which row is the first is a matter of luck.
        connection.execute_batch("SET threads = 1").unwrap();
        let (folder, planner) = (tempfile::tempdir().unwrap(), Planner::default());
        Self { folder, catalog: Catalog::default(), connection, planner, workers: 8, grain: Grain::default() }
    }

    /// Runs SQL that makes data.
    pub(super) fn execute(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// A query's rows of a number and a text.
    pub(super) fn rows_of(&self, sql: &str) -> Vec<(i32, String)> {
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Adds the table `name` with a file for each of `parts`, which are queries of the same columns.
    pub(super) fn add(&mut self, name: &str, parts: &[String]) {
        let data = self.folder.path().join(name);
        std::fs::create_dir(&data).unwrap();
        let mut written = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let path = data.join(format!("{index}.parquet"));
            let copy = format!("COPY ({part}) TO {} (FORMAT parquet, RETURN_STATS)", literal(&path.to_string_lossy()));
            written
                .extend(staged::run(&self.connection, &copy, &data).unwrap_or_else(|error| panic!("{copy}: {error}")));
        }
        let columns = engine::columns(&self.connection, &parts[0]).unwrap();
        self.register(name, columns, Vec::new(), &written);
    }

    /// Moves the table `name`, which SQL has made, into the lake: in eight files, if `partitioned` has a number of each row for it,
    /// else in one.
    pub(super) fn adopt(&mut self, name: &str, partitioned: &[(&str, &str)]) {
        let whole = format!("FROM memory.main.{name}");
        let parts = match partitioned.iter().find(|(table, _)| *table == name) {
            Some((_, number)) => (0..8).map(|part| format!("{whole} WHERE {number} % 8 = {part}")).collect(),
            None => vec![whole],
        };
        self.add(name, &parts);
        self.execute(&format!("DROP TABLE memory.main.{name}"));
    }

    /// Adds the table `name` of the rows of `query`, in a folder for each value of the column `by`.
    pub(super) fn add_partitioned(&mut self, name: &str, query: &str, by: &str) {
        let data = self.folder.path().join(name);
        let copy = format!(
            "COPY ({query}) TO {} (FORMAT parquet, PARTITION_BY ({by}), RETURN_STATS)",
            literal(&data.to_string_lossy())
        );
        let written = staged::run(&self.connection, &copy, &data).unwrap();
        let columns = engine::columns(&self.connection, query).unwrap();
        let (by, own) = columns.into_iter().partition(|column| column.name == by);
        self.register(name, own, by, &written);
    }

    fn register(&mut self, name: &str, own: Vec<Column>, partitions: Vec<Column>, written: &[staged::Written]) {
        let (columns, partitions, mut files) =
            staged::collect(&self.connection, name, own, partitions, written, false).unwrap();
        files.sort_by(|a, b| a.key.cmp(&b.key));
        let table = Table {
            origin: Default::default(),
            differs: Default::default(),
            foreign: None,
            schema: None,
            ancestor: Default::default(),
            unread: Default::default(),
            forgotten: Default::default(),
            source: String::new(),
            synthetic: true,
            loaded_at: String::new(),
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            columns: stats::of_table(&columns, &partitions, None, &files).unwrap(),
            partitions,
            files,
            partition_by: Vec::new(),
            formerly: Vec::new(),
            comment: None,
            comments: Default::default(),
        };
        self.view(name, &table, table.files.iter().map(|file| file.key.as_str().into()));
        self.catalog.tables.insert(name.to_owned(), table);
    }

    /// As the function makes its views.
    fn view(&self, name: &str, table: &Table, parts: impl Iterator<Item = FilePart>) {
        let data = self.folder.path().join(name);
        let parts: Vec<_> =
            parts.map(|part| part.called(|key| data.join(key).to_string_lossy().into_owned())).collect();
        let (name, read) = (identifier(name), read_parts_sql(&parts, &table.partitions).unwrap());
        self.execute(&format!("CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {read}"));
    }

    pub(super) fn plan(&self, sql: &str) -> QueryPlan {
        let workers = Workers::Exactly(self.workers);
        self.planner.plan(&Request {
            sql,
            catalog: &self.catalog,
            workers,
            gather_bytes: 64 << 20,
            limit: None,
            grain: self.grain,
        })
    }

    /// Carries out a plan: every fetch over each of its splits, then the final query where nothing of the lake is left.
    fn run(&self, plan: &QueryPlan) -> Result<Rows, String> {
        for fetch in &plan.fetches {
            let columns: Vec<_> =
                fetch.columns.iter().map(|c| format!("{} {}", identifier(&c.name), c.sql_type)).collect();
            let name = identifier(&fetch.name);
            self.execute(&format!("CREATE OR REPLACE TABLE memory.main.{name} ({})", columns.join(", ")));
            let (table_name, table) = self.catalog.table(&fetch.table).unwrap();
            let types = engine::columns(&self.connection, &fetch.sql).map_err(|error| error.to_string())?;
            assert_eq!(types, fetch.columns, "{}", fetch.sql);
            for split in &fetch.splits {
                self.view(table_name, table, split.files.iter().cloned());
                let insert = format!("INSERT INTO memory.main.{name} {}", fetch.sql);
                self.connection.execute_batch(&insert).map_err(|error| format!("{insert}: {error}"))?;
            }
            self.view(table_name, table, table.files.iter().map(|file| file.key.as_str().into()));
        }
        rows(&self.connection.try_clone().unwrap(), &plan.final_sql)
    }

    /// Whether DuckDB takes `sql` at all.
    pub(super) fn binds(&self, sql: &str) -> Result<(), String> {
        engine::columns(&self.connection, sql).map(drop).map_err(|error| error.to_string())
    }

    /// Whether DuckDB's own answer has any row.
    pub(super) fn has_rows(&self, sql: &str) -> bool {
        self.connection.query_row(&format!("SELECT EXISTS (FROM ({sql}))"), [], |row| row.get(0)).unwrap()
    }

    /// Checks that the plan of `sql` gives DuckDB's own rows, in any order, and returns it.
    #[track_caller]
    pub(super) fn same(&self, sql: &str) -> QueryPlan {
        self.check(sql, false)
    }

    /// As [`Self::same`], in order.
    #[track_caller]
    pub(super) fn same_in_order(&self, sql: &str) -> QueryPlan {
        self.check(sql, true)
    }

    /// As [`Self::same`], by a strategy.
    #[track_caller]
    pub(super) fn same_by(&self, strategy: Strategy, sql: &str) -> QueryPlan {
        let plan = self.check(sql, false);
        assert_eq!(plan.strategy, strategy, "{sql}\n{plan}");
        plan
    }

    #[track_caller]
    fn check(&self, sql: &str, in_order: bool) -> QueryPlan {
        if let Err(difference) = self.difference(sql, in_order) {
            panic!("{difference}");
        }
        self.plan(sql)
    }

    /// What is different between the plan's answer and DuckDB's own; `Ok` of the plan where nothing is.
    pub(super) fn difference(&self, sql: &str, in_order: bool) -> Result<QueryPlan, String> {
        let plan = self.plan(sql);
        if plan.strategy == Strategy::Single {
            assert!(plan.fetches.is_empty() && plan.final_sql == sql);
            return Ok(plan);
        }
        let (own, planned) = (rows(&self.connection, sql), self.run(&plan));
        let told = |error: &str| format!("{sql}\n{plan}\n{error}");
        match (own, planned) {
            (Ok(own), Ok(planned)) => own.same(planned, in_order).map_err(|error| told(&error))?,
            (Err(_), Err(_)) => {}
            (Err(error), Ok(_)) => return Err(told(&format!("DuckDB alone fails: {error}"))),
            (Ok(_), Err(error)) => return Err(told(&error)),
        }
        Ok(plan)
    }
}

/// A value: floating-point numbers may differ a little, everything else is compared as text.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(Option<String>),
    Float(Option<f64>),
}

#[derive(Debug)]
struct Rows {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

fn rows(connection: &Connection, sql: &str) -> Result<Rows, String> {
    let told = |error: duckdb::Error| format!("{sql}: {error}");
    let columns = engine::columns(connection, sql).map_err(told)?;
    let floats: Vec<bool> =
        columns.iter().map(|column| matches!(column.sql_type.as_str(), "DOUBLE" | "FLOAT")).collect();
    let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
    let casts: Vec<String> = names
        .iter()
        .zip(&floats)
        .map(|(name, float)| format!("CAST({name} AS {})", if *float { "DOUBLE" } else { "VARCHAR" }))
        .collect();
    let as_cells = format!("SELECT {} FROM ({sql}) AS r({})", casts.join(", "), names.join(", "));
    let mut statement = connection.prepare(&as_cells).map_err(told)?;
    let rows = statement
        .query_map([], |row| {
            let cell = |(index, float): (usize, &bool)| {
                Ok(if *float { Cell::Float(row.get(index)?) } else { Cell::Text(row.get(index)?) })
            };
            floats.iter().enumerate().map(cell).collect()
        })
        .map_err(told)?;
    let rows = rows.collect::<duckdb::Result<_>>().map_err(told)?;
    Ok(Rows { columns, rows })
}

impl Rows {
    fn same(mut self, mut other: Self, in_order: bool) -> Result<(), String> {
        if self.columns != other.columns {
            return Err(format!("columns {:?}, expected {:?}", other.columns, self.columns));
        }
        if !in_order {
            self.sort();
            other.sort();
        }
        if self.rows.len() != other.rows.len() {
            return Err(format!("{} rows, expected {}", other.rows.len(), self.rows.len()));
        }
        let mut pairs = self.rows.iter().zip(&other.rows).enumerate();
        match pairs.find(|(_, (own, planned))| !own.iter().zip(*planned).all(|(a, b)| alike(a, b))) {
            Some((number, (own, planned))) => Err(format!("row {number}: {planned:?}, expected {own:?}")),
            None => Ok(()),
        }
    }

    /// By everything that is equal in both first.
    fn sort(&mut self) {
        let key = |row: &[Cell]| {
            let texts: Vec<Option<String>> = row
                .iter()
                .filter_map(|cell| if let Cell::Text(text) = cell { Some(text.clone()) } else { None })
                .collect();
            let floats: Vec<Option<f64>> =
                row.iter().filter_map(|cell| if let Cell::Float(float) = cell { Some(*float) } else { None }).collect();
            (texts, floats)
        };
        self.rows.sort_by(|a, b| {
            let ((a_texts, a_floats), (b_texts, b_floats)) = (key(a), key(b));
            let floats = a_floats.iter().zip(&b_floats).map(|(a, b)| match (a, b) {
                (Some(a), Some(b)) => a.total_cmp(b),
                _ => a.is_some().cmp(&b.is_some()),
            });
            a_texts.cmp(&b_texts).then(floats.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then))
        });
    }
}

fn alike(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Float(Some(a)), Cell::Float(Some(b))) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        _ => a == b,
    }
}
