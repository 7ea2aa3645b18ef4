//! gzip on all cores: blocks are deflated side by side and written one after another, as one gzip member.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::thread::{self, JoinHandle};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// What is deflated at a time; matches do not reach over its ends, which costs less than 1 % of the size.
const BLOCK_BYTES: usize = 1024 * 1024;

/// A tenth larger than what takes twice as long.
const LEVEL: Compression = Compression::new(2);

/// A member that begins: deflate, no name, no time, no system. Source: RFC 1952.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The last block of a deflate stream, with nothing in it. Source: RFC 1951.
const END: [u8; 2] = [3, 0];

/// Compresses what is written to it; [`Gzip::finish`] completes the stream. The same bytes in give the same bytes out,
/// whatever the number of cores.
pub(super) struct Gzip<W: Write> {
    out: W,
    block: Vec<u8>,
    crc: Crc,
    /// Blocks under way, in order.
    pending: VecDeque<JoinHandle<io::Result<Vec<u8>>>>,
    /// Most blocks under way at once.
    window: usize,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        // One more than there are cores, so that none is idle while the oldest block is waited for.
        let window = thread::available_parallelism().map_or(1, usize::from) + 1;
        Ok(Self { out, block: Vec::with_capacity(BLOCK_BYTES), crc: Crc::new(), pending: VecDeque::new(), window })
    }

    /// Writes what is left and the end of the member, and gives back what it was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.dispatch()?;
        while self.write_oldest()? {}
        self.out.write_all(&END)?;
        self.out.write_all(&self.crc.sum().to_le_bytes())?;
        self.out.write_all(&self.crc.amount().to_le_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Lets a thread deflate the current block.
    fn dispatch(&mut self) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES));
        self.crc.update(&block);
        if self.pending.len() >= self.window {
            self.write_oldest()?;
        }
        self.pending.push_back(thread::Builder::new().spawn(move || deflate(&block))?);
        Ok(())
    }

    /// False when nothing is under way.
    fn write_oldest(&mut self) -> io::Result<bool> {
        let Some(oldest) = self.pending.pop_front() else { return Ok(false) };
        let deflated = oldest.join().map_err(|_| io::Error::other("a thread that compresses panicked"))?;
        self.out.write_all(&deflated?)?;
        Ok(true)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK_BYTES {
            self.dispatch()?;
        }
        Ok(taken)
    }

    /// Only [`Gzip::finish`] completes a block.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `block` deflated, ending at a whole byte and without an end of the stream, so that another can follow.
fn deflate(block: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(block.len() / 2), LEVEL);
    encoder.write_all(block)?;
    encoder.flush()?;
    Ok(std::mem::take(encoder.get_mut()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_comes_out_is_one_member_that_holds_what_went_in() {
        let mut state = 1_u32;
        let mut noise = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Half of it compresses.
            (state >> 24) as u8 & 0x0f
        };
        for length in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 7] {
            let bytes: Vec<u8> = (0..length).map(&mut noise).collect();
            let mut gzip = Gzip::new(Vec::new()).unwrap();
            bytes.chunks(70_001).for_each(|chunk| gzip.write_all(chunk).unwrap());
            let packed = gzip.finish().unwrap();
            assert!(packed.len() < length * 2 / 3 + 64, "{length} bytes became {}", packed.len());
            let mut unpacked = Vec::new();
            // This reader stops after the first member.
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == bytes, "{length} bytes");
        }
    }
}
