//! Which of the catalog's tables and views SQL names.

use quack_function::sql::literal;
use quack_function::view::{View, ViewColumn};
use quack_function::wire::{TableDef, ViewDef};

use crate::lake::catalog::Catalog;
use crate::lake::named;

/// Definitions of what SQL may name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub tables: Vec<TableDef>,
    pub views: Vec<ViewDef>,
}

/// Definitions of the tables and views that `sql` may name, itself or by way of views. Any name or text that equals one of theirs
/// counts, wherever it stands: one too many does no harm, and telling a table from a column would need the whole parser.
pub(crate) fn named_in(sql: &str, catalog: &Catalog, bucket: &str) -> Named {
    let named = named::names(sql, &catalog.views);
    let is_named = |name: &str| named.contains(&name.to_ascii_lowercase());
    let tables = catalog.tables.iter().filter(|(name, _)| is_named(name));
    let views = catalog.views.iter().filter(|(name, _)| is_named(name));
    let gone = dropped(catalog).filter(|name| is_named(name));
    let gone: Vec<ViewDef> = gone.map(|name| stand_in(name).definition(name)).collect();
    Named {
        tables: tables.map(|(name, table)| table.definition(name, bucket)).collect(),
        views: views.map(|(name, view)| view.definition(name)).chain(gone).collect(),
    }
}

/// Of a branch's catalog, what the lake had when it was made, and the branch has not: the function would find it in the lake.
fn dropped(catalog: &Catalog) -> impl Iterator<Item = &str> {
    let bases = catalog.trail.fork.iter().map(|fork| &fork.base);
    let names = bases.flat_map(|base| base.tables.keys().chain(base.views.keys())).map(String::as_str);
    names.filter(|name| catalog.called(name).is_none())
}

/// What tells whoever reads it that the table or view `name` is not there.
fn stand_in(name: &str) -> View {
    let words = literal(&format!("there is no table or view {name} on this branch: it was dropped or renamed there"));
    let column = ViewColumn { name: "gone".to_owned(), sql_type: "VARCHAR".to_owned(), comment: None };
    View { sql: format!("SELECT CAST(error({words}) AS VARCHAR) AS gone"), columns: vec![column], ..View::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::catalog::{DataFile, Table};
    use crate::lake::fork::{Content, Fork, Phase};
    use crate::lake::iceberg::state::Pointer;

    fn catalog(names: &[&str]) -> Catalog {
        let table = |name: &str| Table::of(vec![DataFile::named(format!("{name}/1.parquet"))]);
        let tables = names.iter().map(|name| ((*name).to_owned(), table(name))).collect();
        Catalog { tables, ..Catalog::default() }
    }

    fn named(sql: &str) -> Vec<String> {
        let catalog = catalog(&["trips", "Zones", "odd name", "other"]);
        named_in(sql, &catalog, "b").tables.into_iter().map(|table| table.name).collect()
    }

    #[test]
    fn finds_tables_however_they_are_written() {
        assert_eq!(named("SELECT * FROM TRIPS JOIN zones USING (id)"), ["Zones", "trips"]);
        assert_eq!(named("FROM \"odd name\", 'trips'"), ["odd name", "trips"]);
        assert_eq!(named("SUMMARIZE main.trips"), ["trips"]);
        assert_eq!(named("WITH x AS (FROM other) FROM x, other"), ["other"]);
    }

    #[test]
    fn leaves_out_comments_and_parts_of_texts() {
        assert!(named("SELECT 'the trips' -- trips\n/* zones */, trips2").is_empty());
    }

    #[test]
    fn what_a_branch_has_dropped_is_not_found_in_the_lake() {
        let mut branch = catalog(&["trips", "Zones"]);
        let pointer = |name: &str| (name.to_owned(), Pointer { metadata: String::new(), formerly: Vec::new() });
        let base = Content { tables: ["trips", "old"].map(pointer).into(), ..Content::default() };
        let fork = Fork { id: String::new(), made: String::new(), phase: Phase::Open, base };
        branch.trail.fork = Some(fork);
        let views = |sql: &str| {
            let views = named_in(sql, &branch, "b").views.into_iter();
            views.map(|view| view.name).collect::<Vec<_>>()
        };
        assert_eq!(views("FROM OLD, trips, zones"), ["old"]);
        assert!(views("FROM trips").is_empty());
    }

    #[test]
    fn defines_files_by_their_address() {
        let defined = named_in("FROM trips", &catalog(&["trips"]), "lake");
        assert_eq!(defined.tables[0].files, ["s3://lake/trips/1.parquet".into()]);
    }
}
