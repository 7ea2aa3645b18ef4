//! From the Arrow types that keep everything of DuckDB's, which answers come in, to those that DuckDB itself exports and
//! every reader of Arrow knows: BOOLEAN as bits, HUGEINT as a decimal, UUID as text.

use std::sync::Arc;

use crate::cleared::cleared;
use crate::value::write_text;
use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, Decimal128Array, FixedSizeBinaryArray, FixedSizeListArray, ListArray,
    MapArray, RecordBatch, RecordBatchOptions, StringArray, StructArray, Time64MicrosecondArray, UnionArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int8Type, Schema, SchemaRef, TimeUnit, UnionFields};
use arrow::error::ArrowError;

type Result<T> = std::result::Result<T, ArrowError>;

/// Digits of the widest decimal.
const DIGITS: u8 = 38;

/// What a field becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    Boolean,
    /// Of a signed or an unsigned number of 128 bits.
    Decimal {
        signed: bool,
    },
    Uuid,
    /// Without its zone, as DuckDB has it.
    Time,
    /// DuckDB's own bytes of a BIT.
    Bit,
    Json,
}

impl Plain {
    fn of(field: &Field) -> Option<Self> {
        let metadata = |key: &str| field.metadata().get(key).map(String::as_str).unwrap_or_default();
        let opaque = metadata("ARROW:extension:metadata");
        let is = |name: &str| opaque.contains(&format!("\"type_name\":\"{name}\""));
        match metadata("ARROW:extension:name") {
            "arrow.bool8" => Some(Self::Boolean),
            "arrow.uuid" => Some(Self::Uuid),
            "arrow.json" => Some(Self::Json),
            "arrow.opaque" if is("hugeint") => Some(Self::Decimal { signed: true }),
            "arrow.opaque" if is("uhugeint") => Some(Self::Decimal { signed: false }),
            "arrow.opaque" if is("time_tz") => Some(Self::Time),
            "arrow.opaque" if is("bit") => Some(Self::Bit),
            _ => None,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Decimal { .. } => DataType::Decimal128(DIGITS, 0),
            Self::Uuid | Self::Json => DataType::Utf8,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Bit => DataType::Binary,
        }
    }

    fn array(self, array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
        Ok(match self {
            Self::Boolean => {
                let values = array.as_primitive_opt::<Int8Type>().ok_or_else(|| wrong("a BOOLEAN that is no byte"))?;
                Arc::new(values.iter().map(|value| value.map(|value| value != 0)).collect::<BooleanArray>())
            }
            Self::Decimal { signed } => {
                let numbers = fixed::<16>(array)?.map(|bytes| bytes.map(|bytes| decimal(bytes, signed)).transpose());
                let numbers = numbers.collect::<Result<Decimal128Array>>()?;
                Arc::new(numbers.with_precision_and_scale(DIGITS, 0)?)
            }
            Self::Uuid => {
                let text = |row| {
                    let mut text = String::new();
                    write_text(&mut text, field, array, row);
                    (!array.is_null(row)).then_some(text)
                };
                Arc::new((0..array.len()).map(text).collect::<StringArray>())
            }
            // Its upper 40 bits are microseconds.
            Self::Time => {
                let times = fixed::<8>(array)?.map(|bytes| bytes.map(|bytes| (u64::from_le_bytes(bytes) >> 24) as i64));
                Arc::new(times.collect::<Time64MicrosecondArray>())
            }
            Self::Bit | Self::Json => array.clone(),
        })
    }
}

/// The values of an array of so many bytes each.
fn fixed<const N: usize>(array: &ArrayRef) -> Result<impl Iterator<Item = Option<[u8; N]>>> {
    let values = array.as_any().downcast_ref::<FixedSizeBinaryArray>();
    let values = values.filter(|values| usize::try_from(values.value_length()) == Ok(N));
    let values = values.ok_or_else(|| wrong(&format!("{N} bytes were expected of each value")))?;
    Ok(values.iter().map(|value| value.and_then(|value| value.try_into().ok())))
}

fn wrong(what: &str) -> ArrowError {
    ArrowError::SchemaError(what.to_owned())
}

fn decimal(bytes: [u8; 16], signed: bool) -> Result<i128> {
    let most = 10_i128.pow(DIGITS.into());
    let number = match signed {
        true => Some(i128::from_le_bytes(bytes)),
        false => i128::try_from(u128::from_le_bytes(bytes)).ok(),
    };
    number.filter(|number| -most < *number && *number < most).ok_or_else(|| {
        let shown = match signed {
            true => i128::from_le_bytes(bytes).to_string(),
            false => u128::from_le_bytes(bytes).to_string(),
        };
        ArrowError::InvalidArgumentError(format!("{shown} has more than the {DIGITS} digits that an Arrow decimal has"))
    })
}

/// The schema with the types that DuckDB exports.
pub fn plain_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(fields(schema.fields())))
}

/// The same rows with the types of `schema`, which [`plain_schema`] made, and nothing behind NULLs.
///
/// # Errors
/// `InvalidArgumentError`: a number of more digits than a decimal has. Another, where values are not as their type says.
pub fn plain_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let source = batch.schema();
    let columns = source.fields().iter().zip(schema.fields()).zip(batch.columns());
    let columns = columns.map(|((from, to), array)| cleared(&convert(array, from, to)?)).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

fn fields(own: &Fields) -> Fields {
    own.iter().map(field).collect()
}

fn field(own: &FieldRef) -> FieldRef {
    if let Some(plain) = Plain::of(own) {
        return Arc::new(Field::new(own.name(), plain.data_type(), own.is_nullable()));
    }
    let data_type = match own.data_type() {
        DataType::List(below) => DataType::List(field(below)),
        DataType::FixedSizeList(below, len) => DataType::FixedSizeList(field(below), *len),
        DataType::Map(below, sorted) => DataType::Map(field(below), *sorted),
        DataType::Struct(below) => DataType::Struct(fields(below)),
        DataType::Union(below, mode) => {
            let below = below.iter().map(|(id, below)| (id, field(below))).collect::<UnionFields>();
            DataType::Union(below, *mode)
        }
        _ => return own.clone(),
    };
    Arc::new(own.as_ref().clone().with_data_type(data_type))
}

fn convert(array: &ArrayRef, from: &FieldRef, to: &FieldRef) -> Result<ArrayRef> {
    if let Some(plain) = Plain::of(from) {
        return plain.array(array, from);
    }
    if from == to {
        return Ok(array.clone());
    }
    let nulls = array.nulls().cloned();
    Ok(match (from.data_type(), to.data_type()) {
        (DataType::List(from), DataType::List(to)) => {
            let list = array.as_list::<i32>();
            let values = convert(list.values(), from, to)?;
            Arc::new(ListArray::try_new(to.clone(), list.offsets().clone(), values, nulls)?)
        }
        (DataType::FixedSizeList(from, len), DataType::FixedSizeList(to, _)) => {
            let values = convert(array.as_fixed_size_list().values(), from, to)?;
            Arc::new(FixedSizeListArray::try_new(to.clone(), *len, values, nulls)?)
        }
        (DataType::Map(from, sorted), DataType::Map(to, _)) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let entries = convert(&entries, from, to)?.as_struct().clone();
            Arc::new(MapArray::try_new(to.clone(), map.offsets().clone(), entries, nulls, *sorted)?)
        }
        (DataType::Struct(from), DataType::Struct(to)) => {
            let columns = from.iter().zip(to).zip(array.as_struct().columns());
            let columns = columns.map(|((from, to), array)| convert(array, from, to)).collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new(to.clone(), columns, nulls)?)
        }
        (DataType::Union(from, _), DataType::Union(to, _)) => {
            let union = array.as_union();
            let children = from.iter().zip(to.iter());
            let children = children.map(|((id, from), (_, to))| convert(union.child(id), from, to));
            let children = children.collect::<Result<Vec<_>>>()?;
            Arc::new(UnionArray::try_new(to.clone(), union.type_ids().clone(), union.offsets().cloned(), children)?)
        }
        _ => array.clone(),
    })
}
