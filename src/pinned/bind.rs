//! Does once, in the file, what the dynamic linker does at every start of a program: a shared library's references to what
//! it defines itself are looked up by name. DuckDB's library has 62,000 of them, which take longer than a short query.
//!
//! What comes of it is what the linker finds where the library's own definitions come first: in a program that defines
//! nothing of the same name. References to other libraries stay as they are.

use std::ops::Range;

/// Kinds of references, as numbered for one processor.
struct Kinds {
    /// The address of a symbol, with something added.
    absolute: u32,
    /// The address of a symbol.
    global: u32,
    /// The address of a function that is called by name.
    slot: u32,
    /// A distance from where the library is loaded.
    relative: u32,
}

const X86_64: Kinds = Kinds { absolute: 1, global: 6, slot: 7, relative: 8 };
const ARM64: Kinds = Kinds { absolute: 257, global: 1025, slot: 1026, relative: 1027 };

/// An entry of a table of references: 24 bytes.
#[derive(Clone, Copy)]
struct Reference {
    place: u64,
    symbol: u32,
    kind: u32,
    addend: u64,
}

const REFERENCE_BYTES: usize = 24;
const SYMBOL_BYTES: usize = 24;

/// Entries of the table that tells where the others are.
mod tag {
    pub(super) const SLOTS_BYTES: u64 = 2;
    pub(super) const SYMBOLS: u64 = 6;
    pub(super) const REFERENCES: u64 = 7;
    pub(super) const REFERENCES_BYTES: u64 = 8;
    pub(super) const SLOTS: u64 = 23;
    pub(super) const RELATIVE_COUNT: u64 = 0x6fff_fff9;
    pub(super) const VERSIONS_DEFINED: u64 = 0x6fff_fffc;
}

/// A shared library's bytes.
struct Library<'a> {
    bytes: &'a mut [u8],
    /// Where addresses are in the file, and by how much the two differ.
    segments: Vec<(Range<u64>, u64)>,
    /// Tag and value, and where in the file the value is.
    dynamic: Vec<(u64, u64, usize)>,
}

/// Binds a library's references to its own definitions, in place, and says how many there were.
///
/// # Errors
/// What is not as expected of an ELF library for x86-64 or arm64.
pub(crate) fn bind(bytes: &mut [u8]) -> Result<usize, &'static str> {
    let mut library = Library::read(bytes).ok_or("it is no 64-bit ELF library")?;
    let kinds = match library.u16(18) {
        Some(62) => X86_64,
        Some(183) => ARM64,
        _ => return Err("it is for another processor"),
    };
    if library.dynamic(tag::VERSIONS_DEFINED).is_some() {
        return Err("its symbols have versions");
    }
    library.bind_data(&kinds).zip(library.bind_calls(&kinds)).map(|(data, calls)| data + calls).ok_or("it is damaged")
}

impl<'a> Library<'a> {
    fn read(bytes: &'a mut [u8]) -> Option<Self> {
        // 64 bits, little-endian, a library.
        if !bytes.starts_with(b"\x7fELF\x02\x01") || bytes.get(16..18)? != [3, 0] {
            return None;
        }
        let mut library = Self { bytes, segments: Vec::new(), dynamic: Vec::new() };
        let (headers, size, count) = (library.u64(32)?, library.u16(54)?, library.u16(56)?);
        for index in 0..u64::from(count) {
            let at = headers.checked_add(index * u64::from(size))?.try_into().ok()?;
            let kind = library.u32(at)?;
            let (offset, address, len) = (library.u64(at + 8)?, library.u64(at + 16)?, library.u64(at + 32)?);
            match kind {
                1 => library.segments.push((address..address.checked_add(len)?, address.wrapping_sub(offset))),
                2 => {
                    let mut at = usize::try_from(offset).ok()?;
                    while library.u64(at)? != 0 {
                        library.dynamic.push((library.u64(at)?, library.u64(at + 8)?, at + 8));
                        at += 16;
                    }
                }
                _ => {}
            }
        }
        Some(library)
    }

    /// Has references from data to the library's own symbols be distances, which need no name.
    fn bind_data(&mut self, kinds: &Kinds) -> Option<usize> {
        let table = self.table(tag::REFERENCES, tag::REFERENCES_BYTES)?;
        let (mut relative, mut others, mut bound) = (Vec::new(), Vec::new(), 0);
        for at in table.clone().step_by(REFERENCE_BYTES) {
            let reference = self.reference(at)?;
            let names = reference.kind == kinds.absolute || reference.kind == kinds.global && reference.addend == 0;
            match if names { self.own_symbol(reference.symbol)? } else { None } {
                Some(address) => {
                    let addend = address.wrapping_add(reference.addend);
                    relative.push(Reference { symbol: 0, kind: kinds.relative, addend, ..reference });
                    bound += 1;
                }
                None if reference.kind == kinds.relative => relative.push(reference),
                None => others.push(reference),
            }
        }
        // The linker takes the distances first, as many as it is told.
        relative.sort_by_key(|reference| reference.place);
        let (_, _, count) = self.dynamic(tag::RELATIVE_COUNT)?;
        self.write(count, relative.len() as u64)?;
        for (at, reference) in table.step_by(REFERENCE_BYTES).zip(relative.iter().chain(&others)) {
            self.write(at, reference.place)?;
            self.write(at + 8, u64::from(reference.symbol) << 32 | u64::from(reference.kind))?;
            self.write(at + 16, reference.addend)?;
        }
        Some(bound)
    }

    /// Has calls of the library's own functions by name lead there at once: a linker that puts off the search until a function
    /// is called adds to what it finds in the slot where the library is loaded. One that does not looks for all of them.
    fn bind_calls(&mut self, kinds: &Kinds) -> Option<usize> {
        let mut bound = 0;
        for at in self.table(tag::SLOTS, tag::SLOTS_BYTES)?.step_by(REFERENCE_BYTES) {
            let reference = self.reference(at)?;
            if reference.kind == kinds.slot
                && let Some(address) = self.own_symbol(reference.symbol)?
            {
                let slot = self.offset(reference.place)?;
                self.write(slot, address)?;
                bound += 1;
            }
        }
        Some(bound)
    }

    /// The address of a symbol that the library defines, and whose definition is the one that counts.
    fn own_symbol(&self, index: u32) -> Option<Option<u64>> {
        let at = self.offset(self.dynamic(tag::SYMBOLS)?.1)?.checked_add(index as usize * SYMBOL_BYTES)?;
        let (info, section, address) = (*self.bytes.get(at.checked_add(4)?)?, self.u16(at + 6)?, self.u64(at + 8)?);
        let (binding, kind) = (info >> 4, info & 15);
        // Global or weak, and a function, an object or without a type; not one that is unique in the process, or found by calling
        // a function, or of each thread. Sections 0 and 0xff00 and above stand for none.
        let is_own = matches!((binding, kind), (1 | 2, 0..=2)) && (1..0xff00).contains(&section);
        Some(is_own.then_some(address))
    }

    fn reference(&self, at: usize) -> Option<Reference> {
        let (place, info, addend) = (self.u64(at)?, self.u64(at + 8)?, self.u64(at + 16)?);
        Some(Reference { place, symbol: (info >> 32) as u32, kind: info as u32, addend })
    }

    fn dynamic(&self, tag: u64) -> Option<(u64, u64, usize)> {
        self.dynamic.iter().find(|(found, ..)| *found == tag).copied()
    }

    /// Where in the file a table is.
    fn table(&self, start: u64, len: u64) -> Option<Range<usize>> {
        let (start, len) = (self.offset(self.dynamic(start)?.1)?, self.dynamic(len)?.1.try_into().ok()?);
        let table = start..start.checked_add(len)?;
        (table.end <= self.bytes.len() && table.len().is_multiple_of(REFERENCE_BYTES)).then_some(table)
    }

    /// Where in the file what is loaded at `address` is.
    fn offset(&self, address: u64) -> Option<usize> {
        let (_, shift) = self.segments.iter().find(|(range, _)| range.contains(&address))?;
        address.wrapping_sub(*shift).try_into().ok()
    }

    fn at<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.at(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.at(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.at(at).map(u64::from_le_bytes)
    }

    fn write(&mut self, at: usize, value: u64) -> Option<()> {
        self.bytes.get_mut(at..at.checked_add(8)?)?.copy_from_slice(&value.to_le_bytes());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::{env, fs};

    use super::*;

    const LIBRARY: &str = r#"
        #include <stdlib.h>
        int seven(void) { return 7; }
        int number = 35;
        __attribute__((weak)) int *numbers[] = { &number, &number };
        int (*functions[])(void) = { seven, seven };
        void *(*other)(size_t) = malloc;
        int answer(void) {
            free(other(1));
            return seven() + *numbers[1] + functions[1]() - functions[0]();
        }
    "#;

    const PROGRAM: &str = r#"
        int answer(void);
        int main(void) { return answer(); }
    "#;

    fn cc(folder: &Path, arguments: &[&str]) {
        let output = Command::new("cc").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A library that the compiler just made, in a folder of its own.
    fn library(name: &str) -> (std::path::PathBuf, Vec<u8>) {
        let folder = env::temp_dir().join(format!("quack-bind-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("library.c"), LIBRARY).unwrap();
        fs::write(folder.join("program.c"), PROGRAM).unwrap();
        // Without optimization, so that the compiler itself binds nothing.
        cc(&folder, &["-O0", "-shared", "-fPIC", "-Wl,-z,lazy", "library.c", "-o", "libown.so"]);
        let bytes = fs::read(folder.join("libown.so")).unwrap();
        (folder, bytes)
    }

    #[test]
    fn a_bound_library_does_what_it_did() {
        let (folder, mut bytes) = library("does");
        cc(&folder, &["program.c", "-L.", "-lown", "-Wl,-rpath,$ORIGIN", "-o", "program"]);
        // What DuckDB's library has, too: data that points at data and at functions, and calls by name.
        assert!(bind(&mut bytes).unwrap() >= 6);
        fs::write(folder.join("bound.so"), &bytes).unwrap();
        fs::rename(folder.join("bound.so"), folder.join("libown.so")).unwrap();
        for now in ["", "1"] {
            let log = folder.join("log");
            let mut program = Command::new(folder.join("program"));
            program.env("LD_DEBUG", "bindings").env("LD_DEBUG_OUTPUT", &log).env("LD_BIND_NOW", now);
            let child = program.spawn().unwrap();
            let log = folder.join(format!("log.{}", child.id()));
            assert_eq!(child.wait_with_output().unwrap().status.code(), Some(42));
            let looked_up = fs::read_to_string(log).unwrap();
            let within = looked_up.lines().filter(|line| line.matches("libown.so").count() == 2).count();
            assert_eq!(within, if now.is_empty() { 0 } else { 1 }, "{looked_up}");
            assert!(looked_up.contains("`malloc'"), "what others define is looked for as before: {looked_up}");
        }
        // Once is enough: nothing of its data is left.
        let mut again = bytes.clone();
        bind(&mut again).unwrap();
        assert!(again == bytes);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_library_is_refused_or_left_and_never_a_panic() {
        let (folder, bytes) = library("is-none");
        fs::remove_dir_all(folder).unwrap();
        assert!(bind(&mut []).is_err() && bind(&mut b"\x7fELF\x02\x01".to_vec()).is_err());
        for len in (0..bytes.len()).step_by(61) {
            let _ = bind(&mut bytes[..len].to_vec());
        }
        for at in 0..bytes.len().min(6000) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            let _ = bind(&mut damaged);
        }
        let mut other = bytes;
        other[18] = 3;
        assert_eq!(bind(&mut other), Err("it is for another processor"));
    }
}
