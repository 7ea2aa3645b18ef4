//! When another function pays: the one rule that `--workers auto` goes by. It knows sizes and nothing else.

use indicatif::HumanBytes;

use super::refusal::Refusal;
use super::request::Workers;

/// What one function works off so soon that a second one would not have helped, bytes of the files that a query has to read.
///
/// A function's first 300 MB come in a fifth of a second, and 75 MB each second after that. A query looks at some of the
/// columns, a third perhaps, so that it is done with half a GiB of files before its burst is. Which ones is looked at only where
/// files are more than that, as it takes parsing. What another function
/// takes is not less: a plan, most likely a cold start, and a merge. Where functions share a machine's processors and there is
/// no network between, dividing gains nothing at any size; there, it costs little of what so much data takes.
pub(super) const PAYS_FROM_BYTES: u64 = 512 << 20;

/// The same in bytes of the columns that a query reads, where that was looked at; and what each function is given at least.
const PAYS_FROM_READ_BYTES: u64 = 192 << 20;
pub(super) const SPLIT_READ_BYTES: u64 = PAYS_FROM_READ_BYTES / 4;

/// What each function is given at least of files that are to be written anew. Much less, and a bill would be for starting rather than for work: about 30 ms of
/// each invocation are, and this much takes one a second.
const SPLIT_BYTES: u64 = PAYS_FROM_BYTES / 4;

/// What a function writes at most, bytes, unless one file has more: what is made of it is to be a file of a good size.
pub(super) const PART_BYTES: u64 = 256 << 20;

/// How much each function is given of `bytes` that are to be written anew, where several pay.
pub(crate) fn share(bytes: u64, workers: Workers) -> u64 {
    match workers {
        Workers::Exactly(count) => bytes.div_ceil(count.max(1) as u64).clamp(1, PART_BYTES),
        Workers::Auto(_) if bytes < PAYS_FROM_BYTES => PAYS_FROM_BYTES,
        Workers::Auto(most) => (bytes / most.max(1) as u64).clamp(SPLIT_BYTES, PART_BYTES),
    }
}

/// Refuses to divide a query whose tables' files hold `bytes`, where nobody asked for it.
///
/// # Errors
/// Too little.
pub(super) fn check(bytes: u64) -> Result<(), Refusal> {
    least("files", bytes, PAYS_FROM_BYTES)
}

/// The same, of the columns that it reads of files which may have rows for it.
///
/// # Errors
/// Too little.
pub(super) fn check_read(bytes: u64) -> Result<(), Refusal> {
    least("columns", bytes, PAYS_FROM_READ_BYTES)
}

fn least(what: &str, bytes: u64, least: u64) -> Result<(), Refusal> {
    if bytes >= least {
        return Ok(());
    }
    let (found, least) = (HumanBytes(bytes), HumanBytes(least));
    Err(Refusal(format!("the {what} that it may have to read hold {found}, and another function pays from {least} on")))
}
