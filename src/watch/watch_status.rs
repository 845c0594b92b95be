//! How the watch stands, for whoever asks: roots, what waits, how many folders are watched.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A path as text can carry it: to be read by people.
fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

#[allow(clippy::ref_option)] // the signature is serde's
fn lossy_option<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => lossy(path, serializer),
        None => serializer.serialize_none(),
    }
}

/// How one root stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootStatus {
    /// The folder, as the configuration names it.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Where it is without links.
    #[serde(serialize_with = "lossy")]
    pub real: PathBuf,
    /// Why it cannot be worked on for now, if so.
    pub away: Option<String>,
    /// Why it is looked through at an interval and not watched, if so.
    pub polled: Option<String>,
    /// When it was last compared with the database, in seconds since 1970.
    pub compared_at: Option<u64>,
}

/// How the watch stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchStatus {
    /// The roots.
    pub roots: Vec<RootStatus>,
    /// Files that wait for stillness.
    pub waiting: usize,
    /// Folders that are watched.
    pub watches: usize,
    /// What is being compared with the database.
    #[serde(serialize_with = "lossy_option")]
    pub comparing: Option<PathBuf>,
    /// Files found to be gone since the start.
    pub gone: u64,
}

/// The place where the watcher says how it stands.
pub struct SharedWatchStatus {
    status: Mutex<WatchStatus>,
    changed: Box<dyn Fn() + Send + Sync>,
}

impl SharedWatchStatus {
    /// `changed` is called after every change.
    pub fn new(changed: impl Fn() + Send + Sync + 'static) -> Self {
        Self { status: Mutex::default(), changed: Box::new(changed) }
    }

    /// How it stands now.
    pub fn now(&self) -> WatchStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut WatchStatus)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let before = status.clone();
        change(&mut status);
        let is_another = *status != before;
        drop(status);
        if is_another {
            (self.changed)();
        }
    }
}
