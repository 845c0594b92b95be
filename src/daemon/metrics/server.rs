//! A web server of one page. It takes a few visitors at a time, reads at most one small request of each, answers, and hangs up; who is
//! slow is hung up on. So no visitor can hold the service up or make it grow.

use std::sync::Arc;
use std::time::Duration;

use httparse::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// Visitors at a time; the others wait in the kernel's queue.
const SEATS: usize = 8;
/// How long a visitor may stay.
const STAY: Duration = Duration::from_secs(10);
/// How long the main loop may take to answer: less, so that the visitor is told.
const ANSWER: Duration = Duration::from_secs(5);
/// A request with all its headers.
const REQUEST: usize = 8 * 1024;
const HEADERS: usize = 64;
/// What is read and thrown away behind a request, so that the answer is not lost in a reset.
const REST: usize = 64 * 1024;

/// A wish for the page.
pub(super) type PageRequest = oneshot::Sender<String>;

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener, asks: mpsc::Sender<PageRequest>) {
    let seats = Arc::new(Semaphore::new(SEATS));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((visitor, _)) => {
                let asks = asks.clone();
                tokio::spawn(async move {
                    let _seat = seat;
                    match timeout(STAY, attend(visitor, &asks)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::debug!("a visitor of the figures went away: {error}"),
                        Err(_) => tracing::debug!("a visitor of the figures was too slow"),
                    }
                });
            }
            Err(error) => {
                // Out of files, most likely, which takes a while to pass.
                tracing::debug!("no visitor can be let in to the figures: {error}");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn attend(mut visitor: TcpStream, asks: &mpsc::Sender<PageRequest>) -> std::io::Result<()> {
    let Some(request) = listen(&mut visitor).await? else { return Ok(()) };
    let answer = match request {
        HttpRequest::Page { is_head_only } => match page(asks).await {
            Some(page) => Answer { is_head_only, ..Answer::new("200 OK", PAGE, page) },
            None => Answer::plain("503 Service Unavailable", "the service is busy with a change; ask again"),
        },
        HttpRequest::OtherPath => Answer::plain("404 Not Found", "the figures are at /metrics"),
        HttpRequest::OtherMethod => {
            Answer { allow: true, ..Answer::plain("405 Method Not Allowed", "this can only be read") }
        }
        HttpRequest::Nonsense => Answer::plain("400 Bad Request", "this is no HTTP request"),
        HttpRequest::TooLong => Answer::plain("431 Request Header Fields Too Large", "the request is too long"),
    };
    visitor.write_all(answer.text().as_bytes()).await?;
    visitor.shutdown().await?;
    let mut rest = [0; 1024];
    let mut left = REST;
    while left > 0 {
        match visitor.read(&mut rest).await? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

async fn page(asks: &mpsc::Sender<PageRequest>) -> Option<String> {
    let (ask, answer) = oneshot::channel();
    let page = async {
        asks.send(ask).await.ok()?;
        answer.await.ok()
    };
    timeout(ANSWER, page).await.ok()?
}

/// What a visitor wants.
#[derive(Debug, PartialEq, Eq)]
enum HttpRequest {
    Page { is_head_only: bool },
    OtherPath,
    OtherMethod,
    Nonsense,
    TooLong,
}

/// Reads a request; `None` when the visitor went without one.
async fn listen(visitor: &mut TcpStream) -> std::io::Result<Option<HttpRequest>> {
    let mut request = [0; REQUEST];
    let mut len = 0;
    loop {
        if len == REQUEST {
            return Ok(Some(HttpRequest::TooLong));
        }
        match visitor.read(&mut request[len..]).await? {
            0 => return Ok(None),
            read => len += read,
        }
        if let Some(request) = understand(&request[..len]) {
            return Ok(Some(request));
        }
    }
}

/// What a request asks for; `None` while it is incomplete.
fn understand(request: &[u8]) -> Option<HttpRequest> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = Request::new(&mut headers);
    match parsed.parse(request) {
        Ok(httparse::Status::Partial) => return None,
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Some(HttpRequest::TooLong),
        Err(_) => return Some(HttpRequest::Nonsense),
    }
    let path = parsed.path.and_then(|path| path.split('?').next());
    Some(match (parsed.method, path) {
        (Some("GET" | "HEAD"), Some("/metrics")) => HttpRequest::Page { is_head_only: parsed.method == Some("HEAD") },
        (Some("GET" | "HEAD"), _) => HttpRequest::OtherPath,
        _ => HttpRequest::OtherMethod,
    })
}

const PAGE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

struct Answer {
    status: &'static str,
    kind: &'static str,
    allow: bool,
    is_head_only: bool,
    body: String,
}

impl Answer {
    fn new(status: &'static str, kind: &'static str, body: String) -> Self {
        Self { status, kind, allow: false, is_head_only: false, body }
    }

    fn plain(status: &'static str, what: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", format!("{what}\n"))
    }

    fn text(&self) -> String {
        let Self { status, kind, body, .. } = self;
        let allow = if self.allow { "Allow: GET, HEAD\r\n" } else { "" };
        let body_sent = if self.is_head_only { "" } else { body.as_str() };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\r\n{body_sent}",
            body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_understood_once_it_is_whole() {
        let whole = b"GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(understand(&whole[..end]), None);
        }
        assert_eq!(understand(whole), Some(HttpRequest::Page { is_head_only: false }));
    }

    #[test]
    fn what_is_not_the_page_gets_its_own_answer() {
        let request = |request: &str| understand(request.as_bytes());
        assert_eq!(request("HEAD /metrics HTTP/1.1\r\n\r\n"), Some(HttpRequest::Page { is_head_only: true }));
        assert_eq!(request("GET /metrics/ HTTP/1.0\r\n\r\n"), Some(HttpRequest::OtherPath));
        assert_eq!(request("POST /metrics HTTP/1.1\r\n\r\n"), Some(HttpRequest::OtherMethod));
        assert_eq!(request("\u{16}\u{3}\u{1} a TLS greeting\r\n\r\n"), Some(HttpRequest::Nonsense));
        let many = "X: y\r\n".repeat(HEADERS + 1);
        assert_eq!(request(&format!("GET /metrics HTTP/1.1\r\n{many}\r\n")), Some(HttpRequest::TooLong));
    }
}
