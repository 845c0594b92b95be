//! Which files the database knows in a folder, page by page, and which of them are gone.
//!
//! A comparison of a library with the database reads rows in the order of their paths and never holds more than a page
//! of them. A file counts as gone only if its path says so itself, see [`is_gone`]; its row and its history stay,
//! marked.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::moves::{end_history, is_gone};
use super::{Store, StoreError, TrackStatus, path_bytes, path_from_bytes, stamp, unix_now};
use crate::tagging::FileStamp;

/// What the database knows of a file, as far as it takes to tell whether it has to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownFile {
    /// The file.
    pub path: PathBuf,
    /// Its size, time and inode when it was last settled.
    pub stamp: FileStamp,
    /// Fingerprint of the settings that settled it; `None` asks for another look.
    pub settled_by: Option<String>,
    /// Whether it was found to be gone.
    pub is_gone: bool,
}

/// How many files of each status lie in a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs)] // the words of `TrackStatus`
pub struct StatusCounts {
    pub tagged: u64,
    pub kept: u64,
    pub unsure: u64,
    pub skipped: u64,
    pub failed: u64,
    /// Files that are gone.
    pub gone: u64,
}

impl StatusCounts {
    /// Counts files of a status, or that are gone, by the word of a tally; it may be one of a newer program.
    pub(super) fn add_word(&mut self, word: &str, files: u64) {
        let counter = match TrackStatus::parse(word) {
            _ if word == "gone" => &mut self.gone,
            Some(TrackStatus::Tagged) => &mut self.tagged,
            Some(TrackStatus::Kept) => &mut self.kept,
            Some(TrackStatus::Unsure) => &mut self.unsure,
            Some(TrackStatus::Skipped) => &mut self.skipped,
            Some(TrackStatus::Failed) | None => &mut self.failed,
        };
        *counter += files;
    }

    /// Adds what was counted elsewhere.
    pub(super) fn add_all(&mut self, other: &Self) {
        let Self { tagged, kept, unsure, skipped, failed, gone } = other;
        self.tagged += tagged;
        self.kept += kept;
        self.unsure += unsure;
        self.skipped += skipped;
        self.failed += failed;
        self.gone += gone;
    }

    /// All files that are there.
    pub fn all(&self) -> u64 {
        self.tagged + self.kept + self.unsure + self.skipped + self.failed
    }
}

/// The rows of all that lies in a folder, as a range of their paths: every path between these two, both left out.
pub(super) fn range_below(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let mut first = path_bytes(folder).to_vec();
    if first.last() != Some(&b'/') {
        first.push(b'/');
    }
    let mut end = first.clone();
    // The slash's successor: what begins with `folder/` lies before it.
    if let Some(last) = end.last_mut() {
        *last = b'/' + 1;
    }
    (first, end)
}

/// Files marked in one transaction.
const PAGE: usize = 1000;

impl Store {
    /// The next rows of files in a folder and all below it, in the order of their paths' bytes: at most `limit` of
    /// them, behind `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn known_files(&self, folder: &Path, after: Option<&Path>, limit: usize) -> Result<Vec<KnownFile>, StoreError> {
        let (first, end) = range_below(folder);
        let after = after.map_or(first.as_slice(), path_bytes);
        let connection = self.reading();
        let read = || -> rusqlite::Result<Vec<KnownFile>> {
            let mut statement = connection.prepare_cached(
                "SELECT path, size, mtime_seconds, mtime_nanos, inode, device, settled_by, gone_at IS NOT NULL
                 FROM track WHERE path > ?1 AND path < ?2 ORDER BY path LIMIT ?3",
            )?;
            let rows = statement.query_map(params![after, end, limit as i64], |row| {
                Ok(KnownFile {
                    path: path_from_bytes(row.get(0)?),
                    stamp: stamp::read(row, 1)?,
                    settled_by: row.get(6)?,
                    is_gone: row.get(7)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|e| self.error(e))
    }

    /// Marks the rows of a path, and of all below it, whose files are gone. Says how many were marked now. Whoever
    /// calls has made sure that the disk is there; the file system of each row is compared all the same.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn mark_gone(&self, path: &Path) -> Result<usize, StoreError> {
        let mut marked = self.mark(&[path])?;
        let mut after: Option<PathBuf> = None;
        loop {
            let page = self.known_files(path, after.as_deref(), PAGE)?;
            let present: Vec<&Path> = page.iter().filter(|k| !k.is_gone).map(|k| k.path.as_path()).collect();
            marked += self.mark(&present)?;
            match page.into_iter().next_back() {
                Some(last) => after = Some(last.path),
                None => return Ok(marked),
            }
        }
    }

    /// Marks those of these files that are gone, and says how many.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn mark(&self, paths: &[&Path]) -> Result<usize, StoreError> {
        if paths.is_empty() {
            return Ok(0);
        }
        self.transact(self.results(), |transaction| {
            let mut find =
                transaction.prepare_cached("SELECT device FROM track WHERE path = ?1 AND gone_at IS NULL")?;
            // Unsettled: a file that comes back is looked at, whatever its time says.
            let mut mark = transaction.prepare_cached(
                "UPDATE track SET gone_at = ?2, settled_by = NULL WHERE path = ?1 AND gone_at IS NULL",
            )?;
            let mut marked = 0;
            for path in paths {
                let mut rows = find.query([path_bytes(path)])?;
                let Some(device) = rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()? else { continue };
                if is_gone(path, device as u64) {
                    marked += mark.execute(params![path_bytes(path), unix_now()])?;
                    end_history(transaction, path, unix_now())?;
                }
            }
            Ok(marked)
        })
    }

    /// Whether the database knows any file below a folder that was there when last looked at.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn knows_files_below(&self, folder: &Path) -> Result<bool, StoreError> {
        let (first, end) = range_below(folder);
        let connection = self.reading();
        let ask = || -> rusqlite::Result<bool> {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM track WHERE path > ?1 AND path < ?2 AND gone_at IS NULL)",
                )?
                .query_row(params![first, end], |row| row.get(0))
        };
        ask().map_err(|e| self.error(e))
    }

    /// How many files of each status lie below a folder.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn count_below(&self, folder: &Path) -> Result<StatusCounts, StoreError> {
        super::folders::below(&self.reading(), folder).map_err(|e| self.error(e))
    }

    /// Gives back the memory that the database's caches hold.
    pub fn shrink(&self) {
        for connection in [self.results(), self.durable()] {
            connection.flush_prepared_statement_cache();
            if let Err(error) = connection.execute_batch("PRAGMA shrink_memory") {
                tracing::debug!("cannot shrink the database's caches: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::TrackUpdate;
    use crate::store::tests::{fresh, waiting};

    fn record(store: &Store, path: &Path, stamp: FileStamp) {
        store.record_track(&TrackUpdate { stamp, ..waiting(path) }).unwrap();
    }

    fn names(store: &Store, folder: &str) -> Vec<String> {
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page = store.known_files(Path::new(folder), after.as_deref(), 2).unwrap();
            let Some(last) = page.last() else { return names };
            after = Some(last.path.clone());
            names.extend(page.iter().map(|known| known.path.display().to_string()));
        }
    }

    #[test]
    fn the_files_of_a_folder_come_page_by_page_and_its_neighbours_do_not() {
        let (_folder, store) = fresh();
        let stamp = FileStamp::of(Path::new("/")).unwrap();
        for path in ["/m/b.mp3", "/m/a/1.mp3", "/m/a.mp3", "/m/a b/1.mp3", "/m2/x.mp3", "/m.mp3", "/l/x.mp3"] {
            record(&store, Path::new(path), stamp);
        }
        assert_eq!(names(&store, "/m"), ["/m/a b/1.mp3", "/m/a.mp3", "/m/a/1.mp3", "/m/b.mp3"]);
        assert_eq!(names(&store, "/").len(), 7);
        assert_eq!(store.count_below(Path::new("/m")).unwrap(), StatusCounts { unsure: 4, ..Default::default() });
    }

    #[test]
    fn what_was_deleted_is_marked_and_comes_back_with_its_file() {
        let (folder, store) = fresh();
        let music = folder.path().join("album");
        std::fs::create_dir(&music).unwrap();
        let paths = ["1.mp3", "2.mp3"].map(|name| music.join(name));
        for path in &paths {
            std::fs::write(path, "x").unwrap();
            record(&store, path, FileStamp::of(path).unwrap());
        }
        assert_eq!(store.mark_gone(&music).unwrap(), 0, "all are there");
        std::fs::remove_file(&paths[0]).unwrap();
        assert_eq!(store.mark_gone(&music).unwrap(), 1);
        assert_eq!(store.track(&paths[0]).unwrap().unwrap().settled_by, None);
        std::fs::remove_dir_all(&music).unwrap();
        assert_eq!((store.mark_gone(&music).unwrap(), store.mark_gone(&music).unwrap()), (1, 0));
        assert!(!store.knows_files_below(&music).unwrap());
        record(&store, &paths[0], FileStamp::of(folder.path()).unwrap());
        assert_eq!(store.count_below(&music).unwrap(), StatusCounts { unsure: 1, gone: 1, ..Default::default() });
    }

    #[test]
    fn files_on_a_disk_that_is_not_mounted_are_not_gone() {
        let (folder, store) = fresh();
        let path = folder.path().join("1.mp3");
        let here = FileStamp::of(folder.path()).unwrap();
        record(&store, &path, FileStamp { device: here.device + 1, ..here });
        assert_eq!(store.mark_gone(folder.path()).unwrap(), 0);
    }
}
