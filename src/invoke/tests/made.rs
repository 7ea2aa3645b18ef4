//! Answers made of what a corpus says of them.

use anyhow::Result;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::duck::{self, Sandbox, batches};

/// The rows of `sql` as a function streams them, packed or not; `rename` gives columns names that SQL cannot.
pub(super) fn stream(sql: &str, packed: bool, rename: &[Option<String>]) -> Vec<u8> {
    let connection = duck::open(&Sandbox { setup: batches::SETTINGS, ..Sandbox::default() }).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let rows: Vec<RecordBatch> = statement.query_arrow([]).unwrap().collect();
    let schema = statement.stream_arrow([]).unwrap().get_schema();
    let named = schema.fields().iter().enumerate().map(|(index, field)| match rename.get(index) {
        Some(Some(name)) => Field::clone(field).with_name(name),
        _ => Field::clone(field),
    });
    let schema = Schema::new(named.collect::<Vec<_>>());
    let compression = packed.then_some(CompressionType::LZ4_FRAME);
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    for batch in rows {
        let batch = RecordBatch::try_new(schema.clone().into(), batch.columns().to_vec()).unwrap();
        writer.write(&batch).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Puts base64 of a stream in the place of each `{"$arrow": SQL, ...}`, and the size `bytes` in that of `{"$size": true}`.
pub(super) fn fill(value: &mut Value, bytes: u64) {
    match value {
        Value::Object(fields) if fields.contains_key("$arrow") => *value = STANDARD.encode(forged(value)).into(),
        Value::Object(fields) if fields.contains_key("$size") => *value = bytes.into(),
        Value::Object(fields) => fields.values_mut().for_each(|below| fill(below, bytes)),
        Value::Array(values) => values.iter_mut().for_each(|below| fill(below, bytes)),
        _ => {}
    }
}

fn forged(recipe: &Value) -> Vec<u8> {
    let rename: Vec<Option<String>> =
        recipe.get("rename").map(|names| serde_json::from_value(names.clone()).unwrap()).unwrap_or_default();
    let mut stream = stream(recipe["$arrow"].as_str().unwrap(), recipe["lz4"] == true, &rename);
    for patch in recipe["patch"].as_array().into_iter().flatten() {
        let put = hex(&patch["put"]);
        let at = match patch["at"].as_u64() {
            Some(at) => usize::try_from(at).unwrap(),
            None => {
                let find = hex(&patch["find"]);
                let mut places = stream.windows(find.len()).enumerate().filter(|(_, window)| *window == find);
                let place = if patch["last"] == true { places.next_back() } else { places.next() };
                place.unwrap_or_else(|| panic!("there is no {}", patch["find"])).0
            }
        };
        stream[at..at + put.len()].copy_from_slice(&put);
    }
    let messages = messages(&stream);
    if let Some(only) = recipe["only"].as_u64() {
        stream.truncate(messages[usize::try_from(only).unwrap()]);
    }
    if let Some(skip) = recipe["skip"].as_u64() {
        stream.drain(..messages[usize::try_from(skip).unwrap()]);
    }
    if recipe["twice"] == true {
        let again = stream.clone();
        stream.truncate(*messages.last().unwrap());
        stream.extend(again);
    }
    match recipe["cut"].as_i64() {
        Some(cut) if cut < 0 => stream.truncate(stream.len() - usize::try_from(-cut).unwrap()),
        Some(cut) => stream.truncate(usize::try_from(cut).unwrap()),
        None => {}
    }
    stream
}

/// Where each message of a stream begins, and the mark of its end; as far as the stream is one.
fn messages(stream: &[u8]) -> Vec<usize> {
    let mut found = vec![0];
    while let Some(next) = after(stream, *found.last().unwrap()) {
        found.push(next);
    }
    found
}

fn after(stream: &[u8], at: usize) -> Option<usize> {
    let len = i32::from_le_bytes(stream.get(at + 4..at + 8)?.try_into().ok()?);
    let len = usize::try_from(len).ok().filter(|len| *len > 0)?;
    let message = arrow_ipc::root_as_message(stream.get(at + 8..at + 8 + len)?).ok()?;
    Some(at + 8 + len + usize::try_from(message.bodyLength()).ok()?)
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16);
    (0..text.len()).step_by(2).map(digits).collect::<Result<_, _>>().unwrap()
}
