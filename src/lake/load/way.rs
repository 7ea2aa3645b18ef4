//! How a load goes about it: the quick way first, and one that takes less memory where that one takes too much.

use std::path::PathBuf;

use anyhow::Result;
use duckdb::Connection;

use super::files::Reading;
use super::workdir::Staging;
use crate::duck::{self, Sandbox};

/// Most memory that DuckDB may take; it spills to disk beyond.
const MEMORY: &str = "640MB";

/// Most memory that the whole process may take, bytes. DuckDB does not count all that it takes: above this, another way is
/// tried before the machine has none left.
const PROCESS_BYTES: u64 = 900 << 20;

/// Rows of a row group, unless they are wide: DuckDB's own number.
const GROUP_ROWS: u64 = 122_880;

/// What a row group holds at most, bytes: as much waits on each thread, and more than once.
const GROUP_BYTES: u64 = 32 << 20;

/// Rows of this many bytes are wide: DuckDB holds several times what a row group of them has, and half as much is enough.
const WIDE_BYTES: u64 = 2048;

/// What it holds where rows are so wide that they are cut into pieces, bytes: a function of 1 GiB writes what it reads of
/// them, and holds several times that.
const PIECES_BYTES: u64 = 8 << 20;

/// DuckDB works on so many rows at once.
pub(super) const VECTOR_ROWS: u64 = 2048;

/// A way to go about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// How text is read.
    pub reading: Reading,
    /// Sort by partition first, so that few are open at once.
    pub sorted: bool,
    /// Let DuckDB's word stand that integers take 128 bits: it says so of all JSON with negative ones among them.
    pub wide_integers: bool,
    /// One thread, which holds one small row group at a time.
    pub frugal: bool,
    /// Rows are written a few in a file first, whatever they come from.
    pub recut: bool,
    /// Rows of a row group.
    group_rows: u64,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            reading: Reading { checked: true, quoted: true, hinted: true, ..Reading::default() },
            sorted: false,
            wide_integers: false,
            frugal: false,
            recut: false,
            group_rows: GROUP_ROWS,
        }
    }
}

impl Way {
    /// This way, which finds the types of text from every row.
    pub(super) fn thoroughly(self) -> Self {
        Self { reading: Reading { thorough: true, ..self.reading }, ..self }
    }

    /// This way, for a CSV whose quotes are none.
    pub(super) fn without_quotes(self) -> Self {
        Self { reading: Reading { quoted: false, ..self.reading }, ..self }
    }

    /// This way, where values of a CSV are not of the types that their columns have in the table.
    pub(super) fn without_hints(self) -> Self {
        Self { reading: Reading { hinted: false, ..self.reading }, ..self }
    }

    /// This way, where times of a CSV have a zone though the first have none.
    pub(super) fn with_zones(self) -> Self {
        Self { reading: Reading { zoned: true, ..self.reading }, ..self }
    }

    /// This way, for a CSV with lines that are longer than they most often are: one thread reads a few at a time.
    pub(super) fn with_long_lines(self) -> Self {
        Self { reading: Reading { long_lines: true, ..self.reading }, frugal: true, ..self }
    }

    /// This way, with rows written a few in a file first.
    pub(super) fn with_recut(self) -> Self {
        Self { recut: true, frugal: true, ..self }
    }

    /// Whether rows are cut into pieces before they are loaded.
    pub(super) fn is_in_pieces(self) -> bool {
        self.recut || self.reading.long_lines
    }

    /// This way, where integers may take 128 bits.
    pub(super) fn with_wide_integers(self) -> Self {
        Self { wide_integers: true, ..self }
    }

    /// This way for rows of `row_bytes`; `None` where they are not too wide for it.
    pub(super) fn for_rows_of(self, row_bytes: u64) -> Option<Self> {
        let group_bytes = if row_bytes < WIDE_BYTES { GROUP_BYTES } else { GROUP_BYTES / 2 };
        let rows = group_bytes / row_bytes.max(1);
        let group_rows = rows.clamp(VECTOR_ROWS, GROUP_ROWS);
        let way = Self { group_rows, ..self };
        let recut = rows < VECTOR_ROWS && !self.reading.long_lines;
        (group_rows < self.group_rows).then(|| if recut { way.with_recut() } else { way })
    }

    /// The way that takes less memory, if there is one. `partitioned` is whether there are partitions to write.
    pub(super) fn with_less(self, partitioned: bool) -> Option<Self> {
        match (partitioned && !self.sorted, self.frugal) {
            (true, _) => Some(Self { sorted: true, ..self }),
            (false, false) => Some(Self { frugal: true, ..self }),
            (false, true) => None,
        }
    }

    /// Most memory that the process may take before a way with less is tried, bytes; `None` where there is none.
    pub(super) fn process_bytes(self) -> Option<u64> {
        (!self.frugal).then_some(PROCESS_BYTES)
    }

    /// A DuckDB that reads `files` and writes into `staging`, and reaches nothing else: partition expressions are SQL, and
    /// the files may be anybody's.
    ///
    /// # Errors
    /// When DuckDB cannot start.
    pub(super) fn open(self, files: &[PathBuf], staging: &Staging) -> Result<Connection> {
        // Each open partition holds buffers; the threshold is how many rows wait for theirs, on each thread.
        let (open, waiting) = match (self.sorted, self.frugal) {
            // One file a partition even where rows come in no order; and a quarter of DuckDB's default threshold: as
            // quick, row groups as large, a third less memory.
            (false, false) => (500, 131_072),
            (false, true) => (100, 65_536),
            (true, false) => (16, 4096),
            (true, true) => (4, 4096),
        };
        let waiting = (waiting * self.group_rows / GROUP_ROWS).max(VECTOR_ROWS);
        self.open_with(open, waiting, files, staging)
    }

    /// The same to write pieces, partitions that come in order: none waits, as DuckDB adds few rows after many that came later.
    ///
    /// # Errors
    /// When DuckDB cannot start.
    pub(super) fn open_recut(self, files: &[PathBuf], staging: &Staging) -> Result<Connection> {
        self.open_with(4, 1, files, staging)
    }

    fn open_with(self, open: u64, waiting: u64, files: &[PathBuf], staging: &Staging) -> Result<Connection> {
        let mut setup =
            format!("SET partitioned_write_max_open_files = {open}; SET partitioned_write_flush_threshold = {waiting}");
        // Else DuckDB's allocator keeps the pages of what was freed.
        setup.push_str("; SET GLOBAL allocator_bulk_deallocation_flush_threshold = '16MiB'");
        if self.frugal {
            // Row groups are cut by bytes only where order need not be kept, and one thread keeps it all the same.
            setup.push_str("; SET preserve_insertion_order = false");
        }
        duck::open(&Sandbox {
            files,
            folder: Some(staging.path()),
            spill: Some(&staging.spill()),
            memory: Some(MEMORY),
            threads: self.frugal.then_some(1),
            setup: &setup,
            ..Sandbox::default()
        })
    }

    /// Options of COPY that say how large row groups are.
    pub(super) fn row_groups(self) -> String {
        let bytes = if self.is_in_pieces() { PIECES_BYTES } else { GROUP_BYTES };
        match self.frugal {
            true => format!("ROW_GROUP_SIZE {}, ROW_GROUP_SIZE_BYTES {bytes}", self.group_rows),
            false => format!("ROW_GROUP_SIZE {}", self.group_rows),
        }
    }
}

/// What this process holds in memory, bytes; 0 where the system does not tell.
pub(super) fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.as_deref().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_rows_make_small_groups() {
        let groups = |row_bytes| Way::default().for_rows_of(row_bytes).map(Way::row_groups);
        assert_eq!(groups(0), None);
        assert_eq!(groups(270), None);
        assert_eq!(groups(2000).as_deref(), Some("ROW_GROUP_SIZE 16777"));
        assert_eq!(groups(4000).as_deref(), Some("ROW_GROUP_SIZE 4194"));
        assert_eq!(groups(16 << 20).as_deref(), Some("ROW_GROUP_SIZE 2048, ROW_GROUP_SIZE_BYTES 8388608"));
        let wide = Way::default().for_rows_of(4000).unwrap();
        assert_eq!(wide.for_rows_of(4000), None, "it is tried once");
    }

    #[test]
    fn each_way_with_less_is_tried_once() {
        for (partitioned, ways) in [(false, 1), (true, 2)] {
            let tried = std::iter::successors(Some(Way::default()), |way| way.with_less(partitioned)).count();
            assert_eq!(tried, 1 + ways);
        }
    }

    #[test]
    fn memory_is_measured() {
        if cfg!(target_os = "linux") {
            assert!(resident_bytes() > 1 << 20);
        }
    }
}
