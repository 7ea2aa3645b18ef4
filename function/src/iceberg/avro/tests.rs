use super::*;

fn file(schema: &str, records: i64, data: &[u8]) -> Vec<u8> {
    let long = |number: i64| {
        let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
        let mut bytes = Vec::new();
        while zigzag > 0x7f {
            bytes.push((zigzag & 0x7f) as u8 | 0x80);
            zigzag >>= 7;
        }
        bytes.push(zigzag as u8);
        bytes
    };
    let text = |text: &[u8]| [long(text.len() as i64), text.to_vec()].concat();
    [
        MAGIC.to_vec(),
        long(1),
        text(b"avro.schema"),
        text(schema.as_bytes()),
        long(0),
        vec![7; SYNC],
        long(records),
        text(data),
        vec![7; SYNC],
    ]
    .concat()
}

const SCHEMA: &str = r#"{"type":"record","name":"a","fields":[
    {"name":"x","type":["null","long"],"field-id":1},
    {"name":"skipped","type":{"type":"map","values":"string"}},
    {"name":"inner","field-id":2,"type":{"type":"record","name":"b","fields":[
        {"name":"y","type":"string","field-id":3},
        {"name":"m","field-id":4,"type":{"type":"array","logicalType":"map","items":{"type":"record","name":"kv","fields":[
            {"name":"key","type":"int","field-id":5},{"name":"value","type":"bytes","field-id":6}]}}}]}}]}"#;

#[test]
fn wanted_fields_are_read_wherever_they_are() {
    // x = 1; a map of one; y = "hi"; the pairs {7: "!"}.
    let data = [2, 2, 2, 2, b'k', 2, b'v', 0, 4, b'h', b'i', 2, 14, 2, b'!', 0];
    let bytes = file(SCHEMA, 1, &data);
    let mut rows = 0;
    let read = File::open(&bytes, &[3, 4, 1]).unwrap().read(|slots| {
        rows += 1;
        let pairs = Value::Pairs(vec![(7, Value::Bytes(b"!"))]);
        assert_eq!(slots, [Value::Bytes(b"hi"), pairs, Value::Long(1)]);
        Ok(())
    });
    assert_eq!((read, rows), (Ok(()), 1));
}

#[test]
fn what_is_damaged_is_refused_and_never_believed() {
    let data = [2, 2, 2, 2, b'k', 2, b'v', 0, 4, b'h', b'i', 2, 14, 2, b'!', 0];
    let whole = file(SCHEMA, 1, &data);
    for end in 0..whole.len() {
        let Ok(file) = File::open(&whole[..end], &[3]) else { continue };
        let mut rows = 0;
        let read = file.read(|_| {
            rows += 1;
            Ok(())
        });
        // A file may end between two blocks.
        assert!(read.is_err() || rows == 0, "{end}");
    }
    for at in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            if let Ok(file) = File::open(&bytes, &[1, 2, 3, 4]) {
                let _ = file.read(|_| Ok(()));
            }
        }
    }
    let many = file(SCHEMA, i64::MAX, &data);
    assert!(File::open(&many, &[1]).unwrap().read(|_| Ok(())).is_err());
}
