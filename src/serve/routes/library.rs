//! The library as a whole: numbers, folders, what was changed, genres, and how the server is.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::Method;

use super::super::app::App;
use super::super::events;
use super::super::numbers::{Counted, counted};
use super::super::openapi::{About, Interface};
use super::super::parameters::{Kind as Is, Parameter, Parameters};
use super::super::problem::{Kind, Problem};
use super::super::reply::{self, Reply, share};
use super::super::shapes::{
    self, Agreement, Bin, Change, ChangeNumbers, Changes, Day, Folder, Folders, Genre, GenreNumbers, Genres, Health,
    Lately, Library, RootNumbers, ServiceHealth, text,
};
use crate::desk::{Desk, Survey};
use crate::store::{ChangeCounts, FolderCounts, StatusCounts, StoreError};
use crate::tagging::EntryId;

const FOLDER: &[Parameter] = &[
    Parameter::new("path", Is::Text, "The folder; the library's roots without it."),
    Parameter::new("limit", Is::Integer(1, 200), "Folders; 100 without it."),
    Parameter::new("after", Is::Text, "The path `next` of the page before."),
];
const CHANGES: &[Parameter] = &[
    Parameter::new("limit", Is::Integer(1, 200), "Writes; 50 without it."),
    Parameter::new("after", Is::Integer(0, i64::MAX), "The cursor `next` of the page before."),
];
const GENRES: &[Parameter] = &[
    Parameter::new("q", Is::Text, "A part of a name or an alias; all without it."),
    Parameter::new("limit", Is::Integer(1, 500), "Genres; 500 without it."),
];

pub(super) fn add(interface: Interface<Arc<App>>) -> Interface<Arc<App>> {
    let get = &Method::GET;
    interface
        .route(
            get,
            "/api/v1/library",
            library,
            About::new("Library", "The library in numbers.").gives::<Library>(200, "Numbers."),
        )
        .route(
            get,
            "/api/v1/folders",
            folders,
            About::new("Library", "What lies in a folder.").takes(FOLDER).gives::<Folders>(200, "Folders."),
        )
        .route(
            get,
            "/api/v1/changes",
            changes,
            About::new("Library", "Writes, the latest first.").takes(CHANGES).gives::<Changes>(200, "Writes."),
        )
        .route(
            get,
            "/api/v1/genres",
            genres,
            About::new("Library", "Genres to choose from.").takes(GENRES).gives::<Genres>(200, "Genres."),
        )
        .route(
            get,
            "/api/v1/health",
            health,
            About::new("Library", "How the server is.").open().gives::<Health>(200, "It is well."),
        )
}

async fn library(State(app): State<Arc<App>>) -> Reply {
    let counted = counted(&app).await?;
    let numbers = app.ask(move |app, desk| numbers(app, desk, &counted));
    reply::ok(&numbers.await?)
}

fn numbers(app: &Arc<App>, desk: &Desk, counted: &Counted) -> Result<Library, StoreError> {
    let library = desk.library()?;
    let figures = &library.figures;
    let Survey { agreement, days } = &counted.survey;
    let roots = app.roots.real().into_iter().map(|path| {
        let below = counted.large.below(&path).map_or_else(|| desk.store().count_below(&path), Ok)?;
        Ok(root(&path, &below))
    });
    let roots: Vec<RootNumbers> = roots.collect::<Result<_, StoreError>>()?;
    // Today goes on.
    let today = days.first().map(|today| desk.store().count_changes(today.from, i64::MAX)).transpose()?;
    let days: Vec<Day> = days
        .iter()
        .enumerate()
        .map(|(number, day)| {
            let changes = today.filter(|_| number == 0).unwrap_or(day.changes);
            let ChangeCounts { written, corrected, undone } = changes;
            Day { from: day.from, written, corrected, undone }
        })
        .collect();
    let sum = |days: &[Day]| ChangeNumbers {
        written: days.iter().map(|day| day.written).sum(),
        corrected: days.iter().map(|day| day.corrected).sum(),
        undone: days.iter().map(|day| day.undone).sum(),
    };
    Ok(Library {
        computed_at: counted.at,
        threshold: share(app.config().tags.min_confidence),
        tracks: figures.statuses.all(),
        decided: figures.decided,
        waiting: library.waiting,
        statuses: shapes::statuses(&figures.statuses),
        genres: figures
            .genres
            .iter()
            .map(|counts| GenreNumbers {
                genre: counts.genre.clone(),
                tracks: counts.tracks,
                tagged: counts.tagged,
                unsure: counts.unsure,
            })
            .collect(),
        confidence: figures
            .confidence
            .iter()
            .map(|bin| Bin { from: share(bin.from), to: share(bin.to), tracks: bin.tracks, tagged: bin.tagged })
            .collect(),
        agreement: Agreement {
            models: agreement.models.clone(),
            matrix: agreement.matrix.iter().map(|row| row.iter().map(|cell| cell.map(share)).collect()).collect(),
            tracks: agreement.tracks,
            sampled: agreement.is_sampled,
        },
        changes: Lately { today: sum(days.get(..1).unwrap_or_default()), week: sum(&days), days },
        roots,
    })
}

fn root(path: &FilePath, counts: &StatusCounts) -> RootNumbers {
    RootNumbers { path: text(path), tracks: counts.all(), statuses: shapes::statuses(counts) }
}

async fn folders(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let parameters = Parameters::read(query.as_deref(), &[FOLDER])?;
    // The larger ones are counted beforehand.
    let counted = counted(&app).await?;
    let Some(path) = parameters.text("path").map(PathBuf::from) else {
        let folders = app.ask(move |app, desk| {
            let folders = app.roots.real().into_iter().map(|path| {
                let files = counted.large.below(&path).map_or_else(|| desk.store().count_below(&path), Ok)?;
                Ok(folder(&FolderCounts { path, files }))
            });
            folders.collect::<Result<Vec<Folder>, StoreError>>()
        });
        return reply::ok(&Folders { path: None, parent: None, folders: folders.await?, tracks: 0, next: None });
    };
    let roots = app.roots.real();
    if !roots.contains(&path) && !app.roots.hold(&path) {
        return Err(Problem::new(Kind::Outside, "this folder lies in none of the library's"));
    }
    let (limit, after) = (parameters.count("limit", 100), parameters.text("after").map(PathBuf::from));
    let parent = path.parent().filter(|_| !roots.contains(&path)).map(text);
    let page = app.ask(move |_, desk| {
        let page = desk.store().folders(&path, after.as_deref(), limit, &counted.large)?;
        Ok::<_, StoreError>(Folders {
            path: Some(text(&path)),
            parent,
            folders: page.folders.iter().map(folder).collect(),
            tracks: page.files,
            next: page.next.as_deref().map(text),
        })
    });
    reply::ok(&page.await?)
}

fn folder(counts: &FolderCounts) -> Folder {
    let FolderCounts { path, files } = counts;
    let name = path.file_name().map_or_else(|| text(path), |name| name.to_string_lossy().into_owned());
    Folder { name, path: text(path), tracks: files.all(), tagged: files.tagged, unsure: files.unsure }
}

async fn changes(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let parameters = Parameters::read(query.as_deref(), &[CHANGES])?;
    let limit = parameters.count("limit", 50);
    let before = parameters.integer("after").map(EntryId);
    let changes = app.ask(move |_, desk| desk.store().changes(before, limit)).await?;
    let next = changes.last().filter(|_| changes.len() == limit).map(|last| last.id.0.to_string());
    let changes = changes.into_iter().map(|change| Change {
        id: change.id.0,
        track: change.track.map(|track| track.0),
        at: change.at,
        cause: shapes::cause(change.cause),
        state: if change.is_undone { "undone" } else { "committed" },
        path: text(&change.path),
        before: change.before,
        after: change.after,
    });
    reply::ok(&Changes { changes: changes.collect(), next })
}

async fn genres(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let parameters = Parameters::read(query.as_deref(), &[GENRES])?;
    let genres = app.ask(move |_, desk| {
        let found = desk.genres().search(parameters.text("q").unwrap_or_default()).into_iter();
        let genre = |named: crate::desk::Named| Genre { word: named.word, alias: named.alias, known: named.is_known };
        Ok::<_, Problem>(Genres { genres: found.take(parameters.count("limit", 500)).map(genre).collect() })
    });
    reply::ok(&genres.await?)
}

async fn health(State(app): State<Arc<App>>) -> Reply {
    let database = app.database.clone();
    let service = super::super::app::block(move || Ok(events::status(&database))).await?;
    let service = match service {
        Some((status, running)) => ServiceHealth { running, state: Some(status.state) },
        None => ServiceHealth { running: false, state: None },
    };
    reply::ok(&Health { status: "ok", version: env!("CARGO_PKG_VERSION"), service })
}
