//! Reading tracks: pages of the queue, one track in full, found ones, its picture and its sound.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderMap, HeaderValue, Method};

use super::super::app::{App, block};
use super::super::beneath::Beneath;
use super::super::openapi::{About, Interface};
use super::super::parameters::{Kind as Is, Parameter, Parameters};
use super::super::picture::{self, Like};
use super::super::problem::{Kind, Problem};
use super::super::reply::{self, Reply};
use super::super::shapes::{Choice, Found, Scores, SimilarTracks, Tags, Track, TrackDetails, TrackPage};
use super::super::{alike, queue, shapes, sound};
use super::{no_track, track_id};
use crate::audio::AnalysisWindow;
use crate::desk::{Desk, FileNow};
use crate::store::{QueueCursor, QueuePlace, QueuedTrack, StoreError, TrackId};

const SEARCH: &[Parameter] = &[
    Parameter::new(
        "q",
        Is::Text,
        "Words of path, artist, title, album and genre; the last may be the beginning of one.",
    ),
    Parameter::new("limit", Is::Integer(1, 200), "Rows; 50 without it."),
    Parameter::new("after", Is::Text, "The cursor `next` of the page before."),
];
const SIMILAR: &[Parameter] = &[Parameter::new("limit", Is::Integer(1, 100), "Tracks; 10 without it.")];
const SOUND: &[Parameter] =
    &[Parameter::new("form", Is::Choice(&["file", "window"]), "`window`: the WAV in any case; `file` without it.")];

pub(super) fn add(interface: Interface<Arc<App>>) -> Interface<Arc<App>> {
    let get = &Method::GET;
    interface
        .route(
            get,
            "/api/v1/tracks",
            list,
            About::new("Tracks", "A page of the queue.")
                .takes(queue::FILTER)
                .takes(queue::PAGE)
                .gives::<TrackPage>(200, "A page."),
        )
        .route(
            get,
            "/api/v1/search",
            search,
            About::new("Tracks", "Tracks by words.").takes(SEARCH).gives::<Found>(200, "Tracks."),
        )
        .route(
            get,
            "/api/v1/tracks/{id}",
            details,
            About::new("Tracks", "All that is known of a track.").gives::<TrackDetails>(200, "A track."),
        )
        .route(
            get,
            "/api/v1/tracks/{id}/scores",
            scores,
            About::new("Tracks", "What each model says of a track.").gives::<Scores>(200, "Scores."),
        )
        .route(
            get,
            "/api/v1/tracks/{id}/similar",
            similar,
            About::new("Tracks", "The tracks that sound most like one.").takes(SIMILAR).gives::<SimilarTracks>(
                200,
                "Tracks, the most alike first; copies of the same recording are left out.",
            ),
        )
        .route(
            get,
            "/api/v1/tracks/{id}/spectrogram.png",
            spectrogram,
            About::new("Tracks", "The log-mel spectrogram of what was listened to.")
                .takes(picture::LIKE)
                .gives_bytes(200, "image/png", "A picture.")
                .gives_nothing(304, "The one that the client has."),
        )
        .route(
            get,
            "/api/v1/tracks/{id}/audio",
            audio,
            About::new("Tracks", "The file, by ranges, or a WAV of what was listened to.")
                .takes(SOUND)
                .gives_bytes(200, "audio/*", "Sound.")
                .gives_bytes(206, "audio/*", "A part of it.")
                .gives_nothing(304, "The one that the client has."),
        )
}

async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let parameters = Parameters::read(query.as_deref(), &[queue::FILTER, queue::PAGE])?;
    let cursor = |name: &str| -> Result<Option<QueueCursor>, Problem> {
        let cursor = parameters.text(name).map(str::parse).transpose();
        cursor.map_err(|error| Problem::bad(format!("{name}: {error}")))
    };
    let (after, before) = (cursor("after")?, cursor("before")?);
    if after.is_some() && before.is_some() {
        return Err(Problem::bad("after and before: only one of them can be meant"));
    }
    let page = app.ask(move |app, desk| page(app, desk, &parameters, after.as_ref(), before.as_ref())).await?;
    reply::ok(&page)
}

fn page(
    app: &Arc<App>,
    desk: &Desk,
    parameters: &Parameters,
    after: Option<&QueueCursor>,
    before: Option<&QueueCursor>,
) -> Result<TrackPage, Problem> {
    let view = queue::view(parameters, desk);
    let place = match (after, before) {
        (Some(after), _) => QueuePlace::After(after),
        (_, Some(before)) => QueuePlace::Before(before),
        _ => QueuePlace::Start,
    };
    let page = desk.page_soon(&view, place, parameters.count("limit", 50)).map_err(|error| match error {
        StoreError::Malformed { what: "cursor", .. } => Problem::bad("this cursor is one of another order"),
        error => error.into(),
    })?;
    let is_backwards = before.is_some();
    let goes = |on: bool, cursor: &Option<QueueCursor>| cursor.as_ref().filter(|_| on).map(ToString::to_string);
    let total = if parameters.flag("count") { app.totals.of(&view.filter, app, desk)? } else { None };
    Ok(TrackPage {
        next: goes(page.goes_on || is_backwards, &page.last),
        previous: goes(if is_backwards { page.goes_on } else { after.is_some() }, &page.first),
        tracks: tracks(app, desk, &page.rows),
        total,
    })
}

fn tracks(app: &Arc<App>, desk: &Desk, rows: &[QueuedTrack]) -> Vec<Track> {
    let roots = app.roots.real();
    let is_in = |row: &QueuedTrack| roots.iter().any(|root| row.path.starts_with(root));
    rows.iter().map(|row| shapes::track(desk, row, is_in(row))).collect()
}

async fn search(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let parameters = Parameters::read(query.as_deref(), &[SEARCH])?;
    let after = match parameters.text("after") {
        Some(text) => {
            Some(text.parse().map(TrackId).map_err(|_| Problem::bad("after: this is no cursor of a search"))?)
        }
        None => None,
    };
    let found = app.ask(move |app, desk| {
        let words = parameters.text("q").unwrap_or_default();
        let (rows, next) = desk.search(words, after, parameters.count("limit", 50))?;
        Ok::<_, StoreError>(Found { tracks: tracks(app, desk, &rows), next: next.map(|next| next.0.to_string()) })
    });
    reply::ok(&found.await?)
}

async fn details(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    let id = track_id(&id)?;
    let details = app.ask(move |app, desk| {
        let row = desk.track(id)?.ok_or_else(|| no_track(id))?;
        let open = app.roots.open(&row.path);
        let now = match &open {
            Ok(open) => desk.file_now(&row.path, &open.held()),
            Err(problem) => FileNow { error: Some(problem.detail.clone()), ..FileNow::default() },
        };
        let in_library = app.roots.hold(&row.path);
        let said = desk.details(&row)?;
        let past = desk.past(&row.path)?;
        let mut track = shapes::track(desk, &row, in_library);
        if now.is_there {
            (track.artist, track.title, track.album) =
                (now.credits.artist.clone(), now.credits.title.clone(), now.credits.album.clone());
        }
        let choice = past.choice.map(|choice| Choice { genres: choice.genres, origin: shapes::origin(choice.origin) });
        Ok::<_, Problem>(TrackDetails {
            track,
            in_library,
            is_there: now.is_there,
            tags: Tags {
                genres: now.genres,
                artist: now.credits.artist,
                title: now.credits.title,
                album: now.credits.album,
                error: now.error,
            },
            choice,
            models: shapes::models(&said.opinions),
            models_differ: said.models_differ,
            history: past.writes.iter().map(shapes::entry).collect(),
            corrections: past.corrections.iter().map(shapes::decision).collect(),
        })
    });
    reply::ok(&details.await?)
}

async fn scores(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    let id = track_id(&id)?;
    let scores = app.ask(move |_, desk| {
        let row = desk.track(id)?.ok_or_else(|| no_track(id))?;
        let said = desk.details(&row)?;
        Ok::<_, Problem>(Scores { models: shapes::models(&said.opinions), models_differ: said.models_differ })
    });
    reply::ok(&scores.await?)
}

async fn similar(State(app): State<Arc<App>>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Reply {
    let id = track_id(&id)?;
    let limit = Parameters::read(query.as_deref(), &[SIMILAR])?.count("limit", 10);
    let find = move |desk: &Desk| desk.track(id)?.ok_or_else(|| no_track(id));
    reply::ok(&alike::similar(&app, find, limit).await?)
}

/// A track and its file, open, with the part of it that was listened to.
struct Heard {
    row: QueuedTrack,
    open: Beneath,
    window: AnalysisWindow,
    start: f64,
}

async fn heard(app: &Arc<App>, id: TrackId) -> Result<Heard, Problem> {
    app.ask(move |app, desk| {
        let row = desk.track(id)?.ok_or_else(|| no_track(id))?;
        let open = app.roots.open(&row.path)?;
        let analysis = app.config().analysis;
        let window = AnalysisWindow { seconds: analysis.window_seconds, count: analysis.windows };
        let (start, _) = desk.listened_to(&row);
        Ok::<_, Problem>(Heard { row, open, window, start })
    })
    .await
}

async fn spectrogram(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Reply {
    let like = Like::of(&Parameters::read(query.as_deref(), &[picture::LIKE])?);
    let Heard { open, window, start, .. } = heard(&app, track_id(&id)?).await?;
    let metadata = open.file.metadata().map_err(|error| Problem::new(Kind::Conflict, error.to_string()))?;
    let tag = sound::tag(&metadata, &format!("{}-{}", like.word(), window.seconds));
    if sound::is_known(&headers, &tag) {
        return Ok(sound::unchanged(tag));
    }
    let name = format!("{tag:?}");
    let picture = match app.pictures.find(&name) {
        Some(picture) => picture,
        None => {
            let turn = Arc::clone(&app.pictures.turns).acquire_owned().await;
            let drawn = block(move || {
                let _turn = turn;
                picture::draw(&sound::clip(&open, &window)?, start, like)
            });
            let picture = Arc::new(drawn.await?);
            app.pictures.keep(name, Arc::clone(&picture));
            picture
        }
    };
    let mut response = reply::bytes(picture.to_vec(), "image/png");
    response.headers_mut().insert(ETAG, tag);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

async fn audio(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Reply {
    let parameters = Parameters::read(query.as_deref(), &[SOUND])?;
    let Heard { row, open, window, .. } = heard(&app, track_id(&id)?).await?;
    let played = sound::played_as(&row).filter(|_| parameters.text("form") != Some("window"));
    if let Some(media_type) = played {
        return sound::file(open, media_type, &headers);
    }
    let turn = Arc::clone(&app.pictures.turns).acquire_owned().await;
    let wav = block(move || {
        let _turn = turn;
        sound::window(&open, &window)
    });
    sound::part_of(wav.await?, "audio/wav", &headers)
}
