//! What was done lately, the latest first: writes of the journal, and files that were looked at.

use std::path::PathBuf;

use rusqlite::{Row, params};

use super::{Store, StoreError, TrackId, TrackStatus, path_from_bytes};
use crate::tagging::{Cause, EntryId};

/// A write that was committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its number in the journal.
    pub id: EntryId,
    /// The file's row, where there is one.
    pub track: Option<TrackId>,
    /// The file.
    pub path: PathBuf,
    /// Whose write it was.
    pub cause: Cause,
    /// When it began, in seconds since 1970.
    pub at: i64,
    /// Whether it was taken back since.
    pub is_undone: bool,
    /// The genre before.
    pub before: Vec<String>,
    /// The genre after.
    pub after: Vec<String>,
}

/// A file that was looked at lately.
#[derive(Debug, Clone, PartialEq)]
pub struct LateFile {
    /// Its row.
    pub id: TrackId,
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    pub status: TrackStatus,
    /// The first genre of the vote.
    pub genre: Option<String>,
    /// Its confidence, 0 to 1.
    pub confidence: Option<f32>,
    /// When it was recorded, in seconds since 1970.
    pub at: i64,
}

impl Store {
    /// The writes that were committed, the latest first: at most `limit`, before an entry if one is named.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn changes(&self, before: Option<EntryId>, limit: usize) -> Result<Vec<Change>, StoreError> {
        type Raw = (i64, Option<i64>, Vec<u8>, String, i64, Option<i64>, String, String);
        let list = || -> rusqlite::Result<Vec<Raw>> {
            let connection = self.reading();
            let mut statement = connection.prepare_cached(
                "SELECT id, (SELECT id FROM track WHERE track.path = journal.path), path, cause, begun_at, undone_by,
                        genre_before, genre_after
                 FROM journal WHERE state = 'committed' AND id < ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let read = |row: &Row<'_>| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                ))
            };
            let before = before.map_or(i64::MAX, |entry| entry.0);
            statement.query_map(params![before, limit as i64], read)?.collect()
        };
        let change = |(id, track, path, cause, at, undone_by, before, after): Raw| {
            Ok(Change {
                id: EntryId(id),
                track: track.map(TrackId),
                path: path_from_bytes(path),
                cause: self.parse(&cause)?,
                at,
                // 0 marks entries from before an undo was possible.
                is_undone: undone_by.is_some_and(|by| by != 0),
                before: self.parse(&before)?,
                after: self.parse(&after)?,
            })
        };
        list().map_err(|e| self.error(e))?.into_iter().map(change).collect()
    }

    /// The files that were recorded since a moment (in seconds since 1970), the latest first: at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn late_files(&self, since: i64, limit: usize) -> Result<Vec<LateFile>, StoreError> {
        type Raw = (i64, Vec<u8>, String, Option<String>, Option<f64>, i64);
        let list = || -> rusqlite::Result<Vec<Raw>> {
            let connection = self.reading();
            let mut statement = connection.prepare_cached(
                "SELECT id, path, status, genre, confidence, seen_at FROM track WHERE seen_at >= ?1
                 ORDER BY seen_at DESC, id DESC LIMIT ?2",
            )?;
            let read =
                |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?));
            statement.query_map(params![since, limit as i64], read)?.collect()
        };
        let file = |(id, path, status, genre, confidence, at): Raw| {
            let malformed = || StoreError::Malformed { path: self.path.clone(), what: "track status" };
            Ok(LateFile {
                id: TrackId(id),
                path: path_from_bytes(path),
                status: TrackStatus::parse(&status).ok_or_else(malformed)?,
                genre,
                confidence: confidence.map(|confidence| confidence as f32),
                at,
            })
        };
        list().map_err(|e| self.error(e))?.into_iter().map(file).collect()
    }
}
