//! Files of a good size: of those that were written, which are to be cut, and which put together.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::lake::catalog::DataFile;

/// What files are to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// A file that has more is cut, bytes.
    pub large: u64,
    /// What is cut or put together is about so large, bytes.
    pub good: u64,
    /// Files that have less are put together, bytes: what is larger is not worth to be written twice.
    pub tiny: u64,
    /// Files that one function puts together.
    pub most_files: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { large: 512 << 20, good: 256 << 20, tiny: 16 << 20, most_files: 500 }
    }
}

impl Sizes {
    /// Files that are too large, by their places, and the rows of each that are to be a file.
    pub(super) fn cuts(&self, files: &[DataFile]) -> Vec<(usize, Vec<Range<u64>>)> {
        let large = files.iter().enumerate().filter(|(_, file)| file.bytes > self.large && file.rows > 1);
        large
            .map(|(at, DataFile { rows, bytes, .. })| {
                let count = bytes.div_ceil(self.good).min(*rows);
                let bound = |number: u64| (u128::from(*rows) * u128::from(number) / u128::from(count)) as u64;
                (at, (0..count).map(|number| bound(number)..bound(number + 1)).collect())
            })
            .collect()
    }

    /// Files that one function each puts together, by their places: of a partition those that are tiny and follow one another, so that
    /// all rows stay in their order. Where there are no partitions, they become one file.
    pub(super) fn joins(&self, files: &[DataFile]) -> Vec<Vec<usize>> {
        let mut by_partition: BTreeMap<&[Option<String>], Vec<usize>> = BTreeMap::new();
        for (at, file) in files.iter().enumerate() {
            by_partition.entry(&file.partition).or_default().push(at);
        }
        let is_partitioned = files.iter().any(|file| !file.partition.is_empty());
        let size = |places: &[usize]| places.iter().map(|at| files[*at].bytes).fold(0, u64::saturating_add);
        let mut joins: Vec<Vec<usize>> = Vec::new();
        for places in by_partition.into_values() {
            for run in places.chunk_by(|a, b| files[*a].bytes < self.tiny && files[*b].bytes < self.tiny) {
                if run.len() < 2 {
                    continue;
                }
                let mut rest = run;
                while !rest.is_empty() {
                    let fit = (1..=rest.len().min(self.most_files)).rev();
                    let count = fit.into_iter().find(|count| size(&rest[..*count]) <= self.good).unwrap_or(1);
                    let (join, more) = rest.split_at(count);
                    rest = more;
                    let room = |last: &Vec<usize>| {
                        is_partitioned
                            && size(last).saturating_add(size(join)) <= self.good
                            && last.len() + join.len() <= self.most_files
                    };
                    match joins.last_mut().filter(|last| room(last)) {
                        Some(last) => last.extend(join),
                        None if join.len() > 1 => joins.push(join.to_vec()),
                        None => {}
                    }
                }
            }
        }
        joins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { large: 100, good: 50, tiny: 10, most_files: 4 };

    fn files(sizes: &[(&str, u64)]) -> Vec<DataFile> {
        let file = |(at, (partition, bytes)): (usize, &(&str, u64))| DataFile {
            rows: bytes * 10,
            bytes: *bytes,
            partition: if partition.is_empty() { Vec::new() } else { vec![Some((*partition).to_owned())] },
            ..DataFile::named(at.to_string())
        };
        sizes.iter().enumerate().map(file).collect()
    }

    #[test]
    fn a_large_file_is_cut_into_even_parts_that_have_each_row_once() {
        let cuts = SIZES.cuts(&files(&[("", 100), ("", 101), ("", 1), ("", 250)]));
        assert_eq!(
            cuts,
            [(1, vec![0..336, 336..673, 673..1010]), (3, (0..5).map(|n| n * 500..(n + 1) * 500).collect())]
        );
        let wide = [DataFile { rows: 2, ..files(&[("", 1000)]).remove(0) }];
        assert_eq!(SIZES.cuts(&wide), [(0, vec![0..1, 1..2])], "no file without rows");
        assert_eq!(SIZES.cuts(&[DataFile { rows: 1, ..wide[0].clone() }]), []);
    }

    #[test]
    fn tiny_files_that_follow_one_another_are_put_together() {
        let sizes = [1, 2, 90, 3, 4, 20, 5].map(|bytes| ("", bytes));
        assert_eq!(SIZES.joins(&files(&sizes)), [vec![0, 1], vec![3, 4]]);
        assert_eq!(
            SIZES.joins(&files(&[("", 9); 9])),
            [vec![0, 1, 2, 3], vec![4, 5, 6, 7]],
            "no more than four at once"
        );
        assert_eq!(SIZES.joins(&files(&[("", 60), ("", 60), ("", 3)])), Vec::<Vec<usize>>::new());
        let of = files(&[("b", 1), ("a", 2), ("b", 3), ("c", 4), ("a", 5)]);
        assert_eq!(SIZES.joins(&of), [vec![1, 4, 0, 2]], "several partitions by one function");
    }
}
