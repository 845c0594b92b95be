//! The thread that compares folders with the database, one after the other: at the start, at intervals, and where
//! events were lost.
//!
//! It may wait for days until there is room for what it finds; events do not wait for it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::candidates::{Candidate, Candidates, Origin};
use super::folders::NotWatched;
use super::inbox::Inbox;
use super::listener::Listener;
use super::roots::Sight;
use super::unfinished_names::is_unfinished;
use super::walk::{Walk, Walked};
use crate::pipeline::{Cancel, Compared, Comparison, Difference, Fingerprints, Obstacle, Selection, Why};
use crate::store::{Store, StoreError};

/// Rows looked at and marked in one go.
const BATCH: usize = 500;

/// Where the listener is, once there is one.
pub(super) type SharedListener = Arc<Mutex<Option<Listener>>>;

/// What the walker works with.
pub(super) struct Walker {
    pub(super) store: Arc<Store>,
    pub(super) fingerprints: Fingerprints,
    pub(super) selection: Selection,
    pub(super) quiet: Duration,
    pub(super) inbox: Arc<Inbox>,
    pub(super) candidates: Arc<Candidates>,
    pub(super) listener: SharedListener,
    pub(super) cancel: Cancel,
}

impl Walker {
    pub(super) fn run(self, walks: &Receiver<Walk>) {
        while let Ok(walk) = walks.recv() {
            if self.cancel.is_requested() {
                return;
            }
            tracing::debug!("comparing {}", walk.folder.display());
            let limit = if walk.watches { self.watch(&walk) } else { None };
            let mut gone = 0;
            let compared = match self.compare(&walk, &mut gone) {
                Ok(compared) => Some(compared).filter(|_| !self.cancel.is_requested()),
                Err(error) => {
                    tracing::error!("{}: the comparison stopped: {error}", walk.folder.display());
                    None
                }
            };
            tracing::debug!("compared {}: {compared:?}, {gone} gone", walk.folder.display());
            self.inbox.walked(Walked { walk, limit, compared, gone });
        }
    }

    fn watch(&self, Walk { root, folder, .. }: &Walk) -> Option<&'static str> {
        watch_below(&self.listener, &self.selection, root, folder, &self.cancel)
    }

    fn compare(&self, walk: &Walk, gone: &mut usize) -> Result<Compared, StoreError> {
        let Self { store, fingerprints, selection, .. } = self;
        let mut missing = Vec::new();
        let mut failure = None;
        let comparison = Comparison { store, fingerprints, selection };
        let compared = comparison.of(&walk.root, &walk.folder, &self.cancel, |difference| match difference {
            Difference::Look { path, .. } if is_unfinished(&path) => {}
            Difference::Look { why: Why::Unsettled, .. } if !walk.retries => {}
            Difference::Look { path, stamp, age, .. } => {
                // Of a share's times we only know that they are another machine's.
                let is_still = walk.watches && age.is_some_and(|age| age >= self.quiet);
                let _ = if is_still {
                    self.candidates.push_when_there_is_room(Candidate { path, origin: Origin::Walk, tries: 0 })
                } else {
                    self.inbox.found(path, stamp)
                };
            }
            Difference::Missing(path) => {
                missing.push(path);
                if missing.len() >= BATCH {
                    match self.mark(&walk.root, &mut missing) {
                        Ok(marked) => *gone += marked,
                        Err(error) => failure = Some(error),
                    }
                }
            }
            Difference::Obstacle { path, obstacle } => match obstacle {
                Obstacle::Forbidden | Obstacle::Unreadable(_) => tracing::warn!("{}: {obstacle}", path.display()),
                Obstacle::LeftOut(_) if path == walk.root => tracing::warn!("{}: {obstacle}", path.display()),
                _ => tracing::debug!("{}: {obstacle}", path.display()),
            },
        })?;
        *gone += self.mark(&walk.root, &mut missing)?;
        failure.map_or(Ok(compared), Err)
    }

    /// Marks rows whose files are gone, unless it is the root that is.
    fn mark(&self, root: &Path, missing: &mut Vec<PathBuf>) -> Result<usize, StoreError> {
        let paths = std::mem::take(missing);
        if paths.is_empty() || !matches!(Sight::of(root), Sight::There(_)) {
            return Ok(0);
        }
        self.store.mark(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())
    }
}

/// Watches a folder of a root and all below it. Says which limit was reached, if one was.
pub(super) fn watch_below(
    listener: &SharedListener,
    selection: &Selection,
    root: &Path,
    folder: &Path,
    cancel: &Cancel,
) -> Option<&'static str> {
    let lock = || listener.lock().unwrap_or_else(PoisonError::into_inner);
    for folder in selection.folders(root, folder) {
        if cancel.is_requested() {
            return None;
        }
        // The lock is taken folder by folder: the watcher needs it too.
        match lock().as_ref().map(|listener| listener.watch(&folder)) {
            None | Some(Ok(())) => {}
            Some(Err(NotWatched::Limit(setting))) => return Some(setting),
            Some(Err(NotWatched::Other(error))) => tracing::debug!("{}: not watched: {error}", folder.display()),
        }
    }
    None
}
