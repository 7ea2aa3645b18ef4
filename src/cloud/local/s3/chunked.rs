//! Bodies in AWS's chunks, watched for their end: crate `s3s` checks each chunk, and takes a body that stops after any of
//! them for a whole one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::http::request::Parts;
use s3s::{Body, StdError};

/// The longest line before a chunk, bytes: a size, and a signature.
const LINE_MAX: usize = 256;

/// The largest chunk, bytes: `s3s` holds one in memory.
const CHUNK_MAX: u64 = 256 << 20;

/// `body`, watched if the request says that it comes in chunks.
pub(super) fn watched(request: &Parts, body: Body) -> Body {
    let hash = request.headers.get("x-amz-content-sha256").map_or(&[][..], |hash| hash.as_bytes());
    match hash.starts_with(b"STREAMING-") {
        true => Body::http_body(Watched { body, at: Place::Line(Vec::new()) }),
        false => body,
    }
}

struct Watched {
    body: Body,
    at: Place,
}

/// Where in the body the next byte is.
#[derive(Debug, PartialEq)]
enum Place {
    /// In the line before a chunk, of which this is known.
    Line(Vec<u8>),
    /// So many bytes of a chunk, and of the line's end behind it, are to come.
    Chunk(u64),
    /// Behind the chunk of size 0, where only trailers are.
    End,
}

impl Place {
    /// The place behind `bytes`.
    fn after(self, mut bytes: &[u8]) -> io::Result<Self> {
        let mut at = self;
        while !bytes.is_empty() {
            at = match at {
                Self::End => return Ok(Self::End),
                Self::Chunk(rest) => {
                    let taken = rest.min(bytes.len() as u64);
                    bytes = &bytes[usize::try_from(taken).unwrap_or(bytes.len())..];
                    if rest == taken { Self::Line(Vec::new()) } else { Self::Chunk(rest - taken) }
                }
                Self::Line(mut line) => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let taken = end.map_or(bytes.len(), |end| end + 1);
                    if line.len() + taken > LINE_MAX {
                        return Err(invalid("a chunk's line is too long"));
                    }
                    line.extend_from_slice(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    match end {
                        None => Self::Line(line),
                        Some(_) => match size(&line)? {
                            0 => Self::End,
                            size if size > CHUNK_MAX => return Err(invalid("a chunk is too large")),
                            size => Self::Chunk(size + 2),
                        },
                    }
                }
            };
        }
        Ok(at)
    }
}

/// The size in a chunk's line.
fn size(line: &[u8]) -> io::Result<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let text = str::from_utf8(&line[..digits]).unwrap_or_default();
    match line.get(digits) {
        Some(b';' | b'\r') if digits <= 8 => u64::from_str_radix(text, 16).map_err(|_| invalid("a chunk has no size")),
        _ => Err(invalid("a chunk has no size")),
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    match std::mem::replace(&mut this.at, Place::End).after(data) {
                        Ok(place) => this.at = place,
                        Err(error) => return Poll::Ready(Some(Err(error.into()))),
                    }
                }
                Some(Ok(frame))
            }
            // Once: whoever reads on after an error finds the end.
            None if std::mem::replace(&mut this.at, Place::End) != Place::End => {
                Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()))
            }
            other => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        // Only reading on tells whether the end is a right one.
        self.at == Place::End && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        HttpBody::size_hint(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_the_pieces_are_cut() {
        let body =
            b"5;chunk-signature=x\r\nhello\r\n1\r\n\n\r\n0;chunk-signature=y\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        for cut in 0..body.len() {
            let place = Place::Line(Vec::new()).after(&body[..cut]).unwrap().after(&body[cut..]).unwrap();
            assert_eq!(place, Place::End, "{cut}");
            let end = body.len() - b"x-amz-checksum-crc32:AAAA\r\n\r\n".len();
            let early = Place::Line(Vec::new()).after(&body[..cut]).unwrap();
            assert_eq!(early == Place::End, cut >= end, "{cut}");
        }
        for wrong in ["\r\n", "g\r\n", "-1\r\n", "+5\r\nhello\r\n", "123456789\r\n", "ffffffff\r\n", "5 \r\nhello\r\n"]
        {
            assert!(Place::Line(Vec::new()).after(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert!(Place::Line(Vec::new()).after(&[b'0'; 300]).is_err());
    }
}
