//! A watcher and its workers under one configuration. A reload ends them and begins others; the database and its lock
//! stay.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::main_loop::MainLoopHandle;
use super::priority;
use super::worker_pool::WorkerPool;
use crate::config::{Config, Priority};
use crate::genre::GenreError;
use crate::pipeline::{Line, LineError, ModelVersions, Selection, Settings};
use crate::store::{Store, StoreError};
use crate::watch::{Plan, Watcher};

/// A configuration that the service cannot work with.
#[derive(Debug, thiserror::Error)]
pub enum WatchSetupError {
    /// Nothing to watch.
    #[error("no folder to watch: name one (`reclassd watch ~/Music`), or set [library] roots in the configuration")]
    NoRoots,
    /// A glob pattern that is none.
    #[error("[library] exclude: {0}")]
    Exclude(#[from] globset::Error),
    /// Genre names that cannot be used.
    #[error(transparent)]
    Genre(#[from] GenreError),
    /// Models that cannot be had.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No threads can be had.
    #[error("no thread can be started: {0}")]
    Threads(std::io::Error),
}

/// All that a running watch needs, tried out.
pub(super) struct PreparedWatch {
    config: Config,
    plan: Plan,
    line: Arc<Line>,
}

impl PreparedWatch {
    /// Tries a configuration out: its models load, its patterns and names are valid.
    pub(super) fn new(config: Config, store: &Arc<Store>) -> Result<Self, WatchSetupError> {
        if config.library.roots.is_empty() {
            return Err(WatchSetupError::NoRoots);
        }
        let selection = Selection::new(&config.library)?;
        let line = Arc::new(Line::new(&config, Settings::new(&config)?, Arc::clone(store))?);
        let plan = Plan {
            roots: outermost(&config.library.roots),
            selection,
            fingerprints: line.fingerprints().clone(),
            quiet: Duration::from_secs(config.library.settle_seconds.into()),
            watch: config.watch.clone(),
        };
        Ok(Self { config, plan, line })
    }
}

/// Leaves out folders that are named twice or lie in another one.
fn outermost(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::new();
    let mut roots = roots.to_vec();
    roots.sort();
    for root in roots {
        if !kept.iter().any(|outer| root.starts_with(outer)) {
            kept.push(root);
        }
    }
    kept
}

/// A watcher and its workers, at work.
pub(super) struct RunningWatch {
    pub(super) config: Config,
    pub(super) model_versions: ModelVersions,
    pub(super) watcher: Watcher,
    pub(super) workers: WorkerPool,
}

impl RunningWatch {
    /// Cleans up after a crash, and begins.
    pub(super) fn begin(
        prepared: PreparedWatch,
        store: &Arc<Store>,
        main_loop: &MainLoopHandle,
    ) -> Result<Self, WatchSetupError> {
        let PreparedWatch { config, plan, line } = prepared;
        line.recover()?;
        let model_versions = line.model_versions();
        let is_idle = config.watch.priority == Priority::Idle;
        let lower = move || {
            if is_idle {
                priority::lower_this_thread();
            }
        };
        let watcher = Watcher::start(plan, Arc::clone(store), Arc::clone(&main_loop.watch_status), lower);
        let watcher = watcher.map_err(WatchSetupError::Threads)?;
        let candidates = Arc::clone(watcher.candidates());
        let workers = WorkerPool::start(&config, line, Arc::clone(store), candidates, main_loop)
            .map_err(WatchSetupError::Threads)?;
        Ok(Self { config, model_versions, watcher, workers })
    }

    /// Ends: no new file is begun, writes in flight are finished. `false` when some thread did not end in time; what it
    /// does is then cut off with the process, which harms no file.
    pub(super) async fn end(&self, limit: Duration) -> bool {
        self.watcher.stop();
        self.workers.stop();
        let deadline = Instant::now() + limit;
        while !(self.watcher.has_ended() && self.workers.has_ended()) {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_within_a_root_is_watched_once() {
        let roots = ["/m/a", "/m", "/m b", "/m"].map(PathBuf::from);
        assert_eq!(outermost(&roots), ["/m", "/m b"].map(PathBuf::from));
    }
}
