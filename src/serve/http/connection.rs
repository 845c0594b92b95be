//! One client's connection: requests one after the other, each with its own time, until either side has enough.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode, Version};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service;

use super::body::{Broken, Feed, Incoming};
use super::head::{self, Framing, Head};
use super::{Request, Response, response};

/// How much of anything a client may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Clients at a time; further ones are told that it is busy.
    pub connections: usize,
    /// Bytes of a request's line and headers.
    pub head: usize,
    /// How long a head may take to come.
    pub head_time: Duration,
    /// How long a connection is kept on which nothing is asked for.
    pub idle: Duration,
    /// How long a client may send nothing of a body that it began, or take nothing of an answer.
    pub stall: Duration,
    /// Bytes a second that a body has to come in, on the whole, after `stall`.
    pub slowest: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            head: 16 * 1024,
            head_time: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            stall: Duration::from_secs(30),
            slowest: 16 * 1024,
        }
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Over the network, this machine included.
    Network(std::net::IpAddr),
    /// Over a Unix socket.
    Unix,
}

/// Of a body that nobody reads, what is read all the same, so that the answer is not lost in a reset.
const REST: usize = 64 * 1024;
/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// Why a connection is over.
enum Over {
    /// As it should be.
    Done,
    /// The client went, was too slow, or made no sense.
    Gone(String),
}

impl From<std::io::Error> for Over {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error.to_string())
    }
}

/// Attends to a client to the end.
pub(super) async fn attend<S: AsyncRead + AsyncWrite>(
    stream: S,
    peer: Peer,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let (reader, writer) = tokio::io::split(stream);
    let mut connection = Connection { reader, writer, read: BytesMut::with_capacity(4096), limits };
    loop {
        match connection.one(peer, &router, &mut stop).await {
            Ok(()) => {}
            Err(Over::Done) => return,
            Err(Over::Gone(why)) => return tracing::debug!("a client went away: {why}"),
        }
    }
}

struct Connection<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    /// What was read and not used yet.
    read: BytesMut,
    limits: Limits,
}

impl<S: AsyncRead + AsyncWrite> Connection<S> {
    async fn one(&mut self, peer: Peer, router: &Router, stop: &mut watch::Receiver<bool>) -> Result<(), Over> {
        let head = match self.head(stop).await? {
            Ok(head) => head,
            Err(status) => {
                let refusal = plain(status);
                response::write(&mut self.writer, refusal, &Method::GET, Version::HTTP_11, false, self.limits.stall)
                    .await?;
                return Err(Over::Done);
            }
        };
        self.read.advance(head.length);
        let Head { method, version, stays, framing, expects, .. } = head;
        let length = if let Framing::Length(length) = framing { Some(length) } else { None };
        let (incoming, feed) = Incoming::new(length);
        let body = if length == Some(0) { Body::empty() } else { Body::new(incoming) };
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = head.uri;
        *request.version_mut() = version;
        *request.headers_mut() = head.headers;
        request.extensions_mut().insert(peer);
        let mut rest = Rest::of(framing);
        let response = self.answer(router.clone(), request, feed, &mut rest, expects).await;
        // What was not read of a body is read now, if it is little.
        let is_coming = rest.has_begun || !expects;
        let is_clean = rest.is_over() || is_coming && self.skip(&mut rest).await;
        let stays = stays && is_clean && !*stop.borrow();
        let stays = response::write(&mut self.writer, response, &method, version, stays, self.limits.stall).await?;
        if stays {
            return Ok(());
        }
        // The client may still be sending: it is heard out for a moment, so that it gets to read the answer.
        if !is_clean {
            use tokio::io::AsyncWriteExt;
            let _ = self.writer.shutdown().await;
            self.read.clear();
            let mut heard = 0;
            while heard < 16 * REST {
                self.read.clear();
                match timeout(Duration::from_secs(1), self.reader.read_buf(&mut self.read)).await {
                    Ok(Ok(read)) if read > 0 => heard += read,
                    _ => break,
                }
            }
        }
        Err(Over::Done)
    }

    /// Waits for a request's head. The inner error is to be answered with.
    async fn head(&mut self, stop: &mut watch::Receiver<bool>) -> Result<Result<Head, StatusCode>, Over> {
        let mut began = (!self.read.is_empty()).then(Instant::now);
        loop {
            if !self.read.is_empty() {
                match head::read(&self.read) {
                    Ok(Some(head)) if head.length <= self.limits.head => return Ok(Ok(head)),
                    Err(status) => return Ok(Err(status)),
                    Ok(None) if self.read.len() < self.limits.head => {}
                    Ok(_) => return Ok(Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)),
                }
            }
            let left = match began {
                Some(began) => self.limits.head_time.checked_sub(began.elapsed()),
                None => Some(self.limits.idle),
            };
            let Some(left) = left else { return Ok(Err(StatusCode::REQUEST_TIMEOUT)) };
            let is_idle = began.is_none();
            tokio::select! {
                biased;
                read = timeout(left, self.reader.read_buf(&mut self.read)) => match read {
                    Ok(read) => match read? {
                        0 => return Err(Over::Done),
                        _ => began = began.or_else(|| Some(Instant::now())),
                    },
                    Err(_) if is_idle => return Err(Over::Done),
                    Err(_) => return Ok(Err(StatusCode::REQUEST_TIMEOUT)),
                },
                _ = stop.wait_for(|stop| *stop), if is_idle => return Err(Over::Done),
            }
        }
    }

    /// Has the service answer, and brings it the body as it asks for it.
    async fn answer(
        &mut self,
        mut router: Router,
        request: Request,
        feed: Feed,
        rest: &mut Rest,
        expects: bool,
    ) -> Response {
        let answer = router.call(request);
        tokio::pin!(answer);
        let began = Instant::now();
        let mut received = 0_u64;
        loop {
            tokio::select! {
                biased;
                response = &mut answer => return unfailing(response),
                () = feed.wanted.notified(), if !rest.is_over() => {}
            }
            if expects && !rest.has_begun {
                rest.has_begun = true;
                if response::send(&mut self.writer, b"HTTP/1.1 100 Continue\r\n\r\n", self.limits.stall).await.is_err()
                {
                    rest.break_off();
                }
            }
            rest.has_begun = true;
            // On the whole it has to come in at a certain speed, however small the pieces.
            let grace = self.limits.stall + Duration::from_secs(received / self.limits.slowest.max(1));
            let left = grace.checked_sub(began.elapsed()).unwrap_or_default().min(self.limits.stall);
            let piece = tokio::select! {
                biased;
                response = &mut answer => return unfailing(response),
                piece = timeout(left, rest.next(&mut self.reader, &mut self.read)) => piece.unwrap_or(Err(Broken::CutShort)),
            };
            let piece = match piece {
                Ok(Some(bytes)) => {
                    received += bytes.len() as u64;
                    Ok(bytes)
                }
                Ok(None) => break,
                Err(broken) => {
                    rest.break_off();
                    Err(broken)
                }
            };
            let is_broken = piece.is_err();
            // Whoever asked may not want it any more.
            let _ = feed.pieces.send(piece).await;
            if is_broken || rest.is_over() {
                break;
            }
        }
        drop(feed);
        unfailing(answer.await)
    }

    /// Reads a little of what nobody wanted. Whether that was all.
    async fn skip(&mut self, rest: &mut Rest) -> bool {
        let mut skipped = 0;
        let skip = async {
            while skipped < REST {
                match rest.next(&mut self.reader, &mut self.read).await {
                    Ok(Some(bytes)) => skipped += bytes.len(),
                    Ok(None) => return true,
                    Err(_) => return false,
                }
            }
            rest.is_over()
        };
        timeout(Duration::from_millis(200), skip).await.unwrap_or(false)
    }
}

/// What is still to come of a request's body.
struct Rest {
    state: State,
    has_begun: bool,
}

enum State {
    Counted(u64),
    /// Before a chunk's line.
    Chunks,
    /// In a chunk.
    Chunk(u64),
    /// Before the line's end behind a chunk.
    Seam,
    /// In what may follow the last chunk.
    Trailer,
    Over,
    Broken,
}

impl Rest {
    fn of(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Over,
            Framing::Length(length) => State::Counted(length),
            Framing::Chunked => State::Chunks,
        };
        Self { state, has_begun: false }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn break_off(&mut self) {
        self.state = State::Broken;
    }

    /// The next piece; `None` at the end.
    async fn next(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        read: &mut BytesMut,
    ) -> Result<Option<Bytes>, Broken> {
        /// The longest line between two chunks.
        const LINE: usize = 256;
        loop {
            match self.state {
                State::Over => return Ok(None),
                State::Broken => return Err(Broken::CutShort),
                State::Counted(left) | State::Chunk(left) if !read.is_empty() => {
                    let piece =
                        read.split_to(usize::try_from(left).unwrap_or(usize::MAX).min(read.len()).min(PIECE)).freeze();
                    let left = left - piece.len() as u64;
                    self.state = match self.state {
                        State::Counted(_) if left == 0 => State::Over,
                        State::Counted(_) => State::Counted(left),
                        _ if left == 0 => State::Seam,
                        _ => State::Chunk(left),
                    };
                    return Ok(Some(piece));
                }
                State::Chunks => match head::chunk_size(read) {
                    Ok(Some((line, size))) => {
                        read.advance(line);
                        self.state = if size == 0 { State::Trailer } else { State::Chunk(size) };
                        continue;
                    }
                    Ok(None) if read.len() < LINE => {}
                    _ => return Err(Broken::Malformed),
                },
                State::Seam if read.len() >= 2 => {
                    if !read.starts_with(b"\r\n") {
                        return Err(Broken::Malformed);
                    }
                    read.advance(2);
                    self.state = State::Chunks;
                    continue;
                }
                // Headers behind the body mean nothing here.
                State::Trailer if read.len() >= 2 => {
                    let Some(end) = read.windows(2).position(|two| two == b"\r\n") else {
                        if read.len() >= LINE {
                            return Err(Broken::Malformed);
                        }
                        fill(reader, read).await?;
                        continue;
                    };
                    read.advance(end + 2);
                    if end == 0 {
                        self.state = State::Over;
                        return Ok(None);
                    }
                    continue;
                }
                _ => {}
            }
            fill(reader, read).await?;
        }
    }
}

async fn fill(reader: &mut (impl AsyncRead + Unpin), read: &mut BytesMut) -> Result<(), Broken> {
    read.reserve(PIECE);
    match reader.read_buf(read).await {
        Ok(0) | Err(_) => Err(Broken::CutShort),
        Ok(_) => Ok(()),
    }
}

fn unfailing(response: Result<Response, Infallible>) -> Response {
    match response {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// An answer to what cannot be understood as a request.
fn plain(status: StatusCode) -> Response {
    // Problem details without a kind of their own: the status says it all.
    let problem = serde_json::json!({
        "type": "about:blank", "title": status.canonical_reason().unwrap_or_default(), "status": status.as_u16(),
        "detail": "this is no request that is read here"
    });
    let mut response = Response::new(Body::from(problem.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}
