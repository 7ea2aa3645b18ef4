//! The boxed table in which commands show what is not a query's rows.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// An empty table with `header`; the columns with the indices `right` are aligned to the right.
pub(crate) fn grid(header: &[&str], right: &[usize]) -> Table {
    let mut grid = Table::new();
    grid.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    for index in right {
        if let Some(column) = grid.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}
