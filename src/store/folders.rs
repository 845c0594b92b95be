//! The library by folders: what lies in one, and how many files of which status lie below each. How many lie right in
//! each is kept as rows change; here those numbers are added up.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::presence::range_below;
use super::{StatusCounts, Store, StoreError, path_from_bytes};

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
    /// Files right in the folder; those that are gone left out.
    pub files: u64,
    /// The folder to go on behind, if there are more.
    pub next: Option<PathBuf>,
}

/// Folders with so many files below them that they are not counted each time they are asked for.
#[derive(Debug, Clone, Default)]
pub struct LargeFolders(HashMap<PathBuf, StatusCounts>);

/// Files from which a folder counts as large.
const LARGE: u64 = 50;

impl LargeFolders {
    /// What lies below a folder, if that is much.
    pub fn below(&self, folder: &Path) -> Option<StatusCounts> {
        self.0.get(folder).copied()
    }
}

impl Store {
    /// Adds up what lies below every folder, and keeps what is large: one pass over all folders, which never holds more
    /// than one branch.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn large_folders(&self) -> Result<LargeFolders, StoreError> {
        let connection = self.reading();
        let count = || -> rusqlite::Result<LargeFolders> {
            let mut statement =
                connection.prepare_cached("SELECT folder, status, tracks FROM folder_tally ORDER BY folder")?;
            let mut rows = statement.query([])?;
            let mut large = HashMap::new();
            // Folders with the slash at their end: all that lies below one begins alike, and comes in a row.
            let mut branch: Vec<(Vec<u8>, StatusCounts)> = Vec::new();
            let mut close = |branch: &mut Vec<(Vec<u8>, StatusCounts)>| {
                let Some((name, counts)) = branch.pop() else { return };
                if let Some((_, above)) = branch.last_mut() {
                    above.add_all(&counts);
                }
                if counts.all() >= LARGE {
                    large.insert(without_slash(&name), counts);
                }
            };
            while let Some(row) = rows.next()? {
                let folder = row.get_ref(0)?.as_blob()?;
                while branch.last().is_some_and(|(open, _)| !folder.starts_with(open)) {
                    close(&mut branch);
                }
                let opened = branch.last().map_or(0, |(open, _)| open.len());
                for at in (opened..folder.len()).filter(|at| folder[*at] == b'/') {
                    branch.push((folder[..=at].to_vec(), StatusCounts::default()));
                }
                if let Some((_, counts)) = branch.last_mut() {
                    counts.add_word(row.get_ref(1)?.as_str()?, row.get::<_, i64>(2)? as u64);
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
            let (itself, end) = range_below(folder);
            let right_here = "SELECT coalesce(sum(tracks), 0) FROM folder_tally WHERE folder = ?1 AND status != 'gone'";
            let files: i64 = connection.prepare_cached(right_here)?.query_row([&itself], |row| row.get(0))?;
            let mut page = FolderPage { files: files as u64, ..FolderPage::default() };
            // Behind the folder itself, and behind all that lies below the one that is named, wherever that lies.
            let behind_itself = [itself.as_slice(), &[0]].concat();
            let mut at = after.map_or_else(Vec::new, |after| range_below(after).1).max(behind_itself);
            let mut next = connection.prepare_cached(
                "SELECT folder FROM folder_tally WHERE folder >= ?1 AND folder < ?2 AND status != 'gone'
                 ORDER BY folder LIMIT 1",
            )?;
            while let Some(found) = next.query_row(params![at, end], |row| row.get::<_, Vec<u8>>(0)).optional()? {
                if page.folders.len() == limit {
                    page.next = page.folders.last().map(|last| last.path.clone());
                    break;
                }
                let name = found[itself.len()..].split(|byte| *byte == b'/').next().unwrap_or_default();
                let child = folder.join(std::ffi::OsStr::from_bytes(name));
                at = range_below(&child).1;
                let files = match large.below(&child) {
                    Some(files) => files,
                    None => below(&connection, &child)?,
                };
                page.folders.push(FolderCounts { path: child, files });
            }
            Ok(page)
        };
        list().map_err(|e| self.error(e))
    }
}

/// What lies below a folder.
pub(super) fn below(connection: &Connection, folder: &Path) -> rusqlite::Result<StatusCounts> {
    let (first, end) = range_below(folder);
    let mut statement =
        connection.prepare_cached("SELECT status, tracks FROM folder_tally WHERE folder >= ?1 AND folder < ?2")?;
    let mut rows = statement.query(params![first, end])?;
    let mut counts = StatusCounts::default();
    while let Some(row) = rows.next()? {
        counts.add_word(row.get_ref(0)?.as_str()?, row.get::<_, i64>(1)? as u64);
    }
    Ok(counts)
}

/// The path of a folder whose name ends with a slash.
fn without_slash(name: &[u8]) -> PathBuf {
    let end = if name.len() > 1 { name.len() - 1 } else { name.len() };
    path_from_bytes(name[..end].to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::store::tests::{fresh, waiting};

    fn record(store: &Store, path: &str) {
        store.record_track(&waiting(Path::new(path))).unwrap();
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
        assert_eq!((all.files, &all.next), (1, &None));
        let first = store.folders(Path::new("/m"), None, 2, &none).unwrap();
        assert_eq!(first.next.as_deref(), Some(Path::new("/m/a")));
        let rest = store.folders(Path::new("/m"), first.next.as_deref(), 2, &none).unwrap();
        assert_eq!((shown(&rest), rest.next), (vec![("/m/c".into(), 1)], None));
        // A client may name one that does not lie there.
        let from = |after: &str| shown(&store.folders(Path::new("/m"), Some(Path::new(after)), 10, &none).unwrap());
        assert_eq!((from("/a"), from("/n")), (shown(&all), vec![]));
    }

    #[test]
    fn what_is_large_is_counted_beforehand_and_says_the_same() {
        let (_folder, store) = fresh();
        for i in 0..LARGE {
            record(&store, &format!("/m/a/{i}/song.mp3"));
            if i % 10 == 0 {
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
