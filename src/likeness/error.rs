//! Why nothing can be said of what sounds alike.

use std::path::PathBuf;

use crate::genre::GenreError;
use crate::pipeline::LineError;
use crate::store::StoreError;

/// Nothing can be said of what sounds alike.
#[derive(Debug, thiserror::Error)]
pub enum LikenessError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The models that the configuration asks for cannot be had.
    #[error(transparent)]
    Line(#[from] LineError),
    /// What is remembered contradicts the taxonomy.
    #[error(transparent)]
    Genre(#[from] GenreError),
    /// No track was analysed.
    #[error("no track was analysed yet: `reclassd scan FOLDER` does (with --dry-run it writes nothing)")]
    Nothing,
    /// Tracks were analysed, but no model that is in use described any.
    #[error(
        "no track was described by a model that is in use: all were analysed by other models or an older version, or by the first stage of a progressive vote alone; `reclassd scan --force --dry-run FOLDER` listens again"
    )]
    NotDescribed,
    /// The file beside the database cannot be read.
    #[error("{}: cannot be read: {source}; it can be deleted, and is made again", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file beside the database cannot be written.
    #[error("{}: cannot be written: {source}; make room, or let the database's folder be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
