//! The page's files, compiled in: each with a tag by which a browser knows whether it has it already.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue};

use super::http::Response;
use super::problem::{Kind, Problem};
use super::reply::Reply;
use super::sound::{is_known, unchanged};

/// Names and bytes, in the order of their names.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    let tag = |(_, bytes): &(&str, &[u8])| {
        let words = format!("\"{}\"", &blake3::hash(bytes).to_hex()[..20]);
        HeaderValue::from_str(&words).unwrap_or(HeaderValue::from_static("\"\""))
    };
    FILES.iter().map(tag).collect()
});

/// A file of the page by its path; the page itself at the root.
///
/// # Errors
/// [`Problem`] where there is no such file.
pub fn file(path: &str, headers: &HeaderMap) -> Reply {
    let name = path.trim_start_matches('/');
    let name = if name.is_empty() { "index.html" } else { name };
    let found = FILES.binary_search_by(|(known, _)| (*known).cmp(name));
    let found = found.map_err(|_| Problem::new(Kind::NotFound, format!("there is nothing at {path}")))?;
    let (tag, bytes) = (TAGS[found].clone(), FILES[found].1);
    if is_known(headers, &tag) {
        return Ok(unchanged(tag));
    }
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ETAG, tag);
    Ok(response)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served_by_its_name_and_only_once_sent() {
        assert!(FILES.is_sorted_by_key(|(name, _)| *name));
        for (name, bytes) in FILES {
            let response = file(&format!("/{name}"), &HeaderMap::new()).unwrap();
            let tag = response.headers()[ETAG].clone();
            assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(bytes.len() as u64));
            assert_ne!(response.headers()[CONTENT_TYPE], "application/octet-stream", "{name}");
            let known: HeaderMap = [(axum::http::header::IF_NONE_MATCH, tag)].into_iter().collect();
            assert_eq!(file(&format!("/{name}"), &known).unwrap().status(), 304);
        }
        for missing in ["/nothing.js", "/../Cargo.toml", "//etc/passwd"] {
            assert_eq!(file(missing, &HeaderMap::new()).unwrap_err().kind, Kind::NotFound);
        }
    }
}
