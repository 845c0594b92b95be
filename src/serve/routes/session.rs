//! A browser's session: begun without a word on this machine, with a token elsewhere.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, Method};

use super::super::app::App;
use super::super::guard::Visitor;
use super::super::http::{Peer, Response};
use super::super::openapi::{About, Interface};
use super::super::reply::{self, Reply};
use super::super::session::Session;
use super::super::shapes::{SessionInfo, TokenBody};
use super::{json, nothing};

pub(super) fn add(interface: Interface<Arc<App>>) -> Interface<Arc<App>> {
    let path = "/api/v1/session";
    interface
        .route(
            &Method::GET,
            path,
            ask,
            About::new("Session", "The session, and the CSRF value that belongs to it.")
                .open()
                .gives::<SessionInfo>(200, "A session."),
        )
        .route(
            &Method::POST,
            path,
            sign_in,
            About::new("Session", "Sign in with a token.")
                .open()
                .body::<TokenBody>()
                .gives::<SessionInfo>(200, "A session."),
        )
        .route(&Method::DELETE, path, sign_out, About::new("Session", "Sign out.").gives_nothing(204, "It is over."))
}

fn info(app: &App, session: Option<&Session>) -> SessionInfo {
    SessionInfo {
        csrf: session.map(|session| app.guard.csrf(session)),
        signed_in: session.is_some(),
        needs_token: app.guard.needs_token,
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

async fn ask(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    Extension(peer): Extension<Peer>,
) -> Reply {
    match visitor {
        Visitor::Page(session) if app.guard.is_signed_in(&session) => reply::ok(&info(&app, Some(&session))),
        _ if app.guard.needs_token => reply::ok(&info(&app, None)),
        _ => {
            let session = app.guard.sign_in(peer, None).await?;
            let cookie = session.set(&app.guard.cookie_path());
            Ok(with_cookie(reply::ok(&info(&app, Some(&session)))?, &cookie))
        }
    }
}

async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let TokenBody { token } = json(&headers, body).await?;
    let session = app.guard.sign_in(peer, Some(&token)).await?;
    let cookie = session.set(&app.guard.cookie_path());
    Ok(with_cookie(reply::ok(&info(&app, Some(&session)))?, &cookie))
}

async fn sign_out(State(app): State<Arc<App>>) -> Reply {
    Ok(with_cookie(nothing()?, &Session::unset(&app.guard.cookie_path())))
}
