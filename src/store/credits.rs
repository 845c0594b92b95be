//! What the tags of a file say it is, kept with its row, so that a list of many files opens none of them.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::{Store, StoreError, TrackId, path_bytes, path_from_bytes, unix_now};
use crate::tagging::Credits;

const NOTE: &str = "UPDATE track SET artist = ?2, title = ?3, album = ?4, credits_at = ?5 WHERE path = ?1";

impl Store {
    /// Keeps what the tags of a file say.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn note_credits(&self, path: &Path, credits: &Credits) -> Result<(), StoreError> {
        const KNOWN: &str =
            "SELECT EXISTS (SELECT 1 FROM track WHERE path = ?1 AND (artist, title, album) IS (?2, ?3, ?4)
             AND credits_at IS NOT NULL)";
        let Credits { artist, title, album } = credits;
        let is_known = {
            let connection = self.reading();
            let ask = || -> rusqlite::Result<bool> {
                let values = params![path_bytes(path), artist, title, album];
                connection.prepare_cached(KNOWN)?.query_row(values, |row| row.get(0))
            };
            ask().map_err(|e| self.error(e))?
        };
        // Whoever only looks at a track waits for no writer.
        if is_known { Ok(()) } else { self.execute(NOTE, params![path_bytes(path), artist, title, album, unix_now()]) }
    }

    /// Keeps what the tags of many files say, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn note_all_credits(&self, files: &[(PathBuf, Credits)]) -> Result<(), StoreError> {
        self.transact(self.results(), |transaction| {
            let mut statement = transaction.prepare_cached(NOTE)?;
            let mut note = |(path, Credits { artist, title, album }): &(PathBuf, Credits)| {
                statement.execute(params![path_bytes(path), artist, title, album, unix_now()]).map(|_| ())
            };
            files.iter().try_for_each(&mut note)
        })
    }

    /// Analysed files whose tags were not read for this yet, behind a row's number; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn without_credits(&self, after: TrackId, limit: usize) -> Result<Vec<(TrackId, PathBuf)>, StoreError> {
        let connection = self.reading();
        let list = || -> rusqlite::Result<Vec<(TrackId, PathBuf)>> {
            let mut statement = connection.prepare_cached(
                "SELECT id, path FROM track INDEXED BY track_uncredited
                 WHERE credits_at IS NULL AND confidence IS NOT NULL AND id > ?1 AND gone_at IS NULL ORDER BY id LIMIT ?2",
            )?;
            let row = |row: &rusqlite::Row<'_>| Ok((TrackId(row.get(0)?), path_from_bytes(row.get(1)?)));
            statement.query_map(params![after.0, limit as i64], row)?.collect()
        };
        list().map_err(|e| self.error(e))
    }
}
