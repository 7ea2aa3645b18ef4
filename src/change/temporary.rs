//! Temporary tables: a session's own, which nobody else sees, no catalog names and that go when the session ends. Their files stay among
//! the results, where the function wrote them, so that they go after a day whatever becomes of the session.

use std::collections::BTreeMap;

use quack_function::view::View;

use crate::bucket::layout::Layout;
use crate::bucket::{Bucket, upload};
use crate::lake::catalog::{Catalog, Table};
use crate::lake::iceberg::state::Pointer;
use crate::lake::load::commit;
use crate::private;

/// A session's temporary tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Temporary(BTreeMap<String, Table>);

/// What others call as a temporary table is called: it is not seen while that is there.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    tables: BTreeMap<String, Table>,
    others: BTreeMap<String, Pointer>,
    views: BTreeMap<String, View>,
}

/// A new folder for files of one.
pub(super) fn folder(bucket: &Bucket) -> String {
    format!("{}{}/", bucket.layout.results, private::name())
}

/// A new folder for files of the table `name`, as it is in `catalog`.
pub(super) fn folder_as_known(bucket: &Bucket, catalog: &Catalog, name: &str) -> String {
    match catalog.find(name) {
        Some((_, table)) if table.is_temporary(&bucket.layout) => folder(bucket),
        _ => commit::folder(bucket, name),
    }
}

impl Temporary {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has the catalog have them, too.
    pub(super) fn lay_over(&self, catalog: &mut Catalog) -> Hidden {
        let mut hidden = Hidden::default();
        for (name, table) in &self.0 {
            move_like(name, &mut catalog.tables, &mut hidden.tables);
            move_like(name, &mut catalog.others, &mut hidden.others);
            move_like(name, &mut catalog.views, &mut hidden.views);
            catalog.tables.insert(name.clone(), table.clone());
        }
        hidden
    }

    /// Takes those out again that there are now, and has the catalog have what they hid.
    pub(super) fn take_out(catalog: &mut Catalog, hidden: Hidden, layout: &Layout) -> Self {
        let (own, tables) =
            std::mem::take(&mut catalog.tables).into_iter().partition(|(_, table)| table.is_temporary(layout));
        catalog.tables = tables;
        let is_free = |name: &str| catalog.called(name).is_none();
        let (tables, others, views) = (
            hidden.tables.into_iter().filter(|(name, _)| is_free(name)).collect::<Vec<_>>(),
            hidden.others.into_iter().filter(|(name, _)| is_free(name)).collect::<Vec<_>>(),
            hidden.views.into_iter().filter(|(name, _)| is_free(name)).collect::<Vec<_>>(),
        );
        catalog.tables.extend(tables);
        catalog.others.extend(others);
        catalog.views.extend(views);
        Self(own)
    }

    /// Removes the files that are theirs and not of `others`.
    pub(super) async fn discard(self, others: &Self, bucket: &Bucket) {
        let named: Vec<&str> = others.keys().collect();
        let gone = self.keys().filter(|key| bucket.layout.is_result(key) && !named.contains(key));
        upload::delete(bucket, gone.map(str::to_owned)).await;
    }

    /// The keys of their files.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.values().flat_map(Table::keys)
    }
}

/// Moves what is called `name`, however its case is written.
fn move_like<T>(name: &str, from: &mut BTreeMap<String, T>, to: &mut BTreeMap<String, T>) {
    let found = from.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
    to.extend(found.and_then(|known| from.remove_entry(&known)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::catalog::DataFile;

    fn table(key: &str) -> Table {
        Table { files: vec![DataFile::named(key.to_owned())], ..Table::default() }
    }

    #[test]
    fn what_they_hide_is_there_again_without_them() {
        let layout = Layout::managed();
        let own = Temporary([("x".to_owned(), table("_quack/results/a/data.parquet"))].into());
        let mut catalog = Catalog::default();
        catalog.tables.insert("X".to_owned(), table("tables/X/1/data.parquet"));
        catalog.tables.insert("y".to_owned(), table("tables/y/1/data.parquet"));
        let before = catalog.clone();
        let hidden = own.lay_over(&mut catalog);
        assert!(catalog.table("X").unwrap().1.is_temporary(&layout));
        let kept = Temporary::take_out(&mut catalog, hidden, &layout);
        assert_eq!((&catalog, &kept.0), (&before, &own.0));
        // One that is dropped, and one that is made.
        let hidden = own.lay_over(&mut catalog);
        catalog.tables.remove("x");
        catalog.tables.insert("z".to_owned(), table("_quack/results/b/data.parquet"));
        let kept = Temporary::take_out(&mut catalog, hidden, &layout);
        assert_eq!(catalog, before);
        assert_eq!(kept.0.keys().collect::<Vec<_>>(), ["z"]);
    }
}
