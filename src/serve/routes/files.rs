//! Listening to a file for whoever asks: one of the library, or one that is sent.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method};

use super::super::app::App;
use super::super::judge::{self, Sent};
use super::super::openapi::{About, Interface};
use super::super::parameters::{Kind as Is, Parameter, Parameters};
use super::super::problem::Problem;
use super::super::reply::{self, Reply};
use super::super::shapes::{ClassifyBody, Judged};
use super::{json, no_track};
use crate::store::TrackId;

const NAME: &[Parameter] = &[Parameter::new("name", Is::Text, "What the file is called; it means nothing.")];

pub(super) fn add(interface: Interface<Arc<App>>) -> Interface<Arc<App>> {
    let post = &Method::POST;
    interface
        .route(
            post,
            "/api/v1/classify",
            of_the_library,
            About::new("Listening", "Judge a file of the library anew, and write nothing.")
                .body::<ClassifyBody>()
                .gives::<Judged>(200, "What is said of it."),
        )
        .route(
            post,
            "/api/v1/classify/upload",
            sent,
            About::new("Listening", "Judge a file that is sent, and keep nothing of it.")
                .takes(NAME)
                .file_body()
                .gives::<Judged>(200, "What is said of it."),
        )
}

async fn of_the_library(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Reply {
    let wanted: ClassifyBody = json(&headers, body).await?;
    let open = app.ask(move |app, desk| match wanted {
        ClassifyBody { track: Some(id), path: None } => {
            let row = desk.track(TrackId(id))?.ok_or_else(|| no_track(TrackId(id)))?;
            app.roots.open(&row.path)
        }
        ClassifyBody { track: None, path: Some(path) } => app.roots.open(&PathBuf::from(path)),
        _ => Err(Problem::bad("this must be either a track or a path")),
    });
    let open = open.await?;
    let place = app.judge.place()?;
    let judged = judge::judge(&app, place, open.held(), open.path.clone()).await?;
    reply::ok(&judged)
}

async fn sent(State(app): State<Arc<App>>, RawQuery(query): RawQuery, body: Body) -> Reply {
    Parameters::read(query.as_deref(), &[NAME])?;
    let sending = app.judge.place_to_send()?;
    let sent = Sent::receive(body, &app.database, app.max_upload).await?;
    drop(sending);
    let place = app.judge.place()?;
    let judged = judge::judge(&app, place, sent.held(), PathBuf::from("/")).await?;
    drop(sent);
    reply::ok(&judged)
}
