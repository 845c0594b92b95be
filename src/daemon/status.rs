//! How the service stands, in a file beside the database: written when something changed, at most once a second, and not while idle.
//!
//! Who reads it asks the lock whether the service lives; the file says how it was when something last changed.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::counters::Counts;
use crate::watch::WatchStatus;

/// How the service stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its process number.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it started, in seconds since 1970.
    pub started_at: u64,
    /// When this was written, in seconds since 1970.
    pub written_at: u64,
    /// `working`, `idle`, `resting`, `halted` (see `trouble`), `stopping` or `stopped`.
    pub state: String,
    /// Why it rests, if it does.
    pub resting: Option<String>,
    /// What keeps files from being worked on or written though it would, if anything does: a full disk, a database that is gone.
    #[serde(default)]
    pub trouble: Option<String>,
    /// When its process began, as the kernel counts: another process of the same number began at another time.
    #[serde(default)]
    pub process_start: Option<i64>,
    /// Ripe files that wait for a worker.
    pub queued: usize,
    /// Files that workers have.
    pub working: usize,
    /// Files a second, over the last minute.
    pub rate: f64,
    /// Whether the models are in memory.
    pub models_loaded: bool,
    /// Roots, what waits for stillness, watched folders.
    pub watch: WatchStatus,
    /// What was done since the start.
    pub counts: Counts,
    /// The last files that something went wrong with, the latest first.
    pub last_errors: Vec<LastError>,
}

/// A file that something went wrong with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When, in seconds since 1970.
    pub at: u64,
    /// The file.
    pub path: String,
    /// What went wrong.
    pub reason: String,
}

/// The status cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The file cannot be read or written.
    #[error("{path}: {source}; {remedy}", path = path.display(), remedy = crate::storage::remedy(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was written by another version.
    #[error("{path}: not the status of this version of reclassd; restart the service", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
}

/// Where the status of a database's service is.
pub fn status_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".status");
    name.into()
}

impl Status {
    /// What the service of a database last said; `None` where none ever did.
    ///
    /// # Errors
    /// [`StatusError`] when the file cannot be read.
    pub fn read(database: &Path) -> Result<Option<Self>, StatusError> {
        let path = status_path(database);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|_| StatusError::Unreadable { path }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StatusError::Io { path, source }),
        }
    }

    /// Writes it in one step, so that nobody reads half of it.
    ///
    /// # Errors
    /// [`StatusError`] when the file cannot be written.
    pub fn write(&self, database: &Path) -> Result<(), StatusError> {
        let path = status_path(database);
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::File::create(&temporary)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            crate::store::share(&temporary);
            std::fs::rename(&temporary, &path)
        };
        write().map_err(|source| StatusError::Io { path: path.clone(), source })
    }

    /// Whether the service that wrote this lives, by its process: its lock may have been deleted.
    pub fn is_of_a_living_service(&self) -> bool {
        self.state != "stopped"
            && self.process_start.is_some_and(|start| crate::store::start_of(self.pid) == Some(start))
    }

    /// The one line for the service manager.
    pub fn line(&self) -> String {
        let WatchStatus { roots, waiting, watches, .. } = &self.watch;
        let away = roots.iter().filter(|root| root.away.is_some()).count();
        let away = if away > 0 { format!(", {away} of {} roots away", roots.len()) } else { String::new() };
        let state = match (&self.trouble, &self.resting) {
            (Some(why), _) => format!("{}, {why}", self.state),
            (None, Some(why)) => format!("resting, {why}"),
            (None, None) => self.state.clone(),
        };
        let todo = self.queued + self.working + waiting;
        let Counts { written, failed, .. } = self.counts;
        format!("{state}: {todo} files to do, {written} written, {failed} failed, {watches} folders watched{away}")
    }
}
