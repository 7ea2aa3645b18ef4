//! Rows as the engine answers with them, and as a browser takes them: of types that every reader of Arrow knows, not compressed; or as
//! text.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_ipc::writer::StreamWriter;
use quack_function::plain::{plain_batch, plain_schema};
use quack_function::{arrow_stream, csv};
use quack_page::form::MOST_BYTES;

/// Why there are no rows for a browser.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// More than [`MOST_BYTES`].
    TooMany,
    /// What is wrong with them.
    Wrong(String),
}

impl From<ArrowError> for Unfit {
    fn from(error: ArrowError) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// An Arrow stream of the engine's as one for a browser, with its number of rows.
pub(crate) fn plain(stream: Vec<u8>) -> Result<(Vec<u8>, u64), Unfit> {
    let (schema, batches) = read(stream)?;
    let schema = plain_schema(&schema);
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    let mut rows = 0;
    for batch in batches {
        let batch = plain_batch(&batch?, &schema)?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
        within(writer.get_ref())?;
    }
    let bytes = writer.into_inner()?;
    within(&bytes)?;
    Ok((bytes, rows))
}

/// The same as CSV.
pub(crate) fn text(stream: Vec<u8>) -> Result<(Vec<u8>, u64), Unfit> {
    let (schema, batches) = read(stream)?;
    let (mut text, mut rows) = (Vec::new(), 0);
    csv::header(&mut text, schema.fields().iter().map(|field| field.name().as_str()), ',');
    for batch in batches {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            csv::line(&mut text, &schema, batch.columns(), row, ',');
            within(&text)?;
        }
        rows += batch.num_rows() as u64;
    }
    Ok((text, rows))
}

fn read(stream: Vec<u8>) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch, Unfit>>), Unfit> {
    let (schema, batches) = arrow_stream::read(stream).map_err(Unfit::Wrong)?;
    Ok((schema, batches.map(|batch| batch.map_err(Unfit::Wrong))))
}

fn within(bytes: &[u8]) -> Result<(), Unfit> {
    if bytes.len() > MOST_BYTES { Err(Unfit::TooMany) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int8Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use arrow_ipc::CompressionType;
    use arrow_ipc::reader::StreamReader;
    use arrow_ipc::writer::IpcWriteOptions;

    use super::*;

    /// As the engine writes it: compressed, and a BOOLEAN as a byte.
    fn stream(values: Vec<Option<i8>>) -> Vec<u8> {
        let metadata = [("ARROW:extension:name".to_owned(), "arrow.bool8".to_owned())];
        let field = Field::new("b", DataType::Int8, true).with_metadata(metadata.into());
        let schema = Arc::new(Schema::new(vec![field]));
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
        let column: ArrayRef = Arc::new(Int8Array::from(values));
        writer.write(&RecordBatch::try_new(schema, vec![column]).unwrap()).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn rows_are_of_plain_types_and_not_too_many() {
        let (bytes, rows) = plain(stream(vec![Some(1), None, Some(0)])).unwrap();
        let mut back = StreamReader::try_new(Cursor::new(bytes), None).unwrap();
        assert_eq!((rows, back.schema().field(0).data_type().clone()), (3, DataType::Boolean));
        assert_eq!(back.next().unwrap().unwrap().num_rows(), 3);
        let text = text(stream(vec![Some(1), None, Some(0)])).unwrap();
        assert_eq!(text, (b"b\ntrue\n\nfalse\n".to_vec(), 3));
        // A small stream that would be many bytes.
        let large = stream(vec![Some(1); 14 << 20]);
        assert!(large.len() < 1 << 20 && matches!(super::text(large), Err(Unfit::TooMany)));
    }

    #[test]
    fn what_is_no_stream_is_told() {
        let whole = stream(vec![Some(1), Some(0)]);
        for cut in [0, 1, 8, whole.len() / 2] {
            assert!(matches!(plain(whole[..cut].to_vec()), Err(Unfit::Wrong(_))), "{cut}");
            assert!(matches!(text(whole[..cut].to_vec()), Err(Unfit::Wrong(_))), "{cut}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            _ = plain(damaged);
        }
    }
}
