//! The library by folders: what lies in one, and how many files of which status lie below each. Folders are no rows: they are told from
//! the paths of the files, along the index of paths.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::presence::range_below;
use super::{StatusCounts, Store, StoreError, TrackStatus, path_from_bytes};

/// A folder and what lies below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderCounts {
    /// The folder.
    pub path: PathBuf,
    /// Files at any depth below it.
    pub files: StatusCounts,
}

/// Folders in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderPage {
    /// In the order of their names' bytes.
    pub folders: Vec<FolderCounts>,
    /// Files right in the folder, in the stretch of names that the page is of; those that are gone left out.
    pub files: u64,
    /// The folder to go on behind, if there are more.
    pub next: Option<PathBuf>,
}

/// Folders with so many files below them that they are not counted each time they are asked for.
#[derive(Debug, Clone, Default)]
pub struct LargeFolders(HashMap<PathBuf, StatusCounts>);

/// Files from which a folder counts as large.
const LARGE: u64 = 500;

impl LargeFolders {
    /// What lies below a folder, if that is much.
    pub fn below(&self, folder: &Path) -> Option<StatusCounts> {
        self.0.get(folder).copied()
    }
}

impl Store {
    /// Counts what lies below every folder, and keeps what is large: one pass over all paths, which never holds more than one branch.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn large_folders(&self) -> Result<LargeFolders, StoreError> {
        let connection = self.reading();
        let count = || -> rusqlite::Result<LargeFolders> {
            let mut statement =
                connection.prepare_cached("SELECT path, status, gone_at IS NOT NULL FROM track ORDER BY path")?;
            let mut rows = statement.query([])?;
            let mut large = HashMap::new();
            let mut branch: Vec<(PathBuf, StatusCounts)> = Vec::new();
            let mut close = |branch: &mut Vec<(PathBuf, StatusCounts)>| {
                let Some((path, counts)) = branch.pop() else { return };
                if let Some((_, above)) = branch.last_mut() {
                    above.add_all(&counts);
                }
                if counts.all() >= LARGE {
                    large.insert(path, counts);
                }
            };
            while let Some(row) = rows.next()? {
                let path = path_from_bytes(row.get(0)?);
                let Some(folder) = path.parent() else { continue };
                // All that lies below a folder comes in a row: its paths begin alike.
                while branch.last().is_some_and(|(open, _)| !folder.starts_with(open)) {
                    close(&mut branch);
                }
                let opened = branch.last().map_or(0, |(open, _)| open.components().count());
                let above: Vec<&Path> = folder.ancestors().collect();
                for folder in above.iter().rev().skip(opened) {
                    branch.push((folder.to_path_buf(), StatusCounts::default()));
                }
                if let Some((_, counts)) = branch.last_mut() {
                    let status: String = row.get(1)?;
                    counts.add(TrackStatus::parse(&status), row.get(2)?, 1);
                }
            }
            while !branch.is_empty() {
                close(&mut branch);
            }
            Ok(LargeFolders(large))
        };
        count().map_err(|e| self.error(e))
    }

    /// The folders in a folder, behind one of them if it is named: at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn folders(
        &self,
        folder: &Path,
        after: Option<&Path>,
        limit: usize,
        large: &LargeFolders,
    ) -> Result<FolderPage, StoreError> {
        let connection = self.reading();
        let list = || -> rusqlite::Result<FolderPage> {
            let (first, end) = range_below(folder);
            let mut page = FolderPage::default();
            let mut at = after.map_or_else(|| first.clone(), |after| range_below(after).1);
            // Along the index of paths: a unary plus keeps another term from choosing one.
            // The first path from here on that has another slash is in the next folder. What lies before it is right in this one, and
            // behind all that lies in the next comes the one after.
            let mut next = connection.prepare_cached(
                "SELECT path FROM track WHERE path >= ?1 AND path < ?2 AND +gone_at IS NULL
                 AND instr(substr(path, ?3), x'2f') > 0 ORDER BY path LIMIT 1",
            )?;
            let mut between = connection
                .prepare_cached("SELECT count(*) FROM track WHERE path >= ?1 AND path < ?2 AND +gone_at IS NULL")?;
            loop {
                let found = params![at, end, first.len() as i64 + 1];
                let found: Option<Vec<u8>> = next.query_row(found, |row| row.get(0)).optional()?;
                let before = found.as_ref().unwrap_or(&end);
                page.files += between.query_row(params![at, before], |row| row.get::<_, i64>(0))? as u64;
                let Some(found) = found else { return Ok(page) };
                let name = found[first.len()..].split(|byte| *byte == b'/').next().unwrap_or_default();
                let child = folder.join(std::ffi::OsStr::from_bytes(name));
                if page.folders.len() == limit {
                    page.next = page.folders.last().map(|last| last.path.clone());
                    return Ok(page);
                }
                at = range_below(&child).1;
                let files = match large.below(&child) {
                    Some(files) => files,
                    None => below(&connection, &child)?,
                };
                page.folders.push(FolderCounts { path: child, files });
            }
        };
        list().map_err(|e| self.error(e))
    }
}

fn below(connection: &Connection, folder: &Path) -> rusqlite::Result<StatusCounts> {
    let (first, end) = range_below(folder);
    let mut statement = connection.prepare_cached(
        "SELECT status, gone_at IS NOT NULL, count(*) FROM track WHERE path > ?1 AND path < ?2 GROUP BY 1, 2",
    )?;
    let mut rows = statement.query(params![first, end])?;
    let mut counts = StatusCounts::default();
    while let Some(row) = rows.next()? {
        let status: String = row.get(0)?;
        counts.add(TrackStatus::parse(&status), row.get(1)?, row.get::<_, i64>(2)? as u64);
    }
    Ok(counts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::store::TrackUpdate;
    use crate::store::tests::fresh;
    use crate::tagging::FileStamp;

    fn record(store: &Store, path: &str) {
        let stamp = FileStamp { size: 1, mtime_seconds: 2, mtime_nanoseconds: 3, inode: 4, device: 5 };
        let update = TrackUpdate {
            path: Path::new(path),
            audio: None,
            stamp,
            status: TrackStatus::Unsure,
            genre: None,
            confidence: Some(0.5),
            ranking: &[],
            reason: None,
            settled_by: None,
        };
        store.record_track(&update).unwrap();
    }

    fn shown(page: &FolderPage) -> Vec<(String, u64)> {
        page.folders.iter().map(|folder| (folder.path.display().to_string(), folder.files.all())).collect()
    }

    #[test]
    fn folders_come_with_all_that_lies_below_them_page_by_page() {
        let (_folder, store) = fresh();
        for path in ["/m/a b/1.mp3", "/m/a/1.mp3", "/m/a/x/2.mp3", "/m/c/d/e/3.mp3", "/m/song.mp3", "/n/4.mp3"] {
            record(&store, path);
        }
        let none = LargeFolders::default();
        let all = store.folders(Path::new("/m"), None, 10, &none).unwrap();
        assert_eq!(shown(&all), [("/m/a b".into(), 1), ("/m/a".into(), 2), ("/m/c".into(), 1)]);
        assert_eq!((all.files, all.next), (1, None));
        let first = store.folders(Path::new("/m"), None, 2, &none).unwrap();
        assert_eq!(first.next.as_deref(), Some(Path::new("/m/a")));
        let rest = store.folders(Path::new("/m"), first.next.as_deref(), 2, &none).unwrap();
        assert_eq!((shown(&rest), rest.next), (vec![("/m/c".into(), 1)], None));
    }

    #[test]
    fn what_is_large_is_counted_beforehand_and_says_the_same() {
        let (_folder, store) = fresh();
        for i in 0..LARGE {
            record(&store, &format!("/m/a/{i}/song.mp3"));
            if i % 100 == 0 {
                record(&store, &format!("/m/a b{i}/song.mp3"));
            }
        }
        let large = store.large_folders().unwrap();
        assert_eq!(large.below(Path::new("/m/a")).map(|counts| counts.all()), Some(LARGE));
        assert_eq!(large.below(Path::new("/m")).map(|counts| counts.all()), Some(LARGE + 5));
        assert_eq!(large.below(Path::new("/m/a/7")), None);
        let with = store.folders(Path::new("/m"), None, 10, &large).unwrap();
        assert_eq!(with, store.folders(Path::new("/m"), None, 10, &LargeFolders::default()).unwrap());
    }
}
