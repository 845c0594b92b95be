//! The routes of the interface: what is asked for is read, the desk is asked, its answer is written. One file a group,
//! and nothing is decided in any of them.

mod corrections;
mod files;
mod library;
mod session;
mod tracks;

use std::sync::Arc;
use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;
use tower_service::Service;

use super::app::App;
use super::guard::{self, Visitor};
use super::http::Request;
use super::openapi::{self, Interface};
use super::problem::{Kind, Problem};
use super::reply::{self, Reply};
use super::{events, page};
use crate::store::{Surface, TrackId};

/// Bytes of a JSON body.
const BODY: usize = 256 * 1024;

/// Everything that is served, below the base path.
pub fn router(app: &Arc<App>) -> Router {
    let base = app.base.clone();
    let (routes, document) = interface().done(&base);
    let json = document.to_string();
    let reference: Arc<OnceLock<String>> = Arc::default();
    let html = move || {
        let reference = reference.get_or_init(|| openapi::page(&document)).clone();
        async move { reply::bytes(reference.into_bytes(), "text/html; charset=utf-8") }
    };
    let style = || async { reply::bytes(openapi::STYLE.as_bytes().to_vec(), "text/css; charset=utf-8") };
    let inner = routes
        .route(
            "/api/v1/events",
            get(|axum::extract::State(app): axum::extract::State<Arc<App>>| async move { events::stream(&app).await }),
        )
        .route("/api/openapi.json", get(move || async move { reply::bytes(json.into_bytes(), "application/json") }))
        .route("/api/", get(html))
        .route("/api", get(|| async { Redirect::permanent("api/") }))
        .route("/api/reference.css", get(style))
        .fallback(elsewhere)
        .method_not_allowed_fallback(|| async { Problem::new(Kind::Method, "see /api/openapi.json").into_response() })
        .layer(from_fn_with_state(Arc::clone(&app.guard), guard::door))
        .with_state(Arc::clone(app));
    if base.is_empty() { inner } else { below(base, inner) }
}

/// The same below a path, which is taken off.
fn below(base: String, inner: Router) -> Router {
    Router::new().fallback(move |mut request: Request| {
        let (base, mut inner) = (base.clone(), inner.clone());
        async move {
            let whole = request.uri().path_and_query().map(|both| both.as_str().to_owned()).unwrap_or_default();
            let rest = whole.strip_prefix(base.as_str());
            if rest == Some("") {
                return Redirect::permanent(&format!("{base}/")).into_response();
            }
            let rest = rest.filter(|rest| rest.starts_with('/')).and_then(|rest| rest.parse::<Uri>().ok());
            let Some(rest) = rest else {
                return Problem::new(Kind::NotFound, format!("everything is below {base}/")).into_response();
            };
            *request.uri_mut() = rest;
            match inner.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    })
}

fn interface() -> Interface<Arc<App>> {
    let interface = tracks::add(Interface::new());
    let interface = corrections::add(interface);
    let interface = library::add(interface);
    let interface = files::add(interface);
    session::add(interface)
}

/// What is no route: a file of the page, or nothing.
async fn elsewhere(method: Method, uri: Uri, headers: HeaderMap) -> Reply {
    let path = uri.path();
    if path.starts_with("/api") {
        return Err(Problem::new(Kind::NotFound, "there is no such route; see /api/openapi.json"));
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Problem::new(Kind::Method, "this can only be read"));
    }
    page::file(path, &headers)
}

/// The JSON of a body.
async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Kind::MediaType, "the body must be application/json"));
    }
    let too_large = || Problem::new(Kind::TooLarge, format!("a body may have {BODY} bytes at the most"));
    if http_body::Body::size_hint(&body).lower() > BODY as u64 {
        return Err(too_large());
    }
    let bytes = Limited::new(body, BODY).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() { too_large() } else { Problem::bad(error.to_string()) }
    })?;
    let bytes = bytes.to_bytes();
    serde_json::from_slice(&bytes).map_err(|error| Problem::bad(format!("the body: {error}")))
}

/// The number of a track in a path.
fn track_id(text: &str) -> Result<TrackId, Problem> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(TrackId).ok_or_else(|| Problem::new(Kind::NotFound, format!("{text} is no number of a track")))
}

fn no_track(id: TrackId) -> Problem {
    Problem::new(Kind::NotFound, format!("no analysed track has the number {}", id.0))
}

/// Where a correction comes from.
fn surface(visitor: &Visitor) -> Surface {
    match visitor {
        Visitor::Program => Surface::Api,
        Visitor::Page(_) | Visitor::Anybody => Surface::Page,
    }
}

/// Nothing but that it is done.
fn nothing() -> Reply {
    let mut response = super::http::Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
