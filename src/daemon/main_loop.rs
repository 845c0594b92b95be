//! What threads tell the main loop, and by which way.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use crate::pipeline::{ModelVersions, Report, StageTimes};
use crate::store::StoreError;
use crate::watch::{Candidate, SharedWatchStatus};

/// What the threads of a running watch talk to the main loop by.
#[derive(Clone)]
pub(super) struct MainLoopHandle {
    pub(super) done: mpsc::Sender<Processed>,
    pub(super) changed: Arc<Notify>,
    pub(super) watch_status: Arc<SharedWatchStatus>,
}

/// What became of a candidate.
pub(super) struct Processed {
    pub(super) candidate: Candidate,
    pub(super) outcome: Result<(Report, StageTimes), Obstacle>,
}

/// What kept a candidate from the end of the line, other than its file.
pub(super) enum Obstacle {
    /// The database is not at its place any more.
    Lost(StoreError),
    /// The models were loaded again, and are others than those that the watch began with.
    OtherModels(ModelVersions),
    /// It would keep back every file.
    Everything(String),
    /// It is about this file.
    ThisFile(String),
}

impl From<StoreError> for Obstacle {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Lost { .. } => Obstacle::Lost(error),
            error if error.is_about_one_file() => Obstacle::ThisFile(error.to_string()),
            error => Obstacle::Everything(error.to_string()),
        }
    }
}
