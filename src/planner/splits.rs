//! Parts of a table: its files, the large ones in pieces, packed into as many splits as there are workers, even by bytes.

use std::collections::HashMap;

use quack_function::file_part::FilePart;
use serde::Serialize;

use super::request::Grain;
use crate::lake::catalog::{DataFile, Table, is_elsewhere};

/// DuckDB has this for each row of a Parquet file, unless a column of the file is called so.
const ROW_NUMBER: &str = "file_row_number";

/// Of files that other programs wrote nobody looked how many rows a row group has: as many as the largest that is common (pyarrow's),
/// and pieces so much larger. A row group on a border is read for both sides.
const OTHERS: u64 = 1 << 20;

/// A part of a table for one function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Split {
    /// By their keys in the bucket.
    pub files: Vec<FilePart>,
    pub rows: u64,
    pub bytes: u64,
}

impl Split {
    fn add(&mut self, piece: Piece) {
        self.files.push(piece.part);
        self.rows = self.rows.saturating_add(piece.rows);
        self.bytes = self.bytes.saturating_add(piece.bytes);
    }
}

/// What is not divided any more: a file, or rows of one.
#[derive(Debug, Clone)]
struct Piece {
    part: FilePart,
    rows: u64,
    bytes: u64,
}

/// How many pieces the files of a table can be in at most, together.
pub(super) fn most(table: &Table, grain: Grain) -> usize {
    let cuts = Cuts::of(table, grain);
    table.files.iter().map(|file| cuts.most(file)).fold(0, usize::saturating_add)
}

/// Packs the files of `table` that `keep` names, by index, into at most `count` splits. With `ordered` each split
/// follows the one before in the table's own order; without, the largest piece goes first to the emptiest split.
pub(super) fn pack(table: &Table, keep: &[usize], count: usize, ordered: bool, grain: Grain) -> Vec<Split> {
    let files = || keep.iter().filter_map(|index| table.files.get(*index));
    let even = files().map(|file| file.bytes).fold(0, u64::saturating_add).div_ceil(count.max(1) as u64);
    let cuts = Cuts::of(table, grain);
    let pieces: Vec<Piece> = files().flat_map(|file| cuts.pieces(file, even)).collect();
    let count = count.min(pieces.len()).max(1);
    if ordered { in_order(&pieces, count) } else { evenly(pieces, count) }
}

/// Packs what is in these splits in the same order into others of at most `bytes` each, unless one piece has more.
pub(super) fn within(splits: Vec<Split>, table: &Table, bytes: u64) -> Vec<Split> {
    let files: HashMap<&str, &DataFile> = table.files.iter().map(|file| (file.key.as_str(), file)).collect();
    let size = |part: &FilePart| {
        let file = files.get(part.file())?;
        Some(match part {
            FilePart::Whole(_) => Piece::of(file),
            FilePart::Rows { first_row, last_row, .. } => Piece::of_rows(file, *first_row, *last_row),
        })
    };
    let pieces: Vec<Piece> = splits.iter().flat_map(|split| &split.files).filter_map(size).collect();
    cut(&pieces, bytes)
}

impl Piece {
    fn of(file: &DataFile) -> Self {
        Self { part: file.key.as_str().into(), rows: file.rows, bytes: file.bytes }
    }

    fn of_rows(file: &DataFile, first_row: u64, last_row: u64) -> Self {
        let rows = (last_row - first_row).saturating_add(1);
        let bytes = u128::from(file.bytes) * u128::from(rows) / u128::from(file.rows.max(1));
        let part = FilePart::Rows { file: file.key.clone(), first_row, last_row };
        Self { part, rows, bytes: u64::try_from(bytes).unwrap_or(u64::MAX) }
    }
}

/// How files of a table are cut.
struct Cuts {
    grain: Grain,
    /// Whether any may be.
    may: bool,
}

impl Cuts {
    fn of(table: &Table, grain: Grain) -> Self {
        Self { grain, may: !table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(ROW_NUMBER)) }
    }

    /// How many rows of a file a piece begins and ends at a multiple of, and how many bytes it has at least.
    fn grain(&self, file: &DataFile) -> Grain {
        let Grain { rows, bytes } = self.grain;
        match is_elsewhere(&file.key) {
            true => Grain { rows: rows.max(OTHERS), bytes: bytes.saturating_mul(OTHERS / rows.clamp(1, OTHERS)) },
            false => self.grain,
        }
    }

    /// How many pieces of a file there can be. Those of older schemas stay whole: what they have for columns the table's do not tell.
    fn most(&self, file: &DataFile) -> usize {
        if !self.may || file.schema.is_some() {
            return 1;
        }
        let Grain { rows, bytes } = self.grain(file);
        usize::try_from((file.rows / rows.max(1)).min(file.bytes / bytes.max(1))).unwrap_or(usize::MAX).max(1)
    }

    /// A file in pieces of about `even` bytes.
    fn pieces(&self, file: &DataFile, even: u64) -> Vec<Piece> {
        let wanted = usize::try_from(file.bytes.div_ceil(even.max(1))).unwrap_or(usize::MAX);
        let count = self.most(file).min(wanted).max(1) as u64;
        if count == 1 {
            return vec![Piece::of(file)];
        }
        let grain = self.grain(file).rows.max(1);
        let border = |at: u64| match at == count {
            true => file.rows,
            false => {
                u64::try_from(u128::from(file.rows) * u128::from(at) / u128::from(count)).unwrap_or(u64::MAX) / grain
                    * grain
            }
        };
        let pieces = (0..count).map(|at| (border(at), border(at + 1))).filter(|(from, to)| from < to);
        pieces.map(|(from, to)| Piece::of_rows(file, from, to - 1)).collect()
    }
}

fn evenly(mut pieces: Vec<Piece>, count: usize) -> Vec<Split> {
    pieces.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.part.file().cmp(b.part.file())));
    let mut splits = vec![Split::default(); count];
    for piece in pieces {
        if let Some(emptiest) = splits.iter_mut().min_by_key(|split| (split.bytes, split.files.len())) {
            emptiest.add(piece);
        }
    }
    splits.retain(|split| !split.files.is_empty());
    splits
}

fn in_order(pieces: &[Piece], count: usize) -> Vec<Split> {
    // The least bound on a split's bytes for which `count` splits are enough.
    let (mut low, mut high) = (pieces.iter().map(|piece| piece.bytes).max().unwrap_or(0), bytes_of(pieces));
    while low < high {
        let bound = low + (high - low) / 2;
        if cut(pieces, bound).len() <= count { high = bound } else { low = bound + 1 }
    }
    cut(pieces, low)
}

fn cut(pieces: &[Piece], bound: u64) -> Vec<Split> {
    let mut splits: Vec<Split> = Vec::new();
    for piece in pieces {
        match splits.last_mut() {
            Some(last) if last.bytes.saturating_add(piece.bytes) <= bound => last.add(piece.clone()),
            _ => {
                let mut split = Split::default();
                split.add(piece.clone());
                splits.push(split);
            }
        }
    }
    splits
}

fn bytes_of(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.bytes).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(sizes: &[u64], count: usize, ordered: bool) -> Vec<Vec<u64>> {
        let files: Vec<DataFile> = sizes
            .iter()
            .enumerate()
            .map(|(index, bytes)| DataFile { bytes: *bytes, ..DataFile::named(index.to_string()) })
            .collect();
        let table = Table::of(files);
        let keep: Vec<usize> = (0..sizes.len()).collect();
        let splits = pack(&table, &keep, count, ordered, Grain::default());
        assert_eq!(splits.iter().map(|split| split.bytes).sum::<u64>(), sizes.iter().sum::<u64>());
        splits
            .iter()
            .map(|split| split.files.iter().map(|part| sizes[part.file().parse::<usize>().unwrap()]).collect())
            .collect()
    }

    #[test]
    fn large_files_are_cut_at_row_groups() {
        let file = |key: &str, rows, mib: u64| DataFile { rows, bytes: mib << 20, ..DataFile::named(key.to_owned()) };
        let row = |file: &str, first_row, last_row| FilePart::Rows { file: file.to_owned(), first_row, last_row };
        let groups = |count: u64| count * 122_880;
        let mut table = Table::of(vec![file("a", groups(9) + 5, 300), file("b", groups(1), 40), file("c", 1000, 600)]);
        let cut = |table: &Table, count, ordered| {
            let keep: Vec<usize> = (0..table.files.len()).collect();
            let splits = pack(table, &keep, count, ordered, Grain::default());
            let all = |of: fn(&Split) -> u64| splits.iter().map(of).sum::<u64>();
            assert_eq!(all(|split| split.rows), table.files.iter().map(|file| file.rows).sum::<u64>());
            splits.into_iter().map(|split| split.files).collect::<Vec<_>>()
        };
        assert_eq!(most(&table, Grain::default()), 9 + 1 + 1);
        let whole = |key: &str| FilePart::from(key);
        assert_eq!(cut(&table, 1, true), [vec![whole("a"), whole("b"), whole("c")]], "one takes all as it is");
        let two = [row("a", 0, groups(4) - 1), row("a", groups(4), groups(9) + 4)];
        let first = vec![two[0].clone(), two[1].clone(), whole("b")];
        assert_eq!(cut(&table, 4, true), [first, vec![whole("c")]], "what cannot be cut is as much as all the others");
        assert_eq!(cut(&table, 64, false).len(), 11);
        // Where a column is called as DuckDB's is, or a file has columns of an older schema.
        table.files[0].schema = Some(0);
        assert_eq!(most(&table, Grain::default()), 3);
        table.files[0].schema = None;
        table.columns =
            serde_json::from_value(serde_json::json!([{ "name": "FILE_row_Number", "type": "BIGINT" }])).unwrap();
        assert_eq!(most(&table, Grain::default()), 3);
        // Other programs' files have larger row groups.
        let other = Table::of(vec![file("s3://other/x", 4 << 20, 4 << 10)]);
        assert_eq!(most(&other, Grain::default()), 4);
        // What it is put together of again stays what it is.
        let all = pack(&other, &[0], 4, true, Grain::default());
        assert_eq!(within(all.clone(), &other, 1 << 30), all);
        assert_eq!(within(all, &other, 2 << 30).iter().map(|split| split.files.len()).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn large_files_go_first_to_the_emptiest_split() {
        assert_eq!(packed(&[1, 2, 3, 4, 5, 6], 3, false), [vec![6, 1], vec![5, 2], vec![4, 3]]);
        assert_eq!(packed(&[7, 0], 8, false), [vec![7], vec![0]]);
    }

    #[test]
    fn in_order_the_largest_split_is_as_small_as_it_can_be() {
        assert_eq!(packed(&[1, 2, 3, 4, 5], 3, true), [vec![1, 2, 3], vec![4], vec![5]]);
        assert_eq!(packed(&[9, 1, 1, 1], 2, true), [vec![9], vec![1, 1, 1]]);
        assert_eq!(packed(&[0, 0], 1, true), [vec![0, 0]]);
    }
}
