//! The head of a request: its line and headers, and how long its body is. What could be read in two ways is refused,
//! since a proxy in front may read it in the other one.

use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};

/// Headers that a request may have.
const HEADERS: usize = 64;

/// A head, understood.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    /// Whether the client waits for a word before it sends the body.
    pub(super) expects: bool,
    /// Whether the client wants to ask for more on this connection.
    pub(super) stays: bool,
    /// Bytes that it took.
    pub(super) length: usize,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

/// Reads a head; `None` while it is incomplete.
///
/// # Errors
/// The status to answer with, after which the connection cannot be used any more.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Head>, StatusCode> {
    let mut found = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut found);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Partial) => return Ok(None),
        Ok(httparse::Status::Complete(length)) => length,
        Err(httparse::Error::TooManyHeaders) => return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(httparse::Error::Version) => return Err(StatusCode::HTTP_VERSION_NOT_SUPPORTED),
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    let bad = StatusCode::BAD_REQUEST;
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(bad);
    };
    let version = if version == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| bad)?;
    let uri = target.parse::<Uri>().map_err(|_| bad)?;
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for header in request.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| bad)?;
        headers.append(name, HeaderValue::from_bytes(header.value).map_err(|_| bad)?);
    }
    // A second one would be believed by somebody.
    if headers.get_all(HOST).iter().count() != 1 && version == Version::HTTP_11
        || headers.get_all(HOST).iter().count() > 1
    {
        return Err(bad);
    }
    let framing = framing(&headers, version)?;
    let says = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    let stays = match version {
        Version::HTTP_10 => says(CONNECTION, "keep-alive"),
        _ => !says(CONNECTION, "close"),
    };
    let expects = says(EXPECT, "100-continue") && version == Version::HTTP_11;
    Ok(Some(Head { method, uri, version, framing, expects, stays, length, headers }))
}

fn framing(headers: &HeaderMap, version: Version) -> Result<Framing, StatusCode> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::Length(0)),
        (Some(length), None) if lengths.next().is_none() => {
            let digits = length.as_bytes();
            // No sign, no list, no space: what Rust's own parser would let through as well.
            let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            let number = is_number.then(|| length.to_str().ok()?.parse().ok()).flatten();
            number.map(Framing::Length).ok_or(StatusCode::BAD_REQUEST)
        }
        (None, Some(coding)) if codings.next().is_none() && version == Version::HTTP_11 => {
            if coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                Ok(Framing::Chunked)
            } else {
                Err(StatusCode::NOT_IMPLEMENTED)
            }
        }
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// What a line says about the chunk behind it: its length, and how long the line was. `None` while it is incomplete.
///
/// # Errors
/// When this is no such line.
pub(super) fn chunk_size(bytes: &[u8]) -> Result<Option<(usize, u64)>, StatusCode> {
    match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete(found)) => Ok(Some(found)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn status(text: &str) -> u16 {
        read(text.as_bytes()).unwrap_err().as_u16()
    }

    #[test]
    fn a_head_is_understood_once_it_is_whole() {
        let text = b"POST /x?y=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\nbody";
        let whole = text.len() - 4;
        for end in 0..whole {
            assert!(read(&text[..end]).unwrap().is_none(), "{end}");
        }
        let head = read(text).unwrap().unwrap();
        assert_eq!((head.length, head.framing, head.stays, head.expects), (whole, Framing::Length(12), true, true));
        assert_eq!((head.method, head.uri.path(), head.uri.query()), (Method::POST, "/x", Some("y=1")));
    }

    #[test]
    fn a_body_whose_end_could_be_told_in_two_ways_is_refused() {
        for headers in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: +5",
            "Content-Length: 5, 5",
            "Content-Length: 99999999999999999999999",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Host: other",
        ] {
            assert_eq!(status(&format!("POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n")), 400, "{headers}");
        }
        assert_eq!(status("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400, "no host");
        assert_eq!(status("GET / HTTP/1.1\r\nHost : x\r\n\r\n"), 400, "a space before the colon");
    }

    #[test]
    fn nonsense_and_endless_headers_are_refused() {
        assert_eq!(status("\u{16}\u{3}\u{1} a TLS greeting\r\n\r\n"), 400);
        let many = "X: y\r\n".repeat(HEADERS + 1);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{many}\r\n")), 431);
        assert!(!read(b"GET / HTTP/1.0\r\n\r\n").unwrap().unwrap().stays);
        assert!(!read(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n").unwrap().unwrap().stays);
    }
}
