//! Why the desk cannot do what was asked of it.

use std::path::PathBuf;

use crate::genre::GenreError;
use crate::pipeline::HandError;
use crate::store::StoreError;

/// Why a correction was not made.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The file cannot be read or written, or another process works on it.
    #[error(transparent)]
    Hand(#[from] HandError),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A genre's name cannot be used.
    #[error(transparent)]
    Genre(#[from] GenreError),
    /// There is no guess to accept.
    #[error("{path}: there is no guess to accept: it was not analysed, or sounds like no music; scan it first, or set a genre", path = .0.display())]
    NotAnalysed(PathBuf),
    /// The file was written again after the correction.
    #[error("{path}: was written again since; `reclassd history` shows it, `reclassd undo` takes it back", path = .0.display())]
    WrittenSince(PathBuf),
    /// A correction without a genre.
    #[error("no genre was named; to leave a file without one for good, leave it alone")]
    NoGenre,
}
