//! Parts of a table: its files packed into as many splits as there are workers, even by bytes.

use serde::Serialize;

use crate::lake::catalog::{DataFile, Table};

/// A part of a table for one function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Split {
    /// Keys in the bucket.
    pub files: Vec<String>,
    pub rows: u64,
    pub bytes: u64,
}

impl Split {
    fn add(&mut self, file: &DataFile) {
        self.files.push(file.key.clone());
        self.rows = self.rows.saturating_add(file.rows);
        self.bytes = self.bytes.saturating_add(file.bytes);
    }
}

/// Packs the files of `table` that `keep` names, by index, into at most `count` splits. With `ordered` each split
/// follows the one before in the table's own order; without, the largest file goes first to the emptiest split.
pub(super) fn pack(table: &Table, keep: &[usize], count: usize, ordered: bool) -> Vec<Split> {
    let files: Vec<&DataFile> = keep.iter().filter_map(|index| table.files.get(*index)).collect();
    let count = count.min(files.len()).max(1);
    if ordered { in_order(&files, count) } else { evenly(files, count) }
}

/// Packs the same files in their order into splits of at most `bytes` each, unless one file has more.
pub(super) fn within(table: &Table, keep: &[usize], bytes: u64) -> Vec<Split> {
    let files: Vec<&DataFile> = keep.iter().filter_map(|index| table.files.get(*index)).collect();
    cut(&files, bytes)
}

fn evenly(mut files: Vec<&DataFile>, count: usize) -> Vec<Split> {
    files.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
    let mut splits = vec![Split::default(); count];
    for file in files {
        if let Some(emptiest) = splits.iter_mut().min_by_key(|split| (split.bytes, split.files.len())) {
            emptiest.add(file);
        }
    }
    splits.retain(|split| !split.files.is_empty());
    splits
}

fn in_order(files: &[&DataFile], count: usize) -> Vec<Split> {
    // The least bound on a split's bytes for which `count` splits are enough.
    let (mut low, mut high) = (files.iter().map(|file| file.bytes).max().unwrap_or(0), bytes_of(files));
    while low < high {
        let bound = low + (high - low) / 2;
        if cut(files, bound).len() <= count { high = bound } else { low = bound + 1 }
    }
    cut(files, low)
}

fn cut(files: &[&DataFile], bound: u64) -> Vec<Split> {
    let mut splits: Vec<Split> = Vec::new();
    for file in files {
        match splits.last_mut() {
            Some(last) if last.bytes.saturating_add(file.bytes) <= bound => last.add(file),
            _ => {
                let mut split = Split::default();
                split.add(file);
                splits.push(split);
            }
        }
    }
    splits
}

fn bytes_of(files: &[&DataFile]) -> u64 {
    files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
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
        let splits = pack(&table, &keep, count, ordered);
        assert_eq!(splits.iter().map(|split| split.bytes).sum::<u64>(), sizes.iter().sum::<u64>());
        splits
            .iter()
            .map(|split| split.files.iter().map(|key| sizes[key.parse::<usize>().unwrap()]).collect())
            .collect()
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
