//! Answers that are no problems.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::http::Response;
use super::problem::{Kind, Problem};

/// What a route gives.
pub type Reply = Result<Response, Problem>;

/// JSON of a status.
///
/// # Errors
/// [`Problem`] where it cannot be written as JSON, which no shape does.
pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    let text = serde_json::to_vec(value).map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    let mut response = bytes(text, "application/json");
    *response.status_mut() = status;
    Ok(response)
}

/// JSON of what was asked for.
///
/// # Errors
/// As [`json`].
pub fn ok(value: &impl Serialize) -> Reply {
    json(StatusCode::OK, value)
}

/// Bytes of a media type.
pub fn bytes(bytes: Vec<u8>, media_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A share or confidence, with no more digits than mean anything.
pub fn share(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}

/// Seconds with milliseconds.
pub fn seconds(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
