//! Whose turn it is to be asked about, and what answers about files that sound alike suggest: both are kept with the
//! row, so that a page of the queue is read along an index. Who decides about them is `learning`'s.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::{AudioKey, Store, StoreError, path_bytes, path_from_bytes};

/// A file that waits for a decision, as far as it takes to compare it with another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingTrack {
    /// The file.
    pub path: PathBuf,
    /// Its audio.
    pub audio: AudioKey,
    /// The album in its tags, where that is known.
    pub album: Option<String>,
}

/// Turns of files that something was suggested for come before all others.
const SUGGESTED: f64 = -2.0;

impl Store {
    /// Gives these files their turns, the first one first, and takes all others back. What was suggested comes before
    /// them.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn give_turns(&self, paths: &[PathBuf]) -> Result<(), StoreError> {
        self.transact(self.results(), |transaction| {
            transaction.execute("UPDATE track SET turn = NULL WHERE turn IS NOT NULL AND suggested IS NULL", [])?;
            let mut give =
                transaction.prepare_cached("UPDATE track SET turn = ?2 WHERE path = ?1 AND suggested IS NULL")?;
            let n = paths.len().max(1) as f64;
            let turn =
                |(i, path): (usize, &PathBuf)| give.execute(params![path_bytes(path), i as f64 / n - 1.0]).map(|_| ());
            paths.iter().enumerate().try_for_each(turn)
        })
    }

    /// Takes all suggestions back: what was learned since knows better.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn forget_suggestions(&self) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE track SET turn = NULL, suggested = NULL WHERE turn IS NOT NULL AND suggested IS NOT NULL";
        self.execute(SQL, [])
    }

    /// Suggests genres for files that wait, and brings them forward.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn suggest(&self, paths: &[PathBuf], genres: &[String]) -> Result<(), StoreError> {
        let words = serde_json::to_string(genres).unwrap_or_default();
        self.transact(self.results(), |transaction| {
            let mut suggest =
                transaction.prepare_cached("UPDATE track SET turn = ?2, suggested = ?3 WHERE path = ?1")?;
            paths.iter().try_for_each(|path| suggest.execute(params![path_bytes(path), SUGGESTED, words]).map(|_| ()))
        })
    }

    /// Files that wait for a decision: those in a folder, and of all others the first ones in the order of the queue;
    /// at most `limit` each.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn waiting(&self, folder: &Path, limit: usize) -> Result<Vec<WaitingTrack>, StoreError> {
        let columns = "SELECT path, audio, album FROM track WHERE gone_at IS NULL";
        let inside = format!(
            "{columns} AND path >= ?1 AND path < ?2 AND +status = 'unsure' AND audio IS NOT NULL AND decided = 0 LIMIT ?3"
        );
        let first = format!(
            "{columns} AND status = 'unsure' AND not_music = 0 AND audio IS NOT NULL AND decided = 0 ORDER BY worth LIMIT ?1"
        );
        let (start, end) = super::presence::range_below(folder);
        let connection = self.reading();
        let list = || -> rusqlite::Result<Vec<WaitingTrack>> {
            let row = |row: &rusqlite::Row<'_>| {
                Ok(WaitingTrack {
                    path: path_from_bytes(row.get(0)?),
                    audio: AudioKey(row.get(1)?),
                    album: row.get(2)?,
                })
            };
            let mut statement = connection.prepare_cached(&inside)?;
            let mut found: Vec<WaitingTrack> =
                statement.query_map(params![start, end, limit as i64], row)?.collect::<Result<_, _>>()?;
            let mut statement = connection.prepare_cached(&first)?;
            for track in statement.query_map(params![limit as i64], row)? {
                found.push(track?);
            }
            found.sort_by(|a, b| a.path.cmp(&b.path));
            found.dedup();
            Ok(found)
        };
        list().map_err(|e| self.error(e))
    }
}
