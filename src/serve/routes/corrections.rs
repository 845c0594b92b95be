//! Deciding: one track at once, many as a job, and the way back.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::super::app::App;
use super::super::events::Event;
use super::super::guard::Visitor;
use super::super::jobs::{Job, Task};
use super::super::openapi::{About, Interface};
use super::super::parameters::{Kind as Is, Parameter, Parameters};
use super::super::problem::{Kind, Problem};
use super::super::queue;
use super::super::reply::{self, Reply};
use super::super::shapes::{self, BulkBody, CorrectBody, Corrected, FilterBody, ReachBody, UndoBody};
use super::{json, no_track, nothing, surface, track_id};
use crate::desk::{Correction, Reach};
use crate::genre::Genre;
use crate::store::{GoId, QueueFilter, Surface, TrackId};

const DRY: &[Parameter] = &[Parameter::new("dry_run", Is::Flag, "Say what would be done, and do nothing.")];
const WAIT: &[Parameter] =
    &[Parameter::new("wait", Is::Integer(0, 60), "Seconds to wait for the end; none without it.")];
/// Tracks that may be named at once.
const NAMED: usize = 1000;
/// Genres that may be set at once.
const GENRES: usize = 20;

pub(super) fn add(interface: Interface<Arc<App>>) -> Interface<Arc<App>> {
    let (get, post) = (&Method::GET, &Method::POST);
    let one = |summary| About::new("Corrections", summary).takes(DRY).gives::<Corrected>(200, "What was done.");
    let decided = |correction: Correction| {
        move |State(app): State<Arc<App>>,
              Extension(visitor): Extension<Visitor>,
              Path(id): Path<String>,
              RawQuery(query): RawQuery| async move {
            one_track(&app, surface(&visitor), &id, query.as_deref(), correction).await
        }
    };
    let many = |summary| {
        let about = About::new("Corrections", summary).takes(WAIT);
        about.gives::<shapes::Job>(200, "It is over.").gives::<shapes::Job>(202, "It goes on.")
    };
    interface
        .route(post, "/api/v1/tracks/{id}/accept", decided(Correction::Accept), one("The guess is right: write it."))
        .route(post, "/api/v1/tracks/{id}/correct", correct, one("Write these genres.").body::<CorrectBody>())
        .route(
            post,
            "/api/v1/tracks/{id}/reject",
            decided(Correction::LeaveAlone),
            one("Leave the file alone for good."),
        )
        .route(post, "/api/v1/corrections", bulk, many("Decide about many tracks.").body::<BulkBody>())
        .route(post, "/api/v1/undo", undo, many("Take a go back.").body::<UndoBody>())
        .route(
            get,
            "/api/v1/jobs/{id}",
            job,
            About::new("Corrections", "How a job stands.").gives::<shapes::Job>(200, "A job."),
        )
        .route(
            &Method::DELETE,
            "/api/v1/jobs/{id}",
            stop,
            About::new("Corrections", "Stop a job after the file in hand.").gives_nothing(204, "It stops."),
        )
}

async fn correct(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let CorrectBody { genres } = json(&headers, body).await?;
    let genres = usable(genres)?;
    one_track(&app, surface(&visitor), &id, query.as_deref(), Correction::Set(genres)).await
}

/// Genres as they may be written.
fn usable(genres: Vec<String>) -> Result<Vec<String>, Problem> {
    if genres.is_empty() || genres.len() > GENRES {
        return Err(Problem::bad(format!("genres: name one to {GENRES}")));
    }
    for genre in &genres {
        Genre::new(genre).map_err(|error| Problem::new(Kind::Unfit, error.to_string()))?;
    }
    Ok(genres)
}

async fn one_track(app: &Arc<App>, surface: Surface, id: &str, query: Option<&str>, correction: Correction) -> Reply {
    let is_dry = Parameters::read(query, &[DRY])?.flag("dry_run");
    let id = track_id(id)?;
    let corrected = app.ask(move |app, desk| {
        let row = desk.track(id)?.ok_or_else(|| no_track(id))?;
        app.roots.open(&row.path)?;
        let corrected = match is_dry {
            true => app.rehearsal()?.correct_from(surface, &row.path, &correction, None)?,
            false => desk.correct_from(surface, &row.path, &correction, None)?,
        };
        Ok::<_, Problem>(corrected)
    });
    let corrected = corrected.await?;
    let go = corrected.go.map(|go| go.0);
    if !is_dry {
        app.totals.forget();
        app.counted.is_stale();
        app.events.send(Event::one_changed(Some(id.0), go));
    }
    reply::ok(&Corrected { go, result: shapes::outcome(Some(id.0), &corrected.report) })
}

async fn bulk(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let wait = wait(query.as_deref())?;
    let BulkBody { action, genres, reach, filter, dry_run } = json(&headers, body).await?;
    let correction = match (action.as_str(), genres) {
        ("accept", None) => Correction::Accept,
        ("reject", None) => Correction::LeaveAlone,
        ("set", Some(genres)) => Correction::Set(usable(genres)?),
        ("set", None) => return Err(Problem::bad("genres: which ones?")),
        ("accept" | "reject", Some(_)) => return Err(Problem::bad("genres: only `set` takes some")),
        _ => return Err(Problem::bad("action: this must be one of accept, set, reject")),
    };
    let reach = meant(reach, filter.is_some())?;
    let filter = app.ask(move |_, desk| filter_of(filter, desk)).await?;
    let task = Task::Correct { reach, filter: Box::new(filter), correction, dry_run: dry_run.unwrap_or_default() };
    begin(&app, surface(&visitor), task, wait).await
}

fn filter_of(filter: Option<FilterBody>, desk: &crate::desk::Desk) -> Result<QueueFilter, Problem> {
    filter.map_or_else(|| Ok(QueueFilter::default()), |filter| queue::filter_of(&filter, desk))
}

fn meant(reach: ReachBody, is_filtered: bool) -> Result<Reach, Problem> {
    match reach {
        ReachBody { tracks: Some(tracks), album: None, folder: None, all: None } => {
            if tracks.is_empty() || tracks.len() > NAMED {
                return Err(Problem::bad(format!("reach.tracks: name one to {NAMED}")));
            }
            Ok(Reach::Tracks(tracks.into_iter().map(TrackId).collect()))
        }
        ReachBody { tracks: None, album: Some(id), folder: None, all: None } => Ok(Reach::Album(TrackId(id))),
        ReachBody { tracks: None, album: None, folder: Some(id), all: None } => Ok(Reach::Folder(TrackId(id))),
        ReachBody { tracks: None, album: None, folder: None, all: Some(true) } if is_filtered => Ok(Reach::All),
        ReachBody { tracks: None, album: None, folder: None, all: Some(true) } => {
            Err(Problem::bad("filter: with {\"all\": true} it must be said of which"))
        }
        _ => Err(Problem::bad("reach: this must be one of tracks, album, folder, and all: true")),
    }
}

async fn undo(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let wait = wait(query.as_deref())?;
    let UndoBody { go } = json(&headers, body).await?;
    let go = app.ask(move |_, desk| {
        let go = match go {
            Some(go) => Some(GoId(go)),
            None => desk.last_go()?,
        };
        let nothing = || Problem::new(Kind::NotFound, "there is nothing to take back");
        let go = go.ok_or_else(nothing)?;
        if desk.corrections_to_undo(go)?.is_empty() { Err(nothing()) } else { Ok(go) }
    });
    let go = go.await?;
    begin(&app, surface(&visitor), Task::Undo(go), wait).await
}

fn wait(query: Option<&str>) -> Result<Duration, Problem> {
    let parameters = Parameters::read(query, &[WAIT])?;
    Ok(Duration::from_secs(parameters.integer("wait").and_then(|wait| u64::try_from(wait).ok()).unwrap_or(0)))
}

async fn begin(app: &Arc<App>, surface: Surface, task: Task, wait: Duration) -> Reply {
    let job = app.jobs.begin(app, surface, task)?;
    job.wait(wait).await;
    let status = if job.is_over() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let shape = job.shape();
    let mut response = reply::json(status, &shape)?;
    if let Ok(place) = HeaderValue::from_str(&format!("{}/api/v1/jobs/{}", app.base, shape.id)) {
        response.headers_mut().insert(axum::http::header::LOCATION, place);
    }
    Ok(response)
}

fn find(app: &Arc<App>, id: &str) -> Result<Arc<Job>, Problem> {
    let found = id.parse().ok().and_then(|id| app.jobs.find(id));
    found.ok_or_else(|| Problem::new(Kind::NotFound, format!("no job has the number {id}, or it is forgotten")))
}

async fn job(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    reply::ok(&find(&app, &id)?.shape())
}

async fn stop(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    find(&app, &id)?.stop();
    nothing()
}
