//! Bytes between the network and the disk, in pieces large enough that neither waits for the other.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::TryStreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};
use tokio::task::{JoinHandle, spawn_blocking};

use super::checksums::Algorithm;
use super::failure::failed;

/// Bytes read from or written to the disk at once.
const PIECE: usize = 1 << 20;

/// The bytes `range` of `file`, each piece read while the one before it is sent.
///
/// # Errors
/// When the first piece cannot be read.
pub(super) fn read(file: File, range: Range<u64>) -> io::Result<StreamingBlob> {
    let file = Arc::new(file);
    let first = piece(&file, &range)?;
    let next = start(&file, range.start + first.len() as u64..range.end);
    let stream = futures::stream::try_unfold((Some(first), next), move |(ready, next)| {
        let file = Arc::clone(&file);
        async move {
            if let Some(bytes) = ready {
                return Ok::<_, io::Error>(Some((bytes, (None, next))));
            }
            let Some((task, rest)) = next else { return Ok(None) };
            let bytes = task.await.map_err(io::Error::other)??;
            let next = start(&file, rest.start + bytes.len() as u64..rest.end);
            Ok(Some((bytes, (None, next))))
        }
    });
    Ok(StreamingBlob::wrap(stream))
}

/// A piece on its way, with the range that it is the beginning of.
type Ahead = (JoinHandle<io::Result<Bytes>>, Range<u64>);

fn start(file: &Arc<File>, range: Range<u64>) -> Option<Ahead> {
    if range.is_empty() {
        return None;
    }
    let (file, wanted) = (Arc::clone(file), range.clone());
    Some((spawn_blocking(move || piece(&file, &wanted)), range))
}

/// The first bytes of `range`, a [`PIECE`] of them or all.
fn piece(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).map_or(PIECE, |length| length.min(PIECE));
    let mut buffer = Vec::with_capacity(length);
    while buffer.len() < length {
        let offset = range.start + buffer.len() as u64;
        let read = rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    buffer.truncate(length);
    Ok(buffer.into())
}

/// What a client says its bytes add up to.
#[derive(Default)]
pub(super) struct Expected {
    /// Bytes, once the chunks that they came in are taken off.
    pub length: Option<i64>,
    /// `x-amz-trailer`: headers that come after the body.
    pub declared: Option<String>,
    /// Base64 of the MD5, from `Content-MD5`.
    pub md5: Option<String>,
    /// `x-amz-sdk-checksum-algorithm`: the checksum may come in a trailer.
    pub algorithm: Option<String>,
    pub checksum: Checksum,
    pub trailers: Option<TrailingHeaders>,
}

/// Writes `body` to `file` and checks it against `expected`. Returns the checksums for the answer.
///
/// # Errors
/// `BadDigest` when the bytes are not what the client meant, `IncompleteBody` when it went away.
pub(super) async fn write(mut body: StreamingBlob, file: &File, mut expected: Expected) -> S3Result<Checksum> {
    let mut sink = Some(Sink { file: file.try_clone().map_err(failed)?, sums: expected.sums() });
    let mut pieces = Vec::new();
    let (mut size, mut whole) = (0, 0_u64);
    loop {
        let bytes =
            body.try_next().await.map_err(|error| S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, error))?;
        let last = bytes.is_none();
        let length = bytes.as_ref().map_or(0, Bytes::len);
        size += length;
        whole += length as u64;
        pieces.extend(bytes);
        if (last || size >= PIECE) && !pieces.is_empty() {
            let (batch, taken) = (std::mem::take(&mut pieces), sink.take());
            size = 0;
            let Some(taken) = taken else { return Err(s3_error!(InternalError)) };
            sink = Some(
                spawn_blocking(move || taken.write(&batch)).await.map_err(S3Error::internal_error)?.map_err(failed)?,
            );
        }
        if last {
            break;
        }
    }
    if expected.length.is_some_and(|length| u64::try_from(length) != Ok(whole)) {
        return Err(s3_error!(IncompleteBody));
    }
    match sink {
        Some(sink) => expected.check(sink.sums),
        None => Err(s3_error!(InternalError)),
    }
}

struct Sink {
    file: File,
    sums: Sums,
}

#[derive(Default)]
struct Sums {
    md5: Option<Md5>,
    checksum: ChecksumHasher,
}

impl Sink {
    fn write(mut self, batch: &[Bytes]) -> io::Result<Self> {
        for bytes in batch {
            if let Some(md5) = &mut self.sums.md5 {
                md5.update(bytes);
            }
            self.sums.checksum.update(bytes);
            self.file.write_all(bytes)?;
        }
        Ok(self)
    }
}

impl Expected {
    /// Hashers of what will be compared, and of nothing else.
    fn sums(&self) -> Sums {
        let Self { md5, algorithm, checksum: given, .. } = self;
        let announced = algorithm.as_deref().and_then(Algorithm::named);
        let mut checksum = ChecksumHasher::default();
        for algorithm in Algorithm::ALL {
            if algorithm.of(given).is_some() || announced == Some(algorithm) || self.declares(algorithm) {
                algorithm.enable(&mut checksum);
            }
        }
        Sums { md5: md5.as_ref().map(|_| Md5::new()), checksum }
    }

    fn check(&mut self, sums: Sums) -> S3Result<Checksum> {
        let md5 = sums.md5.map(|md5| STANDARD.encode(md5.finalize()));
        let got = sums.checksum.finalize();
        self.take_trailers();
        let lacks = |algorithm: &Algorithm| self.declares(*algorithm) && algorithm.of(&self.checksum).is_none();
        if let Some(lacking) = Algorithm::ALL.iter().find(|algorithm| lacks(algorithm)) {
            return Err(s3_error!(InvalidRequest, "the trailer {} was announced and did not come", lacking.header()));
        }
        let wrong_md5 = (self.md5.is_some() && self.md5 != md5).then_some("Content-MD5");
        let differs = |algorithm: &Algorithm| {
            let given = algorithm.of(&self.checksum);
            given.is_some() && given != algorithm.of(&got)
        };
        let wrong = Algorithm::ALL.iter().find(|algorithm| differs(algorithm)).map(|algorithm| algorithm.header());
        match wrong_md5.or(wrong) {
            Some(name) => Err(s3_error!(BadDigest, "the {name} you specified did not match what we received")),
            None => Ok(got),
        }
    }

    /// Whether a checksum was announced as a trailer.
    fn declares(&self, algorithm: Algorithm) -> bool {
        self.declared.iter().flat_map(|names| names.split(',')).any(|name| name.trim() == algorithm.header())
    }

    /// Checksums that came after the body.
    fn take_trailers(&mut self) {
        let Some(trailers) = self.trailers.as_ref().and_then(TrailingHeaders::take) else { return };
        for algorithm in Algorithm::ALL {
            if let Some(value) = trailers.get(algorithm.header()).and_then(|value| value.to_str().ok()) {
                *algorithm.slot(&mut self.checksum) = Some(value.to_owned());
            }
        }
    }
}
