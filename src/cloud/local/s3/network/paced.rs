//! A body that comes as fast as its instance's link carries it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use s3s::{Body, StdError};
use tokio::time::{Sleep, sleep_until};

use super::limits::Link;

/// The most bytes that go at once: of a few bodies on one link, each gets its share.
const PIECE: usize = 256 << 10;

/// How late a piece may be asked for and count as asked for in time. Timers are a millisecond or two late, and a busy
/// machine's tasks some more; if the link stood still meanwhile, it would lose a good part of its bandwidth.
const SLACK: Duration = Duration::from_millis(20);

/// `body`, through `link`; as it is without one.
pub(super) fn paced(body: Body, link: Option<Arc<Link>>) -> Body {
    match link {
        Some(link) if !body.is_end_stream() => {
            Body::http_body(Paced { body, link, rest: Bytes::new(), through: Instant::now(), wait: None })
        }
        _ => body,
    }
}

struct Paced {
    body: Body,
    link: Arc<Link>,
    /// What the body has given and is not yet through.
    rest: Bytes,
    /// When the last piece was through.
    through: Instant,
    /// Until the next piece is through.
    wait: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => this.rest = data,
                Some(Ok(Err(frame))) => return Poll::Ready(Some(Ok(frame))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let length = this.rest.len().min(PIECE);
        let wait = this.wait.get_or_insert_with(|| {
            let asked = Instant::now();
            let ready = asked.checked_sub(SLACK).map_or(asked, |earliest| this.through.max(earliest));
            this.through = this.link.carry(length, ready);
            Box::pin(sleep_until(this.through.into()))
        });
        ready!(wait.as_mut().poll(cx));
        this.wait = None;
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (HttpBody::size_hint(&self.body), self.rest.len() as u64);
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}
