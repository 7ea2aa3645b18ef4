//! GEOMETRY: from well-known binary to well-known text, as DuckDB writes it.

use super::number::{push, push_float};
use std::fmt::Write;

const NAMES: [&str; 7] =
    ["POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"];

/// Deepest nesting of collections that is written.
const MAX_DEPTH: usize = 64;

/// Appends the geometry in `bytes`; what is no well-known binary becomes its hexadecimal digits.
pub(crate) fn push_wkt(out: &mut String, bytes: &[u8]) {
    let start = out.len();
    if (Reader { bytes }).geometry(out, true, 0).is_none() {
        out.truncate(start);
        for byte in bytes {
            let _ = write!(out, "{byte:02X}");
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*taken)
    }

    fn count(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    /// One geometry, with its name unless it is part of a geometry of one kind (`MULTIPOINT`).
    fn geometry(&mut self, out: &mut String, named: bool, depth: usize) -> Option<()> {
        // DuckDB writes little-endian (1) only.
        if self.take::<1>()? != [1] || depth > MAX_DEPTH {
            return None;
        }
        let code = self.count()?;
        let (kind, dimensions) = (code % 1000, code / 1000);
        let name = NAMES.get(kind.checked_sub(1)? as usize)?;
        let (suffix, width) = *[("", 2), (" Z", 3), (" M", 3), (" ZM", 4)].get(dimensions as usize)?;
        if named {
            out.push_str(name);
            out.push_str(suffix);
            out.push(' ');
        }
        match kind {
            1 => self.point(out, width),
            2 => self.list(out, |this, out| this.vertex(out, width)),
            3 => self.list(out, |this, out| this.list(out, |this, out| this.vertex(out, width))),
            // DuckDB writes the points of a MULTIPOINT without parentheses.
            4 => self.list(out, |this, out| {
                this.take::<5>()?;
                this.vertex_or_empty(out, width)
            }),
            7 => self.list(out, |this, out| this.geometry(out, true, depth + 1)),
            _ => self.list(out, |this, out| this.geometry(out, false, depth + 1)),
        }
    }

    fn list(&mut self, out: &mut String, mut item: impl FnMut(&mut Self, &mut String) -> Option<()>) -> Option<()> {
        let count = self.count()?;
        if count == 0 {
            out.push_str("EMPTY");
            return Some(());
        }
        for index in 0..count {
            out.push_str(if index == 0 { "(" } else { ", " });
            item(self, out)?;
        }
        out.push(')');
        Some(())
    }

    fn point(&mut self, out: &mut String, width: usize) -> Option<()> {
        let start = out.len();
        self.vertex_or_empty(out, width)?;
        if !out[start..].starts_with('E') {
            out.insert(start, '(');
            out.push(')');
        }
        Some(())
    }

    /// A vertex; one that is all NaN is an empty point.
    fn vertex_or_empty(&mut self, out: &mut String, width: usize) -> Option<()> {
        let coordinates = self.coordinates(width)?;
        if coordinates.iter().all(|coordinate| coordinate.is_nan()) {
            out.push_str("EMPTY");
        } else {
            write_vertex(out, &coordinates);
        }
        Some(())
    }

    fn vertex(&mut self, out: &mut String, width: usize) -> Option<()> {
        write_vertex(out, &self.coordinates(width)?);
        Some(())
    }

    fn coordinates(&mut self, width: usize) -> Option<Vec<f64>> {
        (0..width).map(|_| self.take().map(f64::from_le_bytes)).collect()
    }
}

fn write_vertex(out: &mut String, coordinates: &[f64]) {
    for (index, coordinate) in coordinates.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        let mut number = String::new();
        push_float(&mut number, *coordinate);
        push(out, number.strip_suffix(".0").unwrap_or(&number));
    }
}
