//! A body in AWS's chunks, put as an object by a request that is rightly signed. What becomes the object is what a decoder
//! of our own, written after AWS's pages only, reads in the body; a body that it refuses changes nothing.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>.

use std::time::SystemTime;

use aws_sigv4::http_request::SignableBody;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use hyper::Request;
use hyper::body::{Bytes, Frame};
use s3s::{Body, StdError};
use sha2::{Digest, Sha256};

use super::{BUCKET, Local, signed};
use crate::cloud::target::REGION;
use crate::digest::hex;

/// What was there before.
const BEFORE: &[u8] = b"before";

/// Stands for the right signature of a chunk.
const RIGHT: &str = "????????????????????????????????????????????????????????????????";

/// How a body is sent: the first byte of an input.
struct Way {
    /// Each chunk is signed.
    signs: bool,
    /// The request tells another length than the body's.
    lies: bool,
    /// A checksum is announced that comes behind the body.
    trailer: bool,
    /// There are no chunks: the signature is of the whole body, or of another one.
    whole: bool,
    /// Bytes that come at once; all of them at 0.
    piece: usize,
}

/// A body that was read.
struct Read {
    content: Vec<u8>,
    /// Where in the body each signature stands, and the chunk that it is of.
    signatures: Vec<(usize, Vec<u8>)>,
}

impl Local {
    /// See [`crate::fuzz::Targets::chunked`].
    pub(crate) fn chunked(&self, bytes: &[u8]) -> bool {
        let [flags, piece, body @ ..] = bytes else { return false };
        let way = Way {
            signs: flags & 1 != 0,
            lies: flags & 2 != 0,
            trailer: flags & 4 != 0,
            whole: flags & 8 != 0,
            piece: usize::from(*piece),
        };
        let place = self.dir.path().join("s3/buckets").join(BUCKET).join("object");
        std::fs::write(&place, BEFORE).expect("the folder is there");
        let read = if way.whole { Some(Read { content: body.to_vec(), signatures: Vec::new() }) } else { read(body) };
        let length = read.as_ref().map_or(body.len(), |read| read.content.len()) + usize::from(way.lies);
        let Some((status, rightly, body)) = self.put(&way, body, length, read.as_ref()) else { return false };
        let now = std::fs::read(&place).expect("an object is there, this one or that");
        if status != 200 {
            assert_eq!(now, BEFORE, "{status}, and the object is another");
            return false;
        }
        let text = String::from_utf8_lossy(&body);
        let read = read.unwrap_or_else(|| panic!("taken, and no chunks: {text:?}"));
        assert!(!way.lies, "taken, and of another length: {text:?}");
        assert!(!way.signs || way.whole || rightly, "taken, and not signed: {text:?}");
        assert_eq!(String::from_utf8_lossy(&now), String::from_utf8_lossy(&read.content), "{text:?}");
        true
    }

    /// Puts the body. Gives the status, whether every chunk is rightly signed, and the body as it was sent.
    fn put(&self, way: &Way, body: &[u8], length: usize, read: Option<&Read>) -> Option<(u16, bool, Vec<u8>)> {
        let kind = match (way.signs, way.trailer) {
            (true, false) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            (true, true) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            (false, _) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        };
        let mut request = Request::put(format!("/{BUCKET}/object"));
        if !way.whole {
            request = request.header("x-amz-decoded-content-length", length);
        }
        if way.trailer {
            request = request.header("x-amz-trailer", "x-amz-checksum-crc32");
        }
        let (parts, ()) = request.body(()).ok()?.into_parts();
        let (time, mut body) = (SystemTime::now(), body.to_vec());
        let another = [&body[..], b"x"].concat();
        let of_body = match (way.whole, way.lies) {
            (true, true) => SignableBody::Bytes(&another),
            (true, false) => SignableBody::Bytes(&body),
            (false, _) => SignableBody::Precomputed(kind.to_owned()),
        };
        let (mut parts, seed) = signed(parts, &self.owner, "s3", time, of_body)?;
        let rightly = self.sign_chunks(&mut body, read, &parts, time, seed);
        parts.headers.insert("content-length", body.len().into());
        let size = if way.piece == 0 { body.len().max(1) } else { way.piece };
        let pieces: Vec<_> = body.chunks(size).map(Bytes::copy_from_slice).collect();
        let frames = pieces.into_iter().map(|piece| Ok::<_, StdError>(Frame::data(piece)));
        let stream = http_body_util::StreamBody::new(futures::stream::iter(frames));
        Some((self.ask_s3(parts, Body::http_body(stream)).0, rightly, body))
    }

    /// Puts right signatures where they are asked for. True if every chunk has one now.
    fn sign_chunks(
        &self,
        body: &mut [u8],
        read: Option<&Read>,
        parts: &hyper::http::request::Parts,
        time: SystemTime,
        seed: String,
    ) -> bool {
        let date = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok()).unwrap_or_default();
        let scope = format!("{}/{REGION}/s3/aws4_request", date.get(..8).unwrap_or_default());
        let hash = |bytes: &[u8]| hex(&Sha256::digest(bytes));
        let (mut before, mut rightly) = (seed, true);
        for (at, chunk) in read.iter().flat_map(|read| &read.signatures) {
            let text = format!("AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{scope}\n{before}\n{}\n{}", hash(b""), hash(chunk));
            let key = generate_signing_key(&self.owner.secret_access_key, time, REGION, "s3");
            before = calculate_signature(key, text.as_bytes());
            match body.get_mut(*at..at + RIGHT.len()) {
                Some(place) if place == RIGHT.as_bytes() => place.copy_from_slice(before.as_bytes()),
                _ => rightly = false,
            }
        }
        rightly
    }
}

/// Reads a body: chunks, each with its size in hexadecimal and what may come behind it on its line; the last of no bytes;
/// then trailers.
fn read(body: &[u8]) -> Option<Read> {
    let (mut rest, mut content, mut signatures) = (body, Vec::new(), Vec::new());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = str::from_utf8(&rest[..end]).ok()?;
        let (size, signature) = match line.split_once(";chunk-signature=") {
            Some((size, signature)) if signature.len() == RIGHT.len() => (size, true),
            Some(_) => return None,
            None => (line, false),
        };
        let begins = body.len() - rest.len();
        let size = usize::from_str_radix(size, 16).ok().filter(|_| !size.starts_with('+'))?;
        rest = &rest[end + 2..];
        if signature {
            let chunk = rest.get(..size)?.to_vec();
            signatures.push((begins + line.len() - RIGHT.len(), chunk));
        } else {
            // A place where no signature can be.
            signatures.push((body.len(), rest.get(..size)?.to_vec()));
        }
        if size == 0 {
            return Some(Read { content, signatures });
        }
        content.extend_from_slice(&rest[..size]);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
}
