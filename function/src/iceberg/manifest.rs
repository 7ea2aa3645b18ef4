//! Manifest lists and manifests: the files of a snapshot.

use super::avro::{File, Value};
use super::{Bad, check_counts};

/// What a manifest list says of one manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Address of the manifest.
    pub path: String,
    /// Its size, bytes.
    pub length: i64,
    pub spec_id: i32,
    /// Its files delete rows of others, rather than have some.
    pub deletes: bool,
    pub sequence_number: i64,
    pub min_sequence_number: i64,
    pub added_snapshot_id: i64,
    /// How many files are added, kept and taken away by it.
    pub files: [i64; 3],
    /// How many rows are in these.
    pub rows: [i64; 3],
    /// What the partition values of all its files lie between, a field each.
    pub partitions: Vec<Summary>,
}

impl Manifest {
    /// How many files of the snapshot it has; those that it takes away are none.
    pub fn live_files(&self) -> i64 {
        self.files[0].saturating_add(self.files[1])
    }

    /// How many rows are in these.
    pub fn live_rows(&self) -> i64 {
        self.rows[0].saturating_add(self.rows[1])
    }
}

/// What one partition field's values in a manifest lie between, each in its binary form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub contains_null: bool,
    pub lower: Option<Vec<u8>>,
    pub upper: Option<Vec<u8>>,
}

/// What becomes of a file by a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Existing,
    Added,
    Deleted,
}

/// A file, as a manifest tells of it.
#[derive(Debug)]
pub struct Entry<'a> {
    pub status: Status,
    /// `None`: the snapshot that added the manifest.
    pub snapshot_id: Option<i64>,
    /// `None`: that of the manifest.
    pub sequence_number: Option<i64>,
    pub file_sequence_number: Option<i64>,
    pub path: &'a str,
    /// `PARQUET`, if it is one.
    pub format: &'a str,
    /// Partition values by field number.
    pub partition: &'a [(i32, Value<'a>)],
    pub rows: i64,
    pub bytes: i64,
    /// By column number: how many values are NULL, how many NaN, and what they lie between in binary form.
    pub nulls: &'a [(i64, Value<'a>)],
    pub nans: &'a [(i64, Value<'a>)],
    pub lower: &'a [(i64, Value<'a>)],
    pub upper: &'a [(i64, Value<'a>)],
    /// What each takes in the file, bytes.
    pub sizes: &'a [(i64, Value<'a>)],
}

/// The manifests of a snapshot.
///
/// # Errors
/// It is no manifest list.
pub fn list(bytes: &[u8]) -> Result<Vec<Manifest>, Bad> {
    const WANTED: [i32; 14] = [500, 501, 502, 517, 515, 516, 503, 504, 505, 506, 512, 513, 514, 507];
    let mut manifests = Vec::new();
    File::open(bytes, &WANTED)?.read(|slots| {
        let long = |at: usize| match slots.get(at) {
            Some(Value::Long(number)) => *number,
            _ => 0,
        };
        check_counts(&[long(1), long(2), long(4), long(5)])?;
        check_counts(&[long(7), long(8), long(9), long(10), long(11), long(12)])?;
        manifests.push(Manifest {
            path: text(&slots[0])?.to_owned(),
            length: long(1),
            spec_id: i32::try_from(long(2)).map_err(|_| Bad::new("a partition spec is none"))?,
            deletes: long(3) != 0,
            sequence_number: long(4),
            min_sequence_number: long(5),
            added_snapshot_id: long(6),
            files: [long(7), long(8), long(9)],
            rows: [long(10), long(11), long(12)],
            partitions: match &slots[13] {
                Value::Array(fields) => fields.iter().map(summary).collect(),
                _ => Vec::new(),
            },
        });
        Ok(())
    })?;
    Ok(manifests)
}

fn summary(field: &Value<'_>) -> Summary {
    let Value::Record(fields) = field else { return Summary::default() };
    let mut summary = Summary::default();
    for (id, value) in fields {
        match (id, value) {
            (509, Value::Boolean(contains_null)) => summary.contains_null = *contains_null,
            (510, Value::Bytes(bytes)) => summary.lower = Some(bytes.to_vec()),
            (511, Value::Bytes(bytes)) => summary.upper = Some(bytes.to_vec()),
            _ => {}
        }
    }
    summary
}

/// The number of the schema that the files of a manifest were written with.
///
/// # Errors
/// It is no manifest, or does not tell.
pub fn schema_id(bytes: &[u8]) -> Result<i32, Bad> {
    let file = File::open(bytes, &[])?;
    let told = file.metadata.get("schema-id").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    told.ok_or_else(|| Bad::new("it does not tell the number of its schema"))
}

/// Gives each file of a manifest to `each`; what is told of its columns only when that is `wanted`.
///
/// # Errors
/// It is no manifest, or of files that delete rows of others; those of `each`.
pub fn entries(bytes: &[u8], wanted: bool, mut each: impl FnMut(&Entry<'_>) -> Result<(), Bad>) -> Result<(), Bad> {
    const WANTED: [i32; 15] = [0, 1, 3, 4, 134, 100, 101, 102, 103, 104, 110, 137, 125, 128, 108];
    let count = if wanted { WANTED.len() } else { 10 };
    File::open(bytes, &WANTED[..count])?.read(|slots| {
        let long = |at: usize| match slots.get(at) {
            Some(Value::Long(number)) => Some(*number),
            _ => None,
        };
        let pairs = |at: usize| match slots.get(at) {
            Some(Value::Pairs(pairs)) => pairs.as_slice(),
            _ => &[],
        };
        let counts = [2, 3, 8, 9].map(|at| long(at).unwrap_or_default());
        check_counts(&counts)?;
        if long(4).unwrap_or_default() != 0 {
            return Err(Bad::new("it has files that delete rows of others, which nobody here reads"));
        }
        each(&Entry {
            status: match long(0) {
                Some(0) => Status::Existing,
                Some(1) => Status::Added,
                Some(2) => Status::Deleted,
                _ => return Err(Bad::new("a file has no status")),
            },
            snapshot_id: long(1),
            sequence_number: long(2),
            file_sequence_number: long(3),
            path: text(&slots[5])?,
            format: text(&slots[6])?,
            partition: match &slots[7] {
                Value::Record(fields) => fields,
                _ => &[],
            },
            rows: long(8).unwrap_or_default(),
            bytes: long(9).unwrap_or_default(),
            nulls: pairs(10),
            nans: pairs(11),
            lower: pairs(12),
            upper: pairs(13),
            sizes: pairs(14),
        })
    })
}

fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, Bad> {
    match value {
        Value::Bytes(bytes) => std::str::from_utf8(bytes).map_err(|_| Bad::new("a text is none")),
        _ => Err(Bad::new("a text is missing")),
    }
}
