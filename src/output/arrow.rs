//! Arrow IPC: the file format into a file, the streaming format into a pipe.

use std::io::Write;

use anyhow::Result;
use arrow_ipc::writer::{FileWriter, StreamWriter};

use super::plain::{plain_batch, plain_schema};
use crate::rows::ResultSet;

pub(super) fn write(result: ResultSet, seekable: bool, out: &mut dyn Write) -> Result<u64> {
    let schema = plain_schema(&result.schema);
    let mut rows = 0;
    let batches = result.batches.map(|batch| {
        let batch = plain_batch(&batch?, &schema)?;
        rows += batch.num_rows() as u64;
        Ok::<_, anyhow::Error>(batch)
    });
    if seekable {
        let mut writer = FileWriter::try_new(out, &schema)?;
        for batch in batches {
            writer.write(&batch?)?;
        }
        writer.finish()?;
    } else {
        let mut writer = StreamWriter::try_new(out, &schema)?;
        for batch in batches {
            writer.write(&batch?)?;
        }
        writer.finish()?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use arrow_ipc::reader::{FileReader, StreamReader};

    use super::super::testing::tricky;
    use super::*;

    #[test]
    fn both_forms_read_back() {
        let expected: Vec<_> = tricky().batches.map(Result::unwrap).collect();
        let mut file = Vec::new();
        assert_eq!(write(tricky(), true, &mut file).unwrap(), 3);
        let back: Vec<_> = FileReader::try_new(Cursor::new(file), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(back, expected);
        let mut stream = Vec::new();
        assert_eq!(write(tricky(), false, &mut stream).unwrap(), 3);
        let back: Vec<_> = StreamReader::try_new(Cursor::new(stream), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(back, expected);
    }
}
