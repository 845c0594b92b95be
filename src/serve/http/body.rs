//! Bodies that come piece by piece from another task: what a client sends, and what is streamed to it. A piece is made
//! when the one before was taken, so that nobody's slowness fills the memory.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, mpsc};

/// Why a body is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The client went away, or stopped sending.
    #[error("the body was not sent to its end")]
    CutShort,
    /// Its pieces are not framed as they should be.
    #[error("the body is not framed as HTTP/1.1 says")]
    Malformed,
}

/// The body of a request, read from the connection only when somebody asks for it.
pub struct Incoming {
    pieces: mpsc::Receiver<Result<Bytes, Broken>>,
    wanted: Arc<Notify>,
    /// Bytes that are still to come, where the client said how many.
    left: Option<u64>,
}

/// The connection's end of it.
pub(super) struct Feed {
    pub(super) pieces: mpsc::Sender<Result<Bytes, Broken>>,
    pub(super) wanted: Arc<Notify>,
}

impl Incoming {
    pub(super) fn new(length: Option<u64>) -> (Self, Feed) {
        let (sender, pieces) = mpsc::channel(1);
        let wanted = Arc::new(Notify::new());
        (Self { pieces, wanted: Arc::clone(&wanted), left: length }, Feed { pieces: sender, wanted })
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.wanted.notify_one();
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        if let (Some(Ok(bytes)), Some(left)) = (&piece, &mut self.left) {
            *left = left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// A body that somebody else fills.
pub struct Channel {
    pieces: mpsc::Receiver<Bytes>,
    left: Option<u64>,
}

/// Who fills a [`Channel`].
pub type Sender = mpsc::Sender<Bytes>;

impl Channel {
    /// A body and the way into it, which takes this many pieces before it waits. `length` is that of all of them, if it
    /// is known.
    pub fn new(room: usize, length: Option<u64>) -> (Self, Sender) {
        let (sender, pieces) = mpsc::channel(room);
        (Self { pieces, left: length }, sender)
    }
}

impl Body for Channel {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        if let (Some(bytes), Some(left)) = (&piece, &mut self.left) {
            *left = left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}
