//! Why there is no playlist: what was asked for makes no sense, or the file cannot or must not be written.

use std::fmt;
use std::path::PathBuf;

use crate::genre::GenreError;
use crate::store::StoreError;

/// A playlist cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PlaylistError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The taxonomy cannot be read.
    #[error(transparent)]
    Genre(#[from] GenreError),
    /// What was asked for is not understood.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A file is there that this program did not write.
    #[error("{}: is there, and no playlist of reclassd's: it stays as it is; choose another name, or write over it with --force", .0.display())]
    Foreign(PathBuf),
    /// The file cannot be read or written.
    #[error("{}: cannot be written: {source}; check its folder", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What is wrong in a text that says which tracks or in which order, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// The text.
    pub text: String,
    /// Where, in bytes from its start.
    pub at: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl std::error::Error for QueryError {}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.text.get(..self.at).unwrap_or(&self.text).chars().count();
        let shown: String = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        write!(f, "{} (character {})\n    {shown}\n    {:before$}^", self.what, before + 1, "")
    }
}
