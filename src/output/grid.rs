//! The boxed table in which commands show what is not a query's rows.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

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

/// Has the columns with these indices as wide as what is in them, and each row on one line: what has no room in the others
/// is cut.
pub(crate) fn keep_whole(grid: &mut Table, columns: &[usize]) {
    for index in columns {
        if let Some(column) = grid.column_mut(*index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    for row in grid.row_iter_mut() {
        row.max_height(1);
    }
}
