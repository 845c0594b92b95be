//! An answer on its way out: head, then body, either counted, in chunks, or to the end of the connection.

use std::time::Duration;

use axum::http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Method, StatusCode, Version};
use bytes::{BufMut, BytesMut};
use http_body_util::BodyExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Response;

/// How an answer is framed.
enum Framing {
    Counted,
    Chunked,
    /// Told by the end of the connection: for clients of HTTP/1.0.
    ToTheEnd,
    /// There is no body.
    None,
}

/// Writes an answer. Whether the connection can be used for another one.
///
/// # Errors
/// What the system says, or that the client took nothing for as long as `stall`.
pub(super) async fn write(
    out: &mut (impl AsyncWrite + Unpin),
    mut response: Response,
    method: &Method,
    version: Version,
    stays: bool,
    stall: Duration,
) -> std::io::Result<bool> {
    let status = response.status();
    let has_none = status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let exact = http_body::Body::size_hint(response.body()).exact();
    let headers = response.headers_mut();
    headers.remove(TRANSFER_ENCODING);
    let framing = match exact {
        _ if has_none => Framing::None,
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            Framing::Counted
        }
        None if version == Version::HTTP_11 => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            Framing::Chunked
        }
        None => Framing::ToTheEnd,
    };
    let stays = stays && !matches!(framing, Framing::ToTheEnd);
    headers.insert(CONNECTION, HeaderValue::from_static(if stays { "keep-alive" } else { "close" }));
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(std::time::SystemTime::now())) {
        headers.insert(DATE, date);
    }
    let mut bytes = BytesMut::with_capacity(1024);
    bytes.put_slice(b"HTTP/1.1 ");
    bytes.put_slice(status.as_str().as_bytes());
    bytes.put_u8(b' ');
    bytes.put_slice(status.canonical_reason().unwrap_or("Answer").as_bytes());
    bytes.put_slice(b"\r\n");
    for (name, value) in response.headers() {
        bytes.put_slice(name.as_str().as_bytes());
        bytes.put_slice(b": ");
        bytes.put_slice(value.as_bytes());
        bytes.put_slice(b"\r\n");
    }
    bytes.put_slice(b"\r\n");
    if *method == Method::HEAD || matches!(framing, Framing::None) {
        send(out, &bytes, stall).await?;
        return Ok(stays);
    }
    let mut body = response.into_body();
    let mut left = exact;
    // The head goes out with the first piece, or at once where that may take a while.
    if exact.is_none() {
        send(out, &bytes, stall).await?;
        bytes.clear();
    }
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(std::io::Error::other)?.into_data() else { continue };
        if data.is_empty() {
            continue;
        }
        if let Some(left) = &mut left {
            *left =
                left.checked_sub(data.len() as u64).ok_or_else(|| std::io::Error::other("more than was announced"))?;
        }
        match framing {
            Framing::Chunked => {
                bytes.put_slice(format!("{:x}\r\n", data.len()).as_bytes());
                bytes.put_slice(&data);
                bytes.put_slice(b"\r\n");
            }
            _ => bytes.put_slice(&data),
        }
        send(out, &bytes, stall).await?;
        bytes.clear();
    }
    if matches!(framing, Framing::Chunked) {
        bytes.put_slice(b"0\r\n\r\n");
    }
    send(out, &bytes, stall).await?;
    if left.is_some_and(|left| left > 0) {
        // The file was cut meanwhile: only the end of the connection can say so.
        return Err(std::io::Error::other("less than was announced"));
    }
    Ok(stays)
}

/// Writes bytes; the client has to take some of them every so often.
pub(super) async fn send(
    out: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
    stall: Duration,
) -> std::io::Result<()> {
    let slow = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "the client takes nothing");
    while !bytes.is_empty() {
        match timeout(stall, out.write(bytes)).await.map_err(slow)?? {
            0 => return Err(std::io::ErrorKind::WriteZero.into()),
            sent => bytes = &bytes[sent..],
        }
    }
    timeout(stall, out.flush()).await.map_err(slow)?
}
