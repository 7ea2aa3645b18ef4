//! Arrays without what memory held before: DuckDB leaves behind NULLs what was there, which may be anybody's, and what goes out to
//! others with the rows.

use arrow::array::{Array as _, ArrayData, ArrayRef, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// The same values, with zeros where there is NULL.
///
/// # Errors
/// An array that is none.
pub(crate) fn cleared(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let is_nested = array.data_type().is_nested();
    match is_nested || array.null_count() > 0 {
        true => Ok(make_array(data(&array.to_data(), None)?)),
        false => Ok(array.clone()),
    }
}

/// The same for one array of those that are within another, whose NULLs `above` tells.
fn data(own: &ArrayData, above: Option<&NullBuffer>) -> Result<ArrayData, ArrowError> {
    let (offset, len) = (own.offset(), own.len());
    let nulls = NullBuffer::union(own.nulls(), above).filter(|nulls| nulls.null_count() > 0);
    let width = match own.data_type() {
        DataType::FixedSizeBinary(width) => usize::try_from(*width).ok(),
        other => other.primitive_width(),
    };
    let mut made = own.clone().into_builder();
    // Its last byte has bits of none, too.
    made = made.nulls(own.nulls().map(|nulls| NullBuffer::new(bits(len, |row| nulls.is_valid(row)))));
    made = match (own.data_type(), own.buffers(), width, &nulls) {
        (_, [values], Some(width), Some(nulls)) => {
            made.offset(0).buffers(vec![fixed(values.as_slice().get(offset * width..), width, nulls)?])
        }
        (DataType::Boolean, [values], _, Some(nulls)) => {
            let values = BooleanBuffer::new(values.clone(), offset, len);
            let values = bits(len, |row| nulls.is_valid(row) && values.value(row));
            made.offset(0).buffers(vec![values.into_inner()])
        }
        (DataType::Struct(_), ..) => {
            let children = own.child_data().iter().map(|child| data(&child.slice(offset, len), nulls.as_ref()));
            made.offset(0).child_data(children.collect::<Result<_, _>>()?)
        }
        (DataType::FixedSizeList(_, each), ..) => {
            let each = usize::try_from(*each).unwrap_or(0);
            let nulls = nulls.map(|nulls| nulls.expand(each));
            let children = own.child_data().iter().map(|child| child.slice(offset * each, len * each));
            let children = children.map(|child| data(&child, nulls.as_ref()));
            made.offset(0).child_data(children.collect::<Result<_, _>>()?)
        }
        _ => {
            let children = own.child_data().iter().map(|child| data(child, None));
            made.child_data(children.collect::<Result<_, _>>()?)
        }
    };
    made.build()
}

/// Values of `width` bytes each, with zeros where there is none.
fn fixed(values: Option<&[u8]>, width: usize, nulls: &NullBuffer) -> Result<Buffer, ArrowError> {
    let values = values.and_then(|values| values.get(..nulls.len() * width));
    let values =
        values.ok_or_else(|| ArrowError::InvalidArgumentError("an array has fewer values than rows".into()))?;
    let mut made = MutableBuffer::from_len_zeroed(values.len());
    for (start, end) in nulls.valid_slices() {
        made.as_slice_mut()[start * width..end * width].copy_from_slice(&values[start * width..end * width]);
    }
    Ok(made.into())
}

fn bits(len: usize, is_set: impl FnMut(usize) -> bool) -> BooleanBuffer {
    BooleanBuffer::collect_bool(len, is_set)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray as _, BooleanArray, FixedSizeListArray, Int64Array, RecordBatch, StructArray};
    use arrow::datatypes::{Field, Fields, Int64Type};
    use arrow_ipc::writer::StreamWriter;

    use super::*;

    const SECRET: i64 = i64::from_le_bytes(*b"SECRETS!");

    fn numbers(is_valid: &[bool]) -> Int64Array {
        let values = is_valid.iter().map(|is_valid| if *is_valid { 7 } else { SECRET }).collect::<Vec<_>>();
        Int64Array::new(values.into(), Some(NullBuffer::from(is_valid.to_vec())))
    }

    fn stream(array: ArrayRef) -> Vec<u8> {
        let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn what_was_behind_nulls_is_gone() {
        let field = || Arc::new(Field::new("n", DataType::Int64, true));
        let hidden = || Arc::new(Int64Array::from(vec![7, SECRET, SECRET, 7])) as ArrayRef;
        let of = |is_valid: &[bool]| Some(NullBuffer::from(is_valid.to_vec()));
        let within = StructArray::new(Fields::from(vec![field()]), vec![hidden()], of(&[true, false, false, true]));
        let list = FixedSizeListArray::new(field(), 2, hidden(), of(&[false, true]));
        let list = list.slice(0, 1);
        let long = numbers(&[true, false, true, true, false, true, true]);
        let slice = long.slice(1, 5);
        for array in [Arc::new(long) as ArrayRef, Arc::new(slice), Arc::new(within), Arc::new(list)] {
            let made = cleared(&array).unwrap();
            assert_eq!((&made, made.null_count()), (&array, array.null_count()), "the values are what they were");
            let has = |array: &ArrayRef| stream(array.clone()).windows(8).any(|bytes| bytes == b"SECRETS!");
            assert!(has(&array) && !has(&made), "{array:?}");
        }
        let plain = Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
        assert_eq!(cleared(&plain).unwrap().as_primitive::<Int64Type>().values(), &[1, 2]);
    }

    #[test]
    fn bits_behind_nulls_are_zero() {
        let values = BooleanBuffer::collect_bool(12, |_| true);
        let array = BooleanArray::new(values, Some(NullBuffer::from_iter((0..12).map(|row| row % 3 == 0))));
        let made = cleared(&(Arc::new(array.slice(2, 9)) as ArrayRef)).unwrap();
        let data = made.to_data();
        let ones = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
        assert_eq!(made.as_boolean(), &array.slice(2, 9));
        assert_eq!((ones(data.buffers()[0].as_slice()), ones(data.nulls().unwrap().validity())), (3, 3));
    }
}
