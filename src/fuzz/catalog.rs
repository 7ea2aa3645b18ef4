//! A catalog: what was taken is written and read the same, shown, made into views, and planned with; a plan names no file
//! that is not one of the table's.

use std::collections::HashSet;

use quack_function::sql::{identifier, literal, qualified};

use crate::bucket::layout::Layout;
use crate::config::Lake;
use crate::invoke::tables;
use crate::lake::catalog::{self, Catalog, Form, Table};
use crate::lake::describe::{TableDetail, TableList};
use crate::lake::described_view::ViewDetail;
use crate::planner::{Grain, Planner, Request, Workers};

/// Most files of a table that is planned with: a plan takes time for each.
const FILES: usize = 50;

/// Reads `bytes` as a catalog and does with it what commands do. True if it is one.
pub(super) fn take(bytes: &[u8]) -> bool {
    let layout = Layout::new(&Lake { bucket: None, manage: true, prefix: String::new(), read: Vec::new() });
    let catalog = match catalog::parse(bytes, "s3://b/k", &layout) {
        Ok(Form::Whole(catalog)) => catalog,
        // Where tables are, and nothing of them; and views, whose SQL may be anything.
        Ok(Form::Stored(stored)) => {
            read_views(Catalog { views: stored.views, ..Catalog::default() });
            return true;
        }
        Err(error) => {
            let told = format!("{error:#}");
            assert!(told.len() < 4000 && !told.contains('\u{1b}'), "{told}");
            return false;
        }
    };
    let written = serde_json::to_vec(&catalog).expect("a catalog that was read can be written");
    let again = catalog::parse(&written, "s3://b/k", &layout).expect("and read again");
    assert!(matches!(again, Form::Whole(again) if again == catalog));
    drop((TableList::new(&catalog).to_string(), serde_json::to_value(TableList::new(&catalog))));
    for (name, table) in catalog.tables.iter().take(2) {
        for file in &table.files {
            assert!(file.key.starts_with(&layout.table(name)), "{}", file.key);
        }
        drop(TableDetail::new(name, table).to_string());
        plan(name, table, &catalog);
    }
    true
}

/// Shows views and plans with them: none leads to a file, as there is no table.
fn read_views(catalog: Catalog) {
    drop(TableList::new(&catalog).to_string());
    for (name, view) in catalog.views.iter().take(3) {
        drop(ViewDetail::new(name, view).to_string());
        view.stand_in(name).expect("columns that were taken are those of a view");
        let sql = format!("SELECT count(*) FROM {}", qualified(name));
        drop(tables::named_in(&sql, &catalog, "b"));
        let workers = Workers::Exactly(4);
        let request = Request {
            sql: &sql,
            catalog: &catalog,
            workers,
            gather_bytes: 64 << 20,
            limit: None,
            grain: Grain::default(),
        };
        assert!(Planner::default().plan(&request).fetches.is_empty(), "{sql}");
    }
}

fn plan(name: &str, table: &Table, catalog: &Catalog) {
    let own: HashSet<&str> = table.files.iter().map(|file| file.key.as_str()).collect();
    let (Some(column), 0..=FILES) = (table.columns.first(), table.files.len()) else { return };
    let (from, column_name) = (qualified(name), identifier(&column.name));
    let bound = literal(column.min.as_deref().unwrap_or("1"));
    for sql in [
        format!("SELECT * FROM {from} WHERE {column_name} = {bound}"),
        format!("SELECT {column_name}, count(*) FROM {from} WHERE {column_name} > {bound} GROUP BY 1"),
    ] {
        for defined in tables::named_in(&sql, catalog, "b").tables {
            drop(defined.view_sql());
        }
        let workers = Workers::Exactly(4);
        let request =
            Request { sql: &sql, catalog, workers, gather_bytes: 64 << 20, limit: None, grain: Grain::default() };
        let plan = Planner::default().plan(&request);
        for fetch in &plan.fetches {
            let files = fetch.splits.iter().flat_map(|split| &split.files);
            files.for_each(|file| assert!(own.contains(file.file()), "{sql}: {file:?}"));
        }
    }
}
