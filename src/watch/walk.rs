//! What the walker is asked for, and what it answers.

use std::path::PathBuf;

use crate::pipeline::Compared;

/// A folder to compare.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// The root that it lies in.
    pub(super) root: PathBuf,
    /// The folder.
    pub(super) folder: PathBuf,
    /// Whether its folders are to be watched as well.
    pub(super) watches: bool,
    /// Whether what could not be settled is to be tried again.
    pub(super) retries: bool,
}

/// A comparison that ended.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) walk: Walk,
    /// Which limit kept folders from being watched.
    pub(super) limit: Option<&'static str>,
    /// What it came upon; nothing where it was cancelled or the database failed.
    pub(super) compared: Option<Compared>,
    /// Rows that were marked as gone.
    pub(super) gone: usize,
}
