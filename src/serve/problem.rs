//! What went wrong, for programs and people: problem details (RFC 9457). Every error that a client can get is made
//! here.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

use super::http::Response;
use crate::desk::DeskError;
use crate::pipeline::{ExplainError, HandError};
use crate::store::StoreError;
use crate::tagging::TagError;

/// The kinds of problems, by the end of their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the table of docs/api.md
pub enum Kind {
    BadRequest,
    Token,
    Csrf,
    Origin,
    Outside,
    NotFound,
    Method,
    Conflict,
    Gone,
    TooLarge,
    MediaType,
    Range,
    Host,
    Unfit,
    TooMany,
    Internal,
    Busy,
    Full,
}

impl Kind {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be understood"),
            Self::Token => (StatusCode::UNAUTHORIZED, "token", "A token is needed"),
            Self::Csrf => (StatusCode::FORBIDDEN, "csrf", "A token or the page's CSRF value is needed"),
            Self::Origin => (StatusCode::FORBIDDEN, "origin", "This comes from another page"),
            Self::Outside => (StatusCode::FORBIDDEN, "outside", "The file is not in the library"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method", "That cannot be done with this"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "The file is not as it takes for that"),
            Self::Gone => (StatusCode::GONE, "gone", "The file is not there"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "That is too much"),
            Self::MediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "That is of another kind than needed")
            }
            Self::Range => (StatusCode::RANGE_NOT_SATISFIABLE, "range", "The file has no such part"),
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "host", "That name is not served here"),
            Self::Unfit => (StatusCode::UNPROCESSABLE_ENTITY, "unfit", "There is nothing that can be done with it"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many", "That was too often"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed here"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "There is too much to do"),
            Self::Full => (StatusCode::INSUFFICIENT_STORAGE, "full", "There is no room for it"),
        }
    }
}

/// A problem, with what is particular about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub kind: Kind,
    /// What exactly.
    pub detail: String,
    /// In how many seconds to try again.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None }
    }

    /// What cannot be understood.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    /// The same, to be tried again in a while.
    pub fn retry(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind.parts();
        let object = json!({
            "type": format!("urn:reclassd:problem:{name}"), "title": title, "status": status.as_u16(), "detail": self.detail
        });
        let mut response = Response::new(Body::from(object.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == Kind::Token {
            headers.insert(axum::http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::Locked { .. } => return Self::new(Kind::Busy, error.to_string()).retry(2),
            StoreError::Full { .. } => Kind::Full,
            _ => Kind::Internal,
        };
        tracing::warn!("{error}");
        Self::new(kind, error.to_string())
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let text = error.to_string();
        match error {
            DeskError::Store(error) | DeskError::Hand(HandError::Store(error)) => error.into(),
            DeskError::Genre(_) | DeskError::NoGenre => Self::new(Kind::Unfit, text),
            DeskError::NotAnalysed(_) | DeskError::WrittenSince(_) => Self::new(Kind::Conflict, text),
            DeskError::Hand(HandError::Gone(_)) => Self::new(Kind::Gone, text),
            DeskError::Hand(HandError::Busy(_) | HandError::OtherRecording(_)) => Self::new(Kind::Conflict, text),
            DeskError::Hand(HandError::Tag(TagError::Io { source, .. })) => match source.kind() {
                std::io::ErrorKind::NotFound => Self::new(Kind::Gone, text),
                std::io::ErrorKind::StorageFull => Self::new(Kind::Full, text),
                _ => Self::new(Kind::Conflict, text),
            },
            DeskError::Hand(HandError::Tag(_)) => Self::new(Kind::Conflict, text),
        }
    }
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Store(error) => error.into(),
            ExplainError::NotAnalysed { reason, .. } => Self::new(Kind::Unfit, reason),
        }
    }
}
