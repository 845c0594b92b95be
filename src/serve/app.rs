//! What all routes share: the desk, the roots, the door, and how blocking work is done beside the connections.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::alike::Sounds;
use super::beneath::Roots;
use super::events::Events;
use super::guard::Guard;
use super::jobs::Jobs;
use super::judge::Judge;
use super::kept::Kept;
use super::numbers::Counted;
use super::picture::Pictures;
use super::problem::{Kind, Problem};
use super::queue::Totals;
use crate::config::Config;
use crate::desk::{Desk, DeskError};
use crate::store::{Store, StoreError, Surface};

/// Connections to the database that only read: as many questions are answered at once. Two of them may be held for
/// seconds by what is counted beside the requests.
const READERS: usize = 6;

/// What all routes share.
pub struct App {
    /// The database file.
    pub database: PathBuf,
    /// Where the library is.
    pub roots: Roots,
    /// Who may ask.
    pub guard: Arc<Guard>,
    /// Corrections of many tracks.
    pub jobs: Jobs,
    /// What happens, as it happens.
    pub events: Arc<Events>,
    /// The library in numbers.
    pub counted: Kept<Counted>,
    /// How its tracks sound.
    pub sounds: Kept<Sounds>,
    /// How many tracks views have.
    pub totals: Totals,
    /// Who judges files that are sent.
    pub judge: Judge,
    /// Spectrograms that were drawn.
    pub pictures: Pictures,
    /// The path below which all is.
    pub base: String,
    /// The most bytes that may be sent to be judged.
    pub max_upload: u64,
    config: RwLock<Config>,
    desk: RwLock<Arc<Desk>>,
    rehearsal: Mutex<Option<Arc<Desk>>>,
}

impl App {
    /// What is served of a database.
    ///
    /// # Errors
    /// [`DeskError`] when the database cannot be opened or the configuration names a genre that there is not.
    pub fn new(config: Config, database: PathBuf, guard: Guard) -> Result<Arc<Self>, DeskError> {
        let desk = Arc::new(open_desk(&config, &database, false)?);
        let events = Arc::new(Events::new());
        Ok(Arc::new(Self {
            roots: Roots::new(config.library.roots.clone()),
            guard: Arc::new(guard),
            jobs: Jobs::new(Arc::clone(&events)),
            events,
            counted: Kept::default(),
            sounds: Kept::default(),
            totals: Totals::default(),
            judge: Judge::default(),
            pictures: Pictures::default(),
            base: config.serve.base_path.clone(),
            max_upload: config.serve.max_upload * 1024 * 1024,
            config: RwLock::new(config),
            desk: RwLock::new(desk),
            rehearsal: Mutex::new(None),
            database,
        }))
    }

    /// The configuration in force.
    pub fn config(&self) -> Config {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The desk. A database that was replaced meanwhile is opened anew.
    ///
    /// # Errors
    /// [`DeskError`] when it cannot be opened.
    pub fn desk(&self) -> Result<Arc<Desk>, DeskError> {
        let desk = Arc::clone(&self.desk.read().unwrap_or_else(PoisonError::into_inner));
        match desk.store().check_in_place() {
            Err(StoreError::Lost { .. }) if self.database.exists() => {}
            checked => return checked.map(|()| desk).map_err(DeskError::from),
        }
        tracing::warn!("{}: another database is in its place; it is served from now on", self.database.display());
        let anew = Arc::new(open_desk(&self.config(), &self.database, false)?);
        *self.rehearsal.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&anew);
        self.sounds.forget();
        Ok(anew)
    }

    /// A desk at which nothing is done, only said.
    ///
    /// # Errors
    /// [`DeskError`] when it cannot be opened.
    pub fn rehearsal(&self) -> Result<Arc<Desk>, DeskError> {
        let mut rehearsal = self.rehearsal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = rehearsal.as_ref().filter(|desk| desk.store().check_in_place().is_ok()) {
            return Ok(Arc::clone(desk));
        }
        let desk = Arc::new(open_desk(&self.config(), &self.database, true)?);
        *rehearsal = Some(Arc::clone(&desk));
        Ok(desk)
    }

    /// Goes on with another configuration. What concerns the server itself takes a restart.
    ///
    /// # Errors
    /// [`DeskError`] when it cannot be worked with; all stays as it was.
    pub fn take(&self, config: Config) -> Result<(), DeskError> {
        let desk = Arc::new(open_desk(&config, &self.database, false)?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = desk;
        *self.rehearsal.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.judge.forget();
        self.sounds.forget();
        Ok(())
    }

    /// Asks the desk something, on a thread that may block.
    ///
    /// # Errors
    /// [`Problem`] of the desk, or that the work panicked.
    pub async fn ask<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<App>, &Desk) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let app = Arc::clone(self);
        block(move || {
            let desk = app.desk()?;
            work(&app, &desk).map_err(Into::into)
        })
        .await
    }
}

/// Does work on a thread that may block.
///
/// # Errors
/// [`Problem`] of the work, or that it panicked: a decoder of other people's may, at a hostile file.
pub async fn block<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!("a request failed: {error}");
            Err(Problem::new(Kind::Internal, "this failed in a way that was not foreseen; the log says more"))
        }
    }
}

fn open_desk(config: &Config, database: &std::path::Path, dry_run: bool) -> Result<Desk, DeskError> {
    let wait = Duration::from_secs(config.database.busy_timeout_seconds.into());
    let store = Store::open(database, wait)?;
    let store = if dry_run { store } else { store.with_readers(READERS, wait)? };
    Desk::new(config, store, Surface::Api, dry_run)
}
