//! What waits for the owner's decision: filters and orders as values, and pages that begin where the last one ended.
//!
//! A page is found by the key of the row before it (keyset pagination), along an index of its order, so that the
//! hundred thousandth row costs what the first does. Nothing is decided here: which view is asked for, and what happens
//! to a row, is the desk's.

mod counting;
mod cursor;
mod paging;
mod row;
mod terms;
mod word_index;

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::{Store, StoreError, path_bytes};

pub use cursor::{NoCursor, QueueCursor};
pub use paging::Effort;
pub use row::QueuedTrack;
pub(super) use row::{Raw, by_number};
pub(super) use word_index::WordIndex;

/// The number of a file's row: shorter than its path, and the same after a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub i64);

/// Which files a view is of. Files that are gone are in none, and files that the owner decided about only in the one
/// that is of them and in that of the whole library.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum QueueSet {
    /// Those whose genre was not written because the vote was unsure.
    #[default]
    Unsure,
    /// Of those, the ones that sound like speech or noise.
    NotMusic,
    /// Those that carry a genre of ours, for second thoughts.
    Tagged,
    /// Those from which a genre of ours was taken back or out, and which are left alone since.
    TakenOut,
    /// Every file that was analysed, whatever became of it.
    Analysed,
    /// The same, with those that the owner decided about.
    Library,
}

/// What narrows a view down. The default narrows nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueFilter {
    /// Which files.
    pub set: QueueSet,
    /// A confidence below this, 0 to 1.
    pub below: Option<f32>,
    /// A confidence of at least this.
    pub above: Option<f32>,
    /// The first genre of the vote is one of these words, in any case; empty: any.
    pub genres: Vec<String>,
    /// This file, or what lies below this folder.
    pub path: Option<PathBuf>,
    /// First seen at this moment or later, in seconds since 1970.
    pub added_since: Option<i64>,
    /// Only where the models name different genres.
    pub disagree: bool,
    /// Each of these words is one of the path's, the artist's, the title's, the album's or the genre's; the last may be
    /// the beginning of one.
    pub text: String,
}

/// In which order the files of a view come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum QueueOrder {
    /// What teaches most first, as far as that is known ([`Store::give_turns`]), then the least sure, since those the
    /// program will not get right without help; what sounds like no music comes last, since there is little to be
    /// decided about it.
    #[default]
    Worth,
    /// The least sure first.
    Confidence,
    /// By the bytes of the path: album by album.
    Path,
    /// The newest first.
    Added,
}

/// A filter and an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueView {
    /// Which files.
    pub filter: QueueFilter,
    /// In which order.
    pub order: QueueOrder,
    /// The other way round.
    pub reversed: bool,
}

/// A place in a view from which a page is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QueuePlace<'a> {
    /// The first rows.
    Start,
    /// The rows behind this one.
    After(&'a QueueCursor),
    /// The rows before this one.
    Before(&'a QueueCursor),
    /// The last rows.
    End,
}

/// A page of a view. It may hold fewer rows than were asked for, and none, where files were found to be gone or where
/// it was looked no further.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueuePage {
    /// The rows, in the order of the view.
    pub rows: Vec<QueuedTrack>,
    /// The key of the first row that was looked at; none where there was none.
    pub first: Option<QueueCursor>,
    /// The key of the last one.
    pub last: Option<QueueCursor>,
    /// Whether the view goes on in the direction in which the page was read.
    pub goes_on: bool,
}

impl Store {
    /// The row of a file that was analysed, whether or not it waits for anything.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn queued(&self, path: &Path) -> Result<Option<QueuedTrack>, StoreError> {
        let raw = row::by_path(&self.reading(), path_bytes(path)).map_err(|e| self.error(e))?;
        raw.map(|raw| raw.check(self)).transpose()
    }

    /// The same by the number of the row.
    ///
    /// # Errors
    /// As for [`queued`](Self::queued).
    pub fn queued_by_id(&self, id: TrackId) -> Result<Option<QueuedTrack>, StoreError> {
        let raw = by_number(&self.reading(), id).map_err(|e| self.error(e))?;
        raw.map(|raw| raw.check(self)).transpose()
    }

    /// Notes whether the models named different genres for a file.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn note_difference(&self, path: &Path, models_differ: bool) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE track SET models_differ = ?2 WHERE path = ?1";
        self.execute(SQL, params![path_bytes(path), models_differ])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests;
