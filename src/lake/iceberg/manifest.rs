//! Manifests: files of a table, in their Avro form and as queries are planned by them.

use quack_function::iceberg::Bad;
use quack_function::iceberg::avro::{File, Value};
use quack_function::iceberg::manifest::{self, Entry, Manifest, Status, Summary};
use quack_function::iceberg::metadata::{Differs, Spec};
use quack_function::iceberg::scalar::{Kind, Scalar};
use serde_json::Value as Json;

use super::avro::{Out, Records};
use super::bounds::Bounds;
use super::folder::folder_value;
use super::forms::{entry_schema, has_sizes, list_schema};
use super::schema::Numbered;
use crate::bucket::Bucket;
use crate::lake::check;
use crate::lake::table::{DataFile, FileColumn, is_elsewhere};

/// What DuckDB calls a number that is none; it counts as the greatest.
const NAN: &str = "nan";

/// What manifests of one snapshot have in common.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub bucket: &'a str,
    pub columns: &'a [Numbered],
    /// The partition columns, the last of `columns`.
    pub partitions: &'a [Numbered],
    pub spec: &'a Spec,
    /// Iceberg's schema, JSON.
    pub schema: &'a Json,
    pub snapshot_id: i64,
    pub sequence_number: i64,
}

/// The bytes of a manifest, and what its list says of it but for the address.
pub(super) struct Made {
    pub bytes: Vec<u8>,
    pub manifest: Manifest,
}

/// A manifest that adds `files`.
///
/// # Errors
/// A partition's value that Iceberg cannot keep.
pub(super) fn adding(common: &Common<'_>, files: &[DataFile]) -> Result<Made, String> {
    let mut records = Records::default();
    let mut partitions = vec![Bounds::default(); common.partitions.len()];
    for file in files {
        let values = common.partitions.iter().zip(&file.partition).map(|(column, text)| value(column, text.as_deref()));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        partitions.iter_mut().zip(&values).for_each(|(bounds, value)| bounds.add(value.as_ref()));
        records.add(|out| {
            // Number of the snapshot and of the sequence: those of the manifest.
            out.long(1);
            (0..3).for_each(|_| out.long(0));
            data_file(out, common, file, &values);
        });
    }
    let rows = files.iter().map(|file| file.rows.cast_signed()).sum();
    let spec = serde_json::to_string(&common.spec.fields).map_err(|error| error.to_string())?;
    let bytes = records.file(
        &entry_schema(common.partitions, common.spec),
        &[
            ("schema", &common.schema.to_string()),
            ("schema-id", &common.schema["schema-id"].to_string()),
            ("partition-spec", &spec),
            ("partition-spec-id", &common.spec.spec_id.to_string()),
            ("format-version", "2"),
            ("content", "data"),
        ],
    );
    Ok(Made {
        manifest: Manifest {
            path: String::new(),
            length: bytes.len() as i64,
            spec_id: common.spec.spec_id,
            deletes: false,
            sequence_number: common.sequence_number,
            min_sequence_number: common.sequence_number,
            added_snapshot_id: common.snapshot_id,
            files: [files.len() as i64, 0, 0],
            rows: [rows, 0, 0],
            partitions: partitions.into_iter().map(Bounds::summary).collect(),
        },
        bytes,
    })
}

/// Whether a manifest has files that are gone.
///
/// # Errors
/// It is none.
pub(super) fn has(bytes: &[u8], is_gone: impl Fn(&str) -> bool) -> Result<bool, Bad> {
    let mut found = false;
    manifest::entries(bytes, false, |entry| {
        found |= entry.status != Status::Deleted && is_gone(entry.path);
        Ok(())
    })?;
    Ok(found)
}

/// One manifest in the place of some of the same partition spec, without the files that are gone.
///
/// # Errors
/// One of them is none.
pub(super) fn merged(
    common: &Common<'_>,
    old: &[(&Manifest, &[u8])],
    is_gone: impl Fn(&str) -> bool,
) -> Result<Made, Bad> {
    let mut records = Records::default();
    let (mut files, mut rows, mut least) = ([0; 3], [0; 3], common.sequence_number);
    let mut head: Option<(String, Vec<(String, String)>)> = None;
    let opened = old.iter().map(|(_, bytes)| File::open(bytes, &[-2])).collect::<Result<Vec<_>, _>>()?;
    let schema_of =
        |file: &File<'_>| file.metadata.get("avro.schema").map(|of| String::from_utf8_lossy(of).into_owned());
    // Those of earlier programs do not tell what columns take.
    let tells: Vec<bool> = opened.iter().map(|file| schema_of(file).is_some_and(|schema| has_sizes(&schema))).collect();
    let all_tell = tells.iter().any(|tells| *tells);
    let mut partitions: Vec<Bounds> = Vec::new();
    for (((manifest, bytes), file), tells) in old.iter().zip(opened).zip(tells) {
        let own = |key: &str| file.metadata.get(key).map(|value| String::from_utf8_lossy(value).into_owned());
        let names = ["schema", "schema-id", "partition-spec", "partition-spec-id", "format-version", "content"];
        let said = names.iter().filter_map(|name| Some(((*name).to_owned(), own(name)?))).collect();
        if tells == all_tell {
            head.get_or_insert((own("avro.schema").unwrap_or_default(), said));
        }
        let mut told = Vec::new();
        manifest::entries(bytes, false, |entry| {
            told.push((
                entry.status,
                entry.snapshot_id.unwrap_or(manifest.added_snapshot_id),
                entry.sequence_number.unwrap_or(manifest.sequence_number),
                entry.file_sequence_number.unwrap_or(manifest.sequence_number),
                is_gone(entry.path),
                entry.rows,
            ));
            Ok(())
        })?;
        let mut told = told.into_iter();
        file.read(|slots| {
            let (Some((status, added, sequence, file_sequence, gone, count)), [Value::Raw(raw)]) = (told.next(), slots)
            else {
                return Err(Bad::new("a file is missing"));
            };
            // What was deleted before is no news.
            if status == Status::Deleted {
                return Ok(());
            }
            let (becomes, snapshot) = if gone { (2, common.snapshot_id) } else { (0, added) };
            files[if gone { 2 } else { 1 }] += 1;
            rows[if gone { 2 } else { 1 }] += count;
            least = least.min(sequence);
            records.add(|out| {
                out.long(becomes);
                for number in [snapshot, sequence, file_sequence] {
                    out.optional(Some(number), Out::long);
                }
                out.raw(raw);
                if tells != all_tell {
                    out.optional(None::<i64>, Out::long);
                }
            });
            Ok(())
        })?;
        partitions.resize(manifest.partitions.len(), Bounds::default());
        let fields = partitions.iter_mut().zip(&manifest.partitions).zip(common.partitions);
        fields.for_each(|((bounds, summary), column)| bounds.widen(column.kind, summary));
    }
    let (schema, said) = head.ok_or_else(|| Bad::new("there is none"))?;
    let said: Vec<(&str, &str)> = said.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let bytes = records.file(&schema, &said);
    // Of one manifest, what it said; of several, what holds for all.
    let partitions = match old {
        [(only, _)] => only.partitions.clone(),
        _ => partitions.into_iter().map(Bounds::summary).collect(),
    };
    Ok(Made {
        manifest: Manifest {
            path: String::new(),
            length: bytes.len() as i64,
            spec_id: old.first().map_or(common.spec.spec_id, |(manifest, _)| manifest.spec_id),
            deletes: false,
            sequence_number: common.sequence_number,
            min_sequence_number: least,
            added_snapshot_id: common.snapshot_id,
            files,
            rows,
            partitions,
        },
        bytes,
    })
}

/// Adds the files of a manifest to `files`; those in the tables' folders of `bucket` with their keys. They have `columns`, the last
/// of which are the `partitions`. If they were written with other columns, the `shape` tells with which schema, and which
/// columns they lack.
///
/// # Errors
/// It is no manifest, or one of files elsewhere or of another form.
pub(super) fn read(
    bytes: &[u8],
    bucket: &Bucket,
    columns: &[Numbered],
    partitions: &[Numbered],
    shape: Option<(i32, &Differs)>,
    files: &mut Vec<DataFile>,
) -> Result<(), Bad> {
    let own = &columns[..columns.len() - partitions.len()];
    let root = format!("s3://{}/", bucket.name);
    manifest::entries(bytes, true, |entry| {
        if entry.status == Status::Deleted {
            return Ok(());
        }
        if files.len() >= check::FILES {
            return Err(Bad::new(format!("there are more than {} files", check::FILES)));
        }
        if !entry.format.eq_ignore_ascii_case("parquet") {
            return Err(Bad::new(format!("the file {:?} is no Parquet", entry.path)));
        }
        // Whether one that lies elsewhere may, is looked at with all else of the table.
        let key = match entry.path.strip_prefix(&root).filter(|key| key.starts_with(&bucket.layout.tables)) {
            Some(key) => key,
            None if is_elsewhere(entry.path) => entry.path,
            None => return Err(Bad::new(format!("the file {:?} has no address", entry.path))),
        };
        let mut pairs = Pairs::of(entry);
        files.push(DataFile {
            key: key.to_owned(),
            rows: u64::try_from(entry.rows).map_err(|_| Bad::new("a file has fewer rows than none"))?,
            bytes: u64::try_from(entry.bytes).map_err(|_| Bad::new("a file has fewer bytes than none"))?,
            partition: partitions.iter().map(|column| folder_value(key, &column.column)).collect(),
            columns: own.iter().filter_map(|column| Some((column.column.name.clone(), pairs.told(column)?))).collect(),
            schema: shape.map(|(id, _)| id),
        });
        if let (Some((_, Differs { lacks, .. })), Some(file)) = (shape, files.last_mut()) {
            let nothing = FileColumn { nulls: Some(file.rows), bytes: Some(0), ..FileColumn::default() };
            file.columns.extend(lacks.iter().map(|name| (name.clone(), nothing.clone())));
        }
        Ok(())
    })
}

/// A file that stands for all of a manifest, in which the `partitions` are columns like others: for each what is known of it.
pub(super) fn outline(manifest: &Manifest, partitions: &[Numbered]) -> DataFile {
    let fields = partitions.iter().zip(&manifest.partitions).filter(|_| partitions.len() == manifest.partitions.len());
    let of = |(column, summary): (&Numbered, &Summary)| {
        // What is no number is in no order.
        let kind = column.kind.filter(|kind| !matches!(kind, Kind::Float | Kind::Double))?;
        let text = |bytes: &Option<Vec<u8>>| Some(Scalar::of_binary(kind, bytes.as_ref()?)?.text(kind));
        let stats = FileColumn {
            nulls: (!summary.contains_null).then_some(0),
            min: text(&summary.lower),
            max: text(&summary.upper),
            bytes: None,
        };
        Some((column.column.name.clone(), stats))
    };
    DataFile {
        key: manifest.path.clone(),
        rows: u64::try_from(manifest.live_rows()).unwrap_or(0),
        bytes: u64::try_from(manifest.length).unwrap_or(0),
        partition: Vec::new(),
        columns: fields.filter_map(of).collect(),
        schema: None,
    }
}

/// What a manifest says of a file's columns, each list in the order of its numbers.
struct Pairs<'a> {
    nulls: &'a [(i64, Value<'a>)],
    nans: &'a [(i64, Value<'a>)],
    lower: &'a [(i64, Value<'a>)],
    upper: &'a [(i64, Value<'a>)],
    sizes: &'a [(i64, Value<'a>)],
}

impl<'a> Pairs<'a> {
    fn of(entry: &Entry<'a>) -> Self {
        let Entry { nulls, nans, lower, upper, sizes, .. } = *entry;
        Self { nulls, nans, lower, upper, sizes }
    }

    /// What is told of a column; nothing, if that is nothing.
    fn told(&mut self, column: &Numbered) -> Option<FileColumn> {
        let count = |value: Option<&Value<'_>>| match value {
            Some(Value::Long(count)) => u64::try_from(*count).ok(),
            _ => None,
        };
        let text = |value: Option<&Value<'_>>| match (value, column.kind) {
            (Some(Value::Bytes(bytes)), Some(kind)) => Scalar::of_binary(kind, bytes).map(|value| value.text(kind)),
            _ => None,
        };
        let id = column.id.into();
        let nulls = count(take(&mut self.nulls, id));
        let has_nan = count(take(&mut self.nans, id)).is_some_and(|count| count > 0);
        let (mut min, mut max) = (text(take(&mut self.lower, id)), text(take(&mut self.upper, id)));
        if has_nan {
            min = min.or_else(|| Some(NAN.to_owned()));
            max = Some(NAN.to_owned());
        }
        let stats = FileColumn { nulls, min, max, bytes: count(take(&mut self.sizes, id)) };
        (stats != FileColumn::default()).then_some(stats)
    }
}

/// The value with the number `id`. Mostly the lists are in order, and asked for in order.
fn take<'a, 'v>(list: &mut &'v [(i64, Value<'a>)], id: i64) -> Option<&'v Value<'a>> {
    match list.split_first() {
        Some(((first, value), left)) if *first == id => {
            *list = left;
            Some(value)
        }
        _ => list.iter().find(|(known, _)| *known == id).map(|(_, value)| value),
    }
}

/// A partition's value.
fn value(column: &Numbered, text: Option<&str>) -> Result<Option<Scalar>, String> {
    let Some(text) = text else { return Ok(None) };
    let value = match (column.kind, text) {
        (Some(Kind::Float), NAN) => Some(Scalar::Float(f32::NAN)),
        (Some(Kind::Double), NAN) => Some(Scalar::Double(f64::NAN)),
        (Some(kind), text) => Scalar::of_text(kind, text),
        (None, _) => None,
    };
    let name = &column.column.name;
    value.map(Some).ok_or_else(|| format!("{text:?} cannot be kept as a value of the partition column {name:?}"))
}

fn data_file(out: &mut Out, common: &Common<'_>, file: &DataFile, partition: &[Option<Scalar>]) {
    out.long(0);
    out.text(&file.address(common.bucket));
    out.text("PARQUET");
    for (column, value) in common.partitions.iter().zip(partition) {
        let width = match column.kind {
            Some(Kind::Decimal { width, .. }) => width,
            _ => 0,
        };
        out.optional(value.as_ref(), |out, value| out.scalar(value, width));
    }
    out.long(file.rows.cast_signed());
    out.long(file.bytes.cast_signed());
    let own = &common.columns[..common.columns.len() - common.partitions.len()];
    let told: Vec<(&Numbered, &FileColumn)> =
        own.iter().filter_map(|column| Some((column, file.columns.get(&column.column.name)?))).collect();
    let is_nan = |stats: &FileColumn| stats.max.as_deref() == Some(NAN);
    let bound = |column: &Numbered, text: &Option<String>| -> Option<(i32, Vec<u8>)> {
        Some((column.id, Scalar::of_text(column.kind?, text.as_ref()?)?.binary()))
    };
    let counts = |pick: &dyn Fn(&Numbered, &FileColumn) -> Option<u64>| -> Vec<(i32, u64)> {
        told.iter().filter_map(|(column, stats)| Some((column.id, pick(column, stats)?))).collect()
    };
    let values = counts(&|column, stats| stats.nulls.and(column.kind).map(|_| file.rows));
    let nulls = counts(&|_, stats| stats.nulls);
    // At least one: DuckDB does not say how many.
    let nans = counts(&|column, stats| {
        let may_be = matches!(column.kind, Some(Kind::Float | Kind::Double));
        may_be.then(|| u64::from(is_nan(stats)))
    });
    let lower: Vec<_> = told.iter().filter_map(|(column, stats)| bound(column, &stats.min)).collect();
    let upper: Vec<_> = told.iter().filter_map(|(column, stats)| bound(column, &stats.max)).collect();
    let sizes = counts(&|_, stats| stats.bytes);
    [&values, &nulls, &nans].into_iter().for_each(|counts| write_counts(out, counts));
    for bounds in [&lower, &upper] {
        out.optional(Some(bounds), |out, bounds| {
            out.array(bounds, |out, (id, bytes)| {
                out.long((*id).into());
                out.bytes(bytes);
            });
        });
    }
    // As the schema has it, behind all else.
    write_counts(out, &sizes);
}

/// Numbers of columns, each with a count.
fn write_counts(out: &mut Out, counts: &[(i32, u64)]) {
    out.optional(Some(counts), |out, counts| {
        out.array(counts, |out, (id, count)| {
            out.long((*id).into());
            out.long(count.cast_signed());
        });
    });
}

/// The bytes of a manifest list.
pub(super) fn list(manifests: &[Manifest], snapshot_id: i64, parent: Option<i64>, sequence_number: i64) -> Vec<u8> {
    let mut records = Records::default();
    for manifest in manifests {
        records.add(|out| {
            out.text(&manifest.path);
            out.long(manifest.length);
            out.long(manifest.spec_id.into());
            out.long(i64::from(manifest.deletes));
            for number in [manifest.sequence_number, manifest.min_sequence_number, manifest.added_snapshot_id] {
                out.long(number);
            }
            manifest.files.iter().chain(&manifest.rows).for_each(|count| out.long(*count));
            out.optional(Some(&manifest.partitions), |out, fields| {
                out.array(fields, |out, summary| {
                    out.boolean(summary.contains_null);
                    out.long(0);
                    out.optional(summary.lower.as_deref(), Out::bytes);
                    out.optional(summary.upper.as_deref(), Out::bytes);
                });
            });
        });
    }
    let (own, parent) = (snapshot_id.to_string(), parent.map_or("null".to_owned(), |parent| parent.to_string()));
    let said = [
        ("snapshot-id", own.as_str()),
        ("parent-snapshot-id", &parent),
        ("sequence-number", &sequence_number.to_string()),
        ("format-version", "2"),
    ];
    records.file(&list_schema(), &said)
}
