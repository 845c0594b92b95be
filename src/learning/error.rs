//! Why nothing could be learned, as far as that is no finding but a failure.

use std::path::PathBuf;

use crate::genre::GenreError;
use crate::inference::InferenceError;
use crate::pipeline::LineError;
use crate::store::StoreError;

/// Learning, or what was learned, failed.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The models that the configuration asks for cannot be had.
    #[error(transparent)]
    Line(#[from] LineError),
    /// What is remembered contradicts the taxonomy.
    #[error(transparent)]
    Genre(#[from] GenreError),
    /// What was learned cannot be read, or does not run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// Another process learns from the same library just now.
    #[error("{}: another `reclassd learn` is at work on this library; wait until it is done", .folder.display())]
    Busy {
        /// The folder of what was learned.
        folder: PathBuf,
    },
    /// A file or a folder of what was learned cannot be written.
    #[error("{}: cannot be written: {source}; what was learned before stays as it is", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no generation to go back to.
    #[error("nothing was learned before generation {current}: `reclassd learn --forget` does without what was learned")]
    NothingBefore {
        /// The generation in use.
        current: u32,
    },
    /// Nothing was learned at all.
    #[error("nothing was learned from this library yet: `reclassd learn` does")]
    NothingLearned,
}
