//! Avro's object container files, read by the schema that is in them. Fields are known by Iceberg's numbers, not by their names
//! or places: so files of any writer are read, and what nobody asked for is skipped.
//!
//! Source: Apache Avro's specification, <https://avro.apache.org/docs/1.12.0/specification/>.

use std::collections::HashMap;
use std::io::Read as _;

use flate2::read::DeflateDecoder;
use serde_json::Value as Json;

use super::Bad;

/// What such a file begins with.
const MAGIC: &[u8] = b"Obj\x01";

/// Bytes of the mark behind each block.
const SYNC: usize = 16;

/// Deepest nesting of a schema.
const DEPTH: usize = 32;

/// Most bytes of a block, unpacked: a few packed ones could fill the memory otherwise.
const BLOCK_BYTES: u64 = 256 << 20;

/// A value of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Null, or nothing was asked for.
    Null,
    Boolean(bool),
    /// `int` and `long`, and what stands for dates and times.
    Long(i64),
    Float(f32),
    Double(f64),
    /// `bytes`, `string` and `fixed`.
    Bytes(&'a [u8]),
    /// Fields by Iceberg's numbers.
    Record(Vec<(i32, Value<'a>)>),
    Array(Vec<Value<'a>>),
    /// A map with numbers as keys, which Iceberg writes as an array of pairs.
    Pairs(Vec<(i64, Value<'a>)>),
    /// A value as it is encoded, of a field that was asked for by its number below zero.
    Raw(&'a [u8]),
}

/// How one value lies in the file.
#[derive(Debug, Clone)]
enum Node {
    Null,
    Boolean,
    Long,
    Float,
    Double,
    Bytes,
    Fixed(usize),
    Union(Vec<Node>),
    Array(Box<Node>),
    Pairs(Box<Node>),
    Map(Box<Node>),
    Record(Vec<Field>),
}

#[derive(Debug, Clone)]
struct Field {
    /// Iceberg's number; -1 without one.
    id: i32,
    /// Where the value goes, if it is asked for.
    slot: Option<usize>,
    /// As it is encoded.
    raw: bool,
    node: Node,
}

/// An object container file.
pub struct File<'a> {
    /// What the writer said of the file.
    pub metadata: HashMap<String, &'a [u8]>,
    node: Node,
    slots: usize,
    deflated: bool,
    blocks: Cursor<'a>,
    sync: &'a [u8],
}

impl<'a> File<'a> {
    /// Opens a file, of which the fields with the numbers `wanted` are read, wherever in it they are; one with its number below
    /// zero as it is encoded.
    ///
    /// # Errors
    /// It is none, or is packed as nobody here unpacks it.
    pub fn open(bytes: &'a [u8], wanted: &[i32]) -> Result<Self, Bad> {
        let mut cursor = Cursor { left: bytes };
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err(Bad::new("it is no Avro file"));
        }
        let mut metadata = HashMap::new();
        loop {
            let count = cursor.block()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                let key = String::from_utf8_lossy(cursor.bytes()?).into_owned();
                metadata.insert(key, cursor.bytes()?);
            }
        }
        let deflated = match metadata.get("avro.codec").copied().unwrap_or(b"null") {
            b"null" => false,
            b"deflate" => true,
            other => return Err(Bad::new(format!("it is packed by {:?}", String::from_utf8_lossy(other)))),
        };
        let schema = metadata.get("avro.schema").ok_or_else(|| Bad::new("it has no schema"))?;
        let schema: Json = serde_json::from_slice(schema).map_err(|error| Bad::new(format!("its schema: {error}")))?;
        let node = Compiler { wanted, named: HashMap::new() }.node(&schema, 0)?;
        let sync = cursor.take(SYNC)?;
        Ok(Self { metadata, node, slots: wanted.len(), deflated, blocks: cursor, sync })
    }

    /// Gives the wanted fields of each record to `each`, in their order.
    ///
    /// # Errors
    /// A file that is damaged; those of `each`.
    pub fn read(mut self, mut each: impl FnMut(&[Value<'_>]) -> Result<(), Bad>) -> Result<(), Bad> {
        let mut unpacked = Vec::new();
        while !self.blocks.left.is_empty() {
            let count = self.blocks.long()?;
            let bytes = self.blocks.bytes()?;
            if self.blocks.take(SYNC)? != self.sync {
                return Err(Bad::new("a block does not end where it should"));
            }
            let mut cursor = Cursor { left: bytes };
            if self.deflated {
                unpacked.clear();
                let read = DeflateDecoder::new(bytes).take(BLOCK_BYTES + 1).read_to_end(&mut unpacked);
                read.map_err(|error| Bad::new(format!("a block cannot be unpacked: {error}")))?;
                if unpacked.len() as u64 > BLOCK_BYTES {
                    return Err(Bad::new("a block is too large"));
                }
                cursor = Cursor { left: &unpacked };
            }
            if count < 0 || count as u64 > cursor.left.len() as u64 {
                return Err(Bad::new("a block has more records than bytes"));
            }
            for _ in 0..count {
                let mut slots = vec![Value::Null; self.slots];
                fill(&mut cursor, &self.node, &mut slots)?;
                each(&slots)?;
            }
        }
        Ok(())
    }
}

/// What is left to read.
struct Cursor<'a> {
    left: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Bad> {
        let (taken, left) = self.left.split_at_checked(count).ok_or_else(|| Bad::new("it ends too early"))?;
        self.left = left;
        Ok(taken)
    }

    fn long(&mut self) -> Result<i64, Bad> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
        }
        Err(Bad::new("a number is too long"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], Bad> {
        let count = self.long()?;
        self.take(usize::try_from(count).map_err(|_| Bad::new("a length is negative"))?)
    }

    /// The number of items that follow, of an array or a map; 0 at its end. Each item has a byte at least.
    fn block(&mut self) -> Result<u64, Bad> {
        let mut count = self.long()?;
        if count < 0 {
            count = count.checked_neg().ok_or_else(|| Bad::new("a count is too large"))?;
            self.long()?;
        }
        let count = count.unsigned_abs();
        if count > self.left.len() as u64 {
            return Err(Bad::new("there are more items than bytes"));
        }
        Ok(count)
    }
}

/// Reads a record, of which the fields that have a slot go there, at any depth.
fn fill<'a>(cursor: &mut Cursor<'a>, node: &Node, slots: &mut [Value<'a>]) -> Result<(), Bad> {
    let Node::Record(fields) = node else { return skip(cursor, node) };
    for field in fields {
        match field.slot {
            Some(slot) if field.raw => {
                let before = cursor.left;
                skip(cursor, &field.node)?;
                slots[slot] = Value::Raw(&before[..before.len() - cursor.left.len()]);
            }
            Some(slot) => slots[slot] = value(cursor, &field.node)?,
            None => fill(cursor, &field.node, slots)?,
        }
    }
    Ok(())
}

fn value<'a>(cursor: &mut Cursor<'a>, node: &Node) -> Result<Value<'a>, Bad> {
    Ok(match node {
        Node::Null => Value::Null,
        Node::Boolean => Value::Boolean(cursor.take(1)?[0] != 0),
        Node::Long => Value::Long(cursor.long()?),
        Node::Float => Value::Float(f32::from_le_bytes(array(cursor.take(4)?)?)),
        Node::Double => Value::Double(f64::from_le_bytes(array(cursor.take(8)?)?)),
        Node::Bytes => Value::Bytes(cursor.bytes()?),
        Node::Fixed(size) => Value::Bytes(cursor.take(*size)?),
        Node::Union(branches) => {
            let branch = branch(cursor, branches)?;
            value(cursor, branch)?
        }
        Node::Array(item) => {
            let mut items = Vec::new();
            each_item(cursor, |cursor| {
                items.push(value(cursor, item)?);
                Ok(())
            })?;
            Value::Array(items)
        }
        Node::Pairs(item) => {
            let mut pairs = Vec::new();
            each_item(cursor, |cursor| {
                pairs.push((cursor.long()?, value(cursor, item)?));
                Ok(())
            })?;
            Value::Pairs(pairs)
        }
        Node::Map(_) => {
            skip(cursor, node)?;
            Value::Null
        }
        Node::Record(fields) => {
            let read = |field: &Field| Ok((field.id, value(cursor, &field.node)?));
            Value::Record(fields.iter().map(read).collect::<Result<_, Bad>>()?)
        }
    })
}

fn skip(cursor: &mut Cursor<'_>, node: &Node) -> Result<(), Bad> {
    match node {
        Node::Null => Ok(()),
        Node::Boolean => cursor.take(1).map(drop),
        Node::Long => cursor.long().map(drop),
        Node::Float => cursor.take(4).map(drop),
        Node::Double => cursor.take(8).map(drop),
        Node::Bytes => cursor.bytes().map(drop),
        Node::Fixed(size) => cursor.take(*size).map(drop),
        Node::Union(branches) => {
            let branch = branch(cursor, branches)?;
            skip(cursor, branch)
        }
        Node::Array(item) => each_item(cursor, |cursor| skip(cursor, item)),
        Node::Pairs(item) => each_item(cursor, |cursor| {
            cursor.long()?;
            skip(cursor, item)
        }),
        Node::Map(item) => each_item(cursor, |cursor| {
            cursor.bytes()?;
            skip(cursor, item)
        }),
        Node::Record(fields) => fields.iter().try_for_each(|field| skip(cursor, &field.node)),
    }
}

fn each_item<'a>(cursor: &mut Cursor<'a>, mut each: impl FnMut(&mut Cursor<'a>) -> Result<(), Bad>) -> Result<(), Bad> {
    loop {
        let count = cursor.block()?;
        if count == 0 {
            return Ok(());
        }
        for _ in 0..count {
            each(cursor)?;
        }
    }
}

/// The branch of a union that follows.
fn branch<'n>(cursor: &mut Cursor<'_>, branches: &'n [Node]) -> Result<&'n Node, Bad> {
    let at = usize::try_from(cursor.long()?).ok();
    at.and_then(|at| branches.get(at)).ok_or_else(|| Bad::new("a union has no such branch"))
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Bad> {
    bytes.try_into().map_err(|_| Bad::new("it ends too early"))
}

/// Makes of a schema what values are read by.
struct Compiler<'a> {
    wanted: &'a [i32],
    named: HashMap<String, Node>,
}

impl Compiler<'_> {
    fn node(&mut self, schema: &Json, depth: usize) -> Result<Node, Bad> {
        if depth > DEPTH {
            return Err(Bad::new("its schema is too deep"));
        }
        let kind = match schema {
            Json::String(kind) => kind.as_str(),
            Json::Array(branches) => {
                let branches = branches.iter().map(|branch| self.node(branch, depth + 1));
                return Ok(Node::Union(branches.collect::<Result<_, _>>()?));
            }
            Json::Object(object) => match object.get("type") {
                Some(Json::String(kind)) => kind.as_str(),
                Some(inner) => return self.node(inner, depth + 1),
                None => return Err(Bad::new("its schema has no type")),
            },
            _ => return Err(Bad::new("its schema is none")),
        };
        let below = |name: &str| schema.get(name).ok_or_else(|| Bad::new(format!("its schema has no {name}")));
        let node = match kind {
            "null" => Node::Null,
            "boolean" => Node::Boolean,
            "int" | "long" | "enum" => Node::Long,
            "float" => Node::Float,
            "double" => Node::Double,
            "bytes" | "string" => Node::Bytes,
            "fixed" => {
                let size = below("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                Node::Fixed(size.ok_or_else(|| Bad::new("its schema has a size that is none"))?)
            }
            "array" => match self.node(below("items")?, depth + 1)? {
                Node::Record(mut fields)
                    if schema.get("logicalType").and_then(Json::as_str) == Some("map")
                        && matches!(fields.as_slice(), [Field { node: Node::Long, .. }, _]) =>
                {
                    Node::Pairs(Box::new(fields.swap_remove(1).node))
                }
                item => Node::Array(Box::new(item)),
            },
            "map" => Node::Map(Box::new(self.node(below("values")?, depth + 1)?)),
            "record" => {
                let fields = below("fields")?.as_array().ok_or_else(|| Bad::new("its schema has no fields"))?;
                let fields = fields.iter().map(|field| {
                    let id = field.get("field-id").and_then(Json::as_i64).and_then(|id| i32::try_from(id).ok());
                    let place = |wanted: i32| self.wanted.iter().position(|known| *known == wanted);
                    let raw = id.and_then(|id| place(-id)).filter(|_| id != Some(0));
                    let slot = raw.or_else(|| id.and_then(place));
                    let schema = field.get("type").ok_or_else(|| Bad::new("a field has no type"))?;
                    Ok(Field { id: id.unwrap_or(-1), slot, raw: raw.is_some(), node: self.node(schema, depth + 1)? })
                });
                Node::Record(fields.collect::<Result<_, Bad>>()?)
            }
            named => {
                let known = self.named.get(named).cloned();
                return known.ok_or_else(|| Bad::new(format!("its schema names {named:?}, which is no type")));
            }
        };
        // A record of records that are named again and again would take for ever to skip.
        if let (Some(name), Node::Fixed(_) | Node::Long) = (schema.get("name").and_then(Json::as_str), &node) {
            self.named.insert(name.to_owned(), node.clone());
        }
        Ok(node)
    }
}

#[cfg(test)]
mod tests;
