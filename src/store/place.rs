//! Whether the files of an open database are still the ones at their names.
//!
//! A file that is deleted or replaced lives on for whoever has it open, and what is written into it ends with the
//! process: the journal of a write would be lost, and with it the way back. So the names are compared with what was
//! opened before anything is begun: three `stat` a file. A backup that is copied into the same file is not noticed
//! here; nothing outside SQLite could.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// The database, and the two files that SQLite keeps beside it while somebody has it open.
const ENDS: [&str; 3] = ["", "-wal", "-shm"];

/// What became of a file that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing is at its name.
    Deleted,
    /// Another file is.
    Replaced,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Loss::Deleted => "was deleted",
            Loss::Replaced => "was replaced by another file",
        })
    }
}

/// The files that were opened, by device and inode; none of one that was not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place([Option<(u64, u64)>; 3]);

fn beside(database: &Path, end: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

impl Place {
    /// The files at the names of a database.
    pub(super) fn of(database: &Path) -> Self {
        Self(ENDS.map(|end| identity(&beside(database, end)).ok()))
    }

    /// The database file itself.
    pub(super) fn database(&self) -> Option<(u64, u64)> {
        self.0[0]
    }

    /// Whether these are still at their names.
    pub(super) fn check(&self, database: &Path) -> Result<(), StoreError> {
        match self.lost(database) {
            None => Ok(()),
            Some((end, how)) => Err(StoreError::Lost { path: beside(database, end), how }),
        }
    }

    fn lost(&self, database: &Path) -> Option<(&'static str, Loss)> {
        ENDS.into_iter().zip(self.0).find_map(|(end, opened)| {
            let opened = opened?;
            match identity(&beside(database, end)) {
                Ok(now) if now == opened => None,
                Ok(_) => Some((end, Loss::Replaced)),
                // Or its folder cannot be looked into any more: whoever comes after us would not find it either.
                Err(_) => Some((end, Loss::Deleted)),
            }
        })
    }

    /// Whether what is in the write-ahead log may be put into the database when that is closed. Not where another
    /// program has another log: SQLite would put ours over its pages, and remove its log by name.
    pub(super) fn may_checkpoint(&self, database: &Path) -> bool {
        let is_theirs = |(end, opened): (&str, Option<(u64, u64)>)| {
            identity(&beside(database, end)).is_ok_and(|now| opened.is_some_and(|opened| opened != now))
        };
        identity(database).ok() == self.database() && !ENDS.into_iter().zip(self.0).any(is_theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::AudioId;
    use crate::store::tests::fresh;
    use crate::store::{JournalHandle, Store};
    use std::time::Duration;

    fn id() -> AudioId {
        AudioId::from_bytes([7; 16])
    }

    fn move_away(store: &Store, ends: &[&str]) {
        for end in ends {
            let path = beside(store.path(), end);
            std::fs::rename(&path, path.with_extension(format!("away{end}"))).unwrap();
        }
    }

    #[track_caller]
    fn refused(store: &Store, how: &str) {
        let said = store.check_in_place().unwrap_err().to_string();
        assert!(said.contains(how), "{said}");
        let claim = store.claim(Path::new("/m/a.mp3")).map(|_| ()).unwrap_err();
        assert!(matches!(claim, StoreError::Lost { .. }), "{claim}");
        assert!(store.claimed.paths.lock().unwrap().is_empty(), "no thread is made to wait for it");
        let entry = crate::store::journal::tests::entry();
        use crate::tagging::Journal;
        let begun = JournalHandle::new(store, None).begin(&entry).unwrap_err();
        assert!(begun.to_string().contains(how), "{begun}");
    }

    #[test]
    fn nothing_is_begun_when_the_database_is_deleted() {
        let (_folder, store) = fresh();
        store.audio(id()).unwrap();
        store.check_in_place().unwrap();
        move_away(&store, &["", "-wal", "-shm"]);
        refused(&store, "was deleted");
    }

    #[test]
    fn nothing_is_begun_when_another_database_takes_its_place_and_that_one_is_left_whole() {
        let (_folder, store) = fresh();
        store.audio(id()).unwrap();
        move_away(&store, &["", "-wal", "-shm"]);
        let other = Store::open(store.path(), Duration::from_millis(200)).unwrap();
        let key = other.audio(id()).unwrap();
        refused(&store, "was replaced");
        let path = store.path().to_owned();
        drop(store);
        assert!(beside(&path, "-wal").exists(), "the log of the other database is not ours to remove");
        other.check_in_place().unwrap();
        assert_eq!(other.audio(id()).unwrap(), key);
        drop(other);
        assert_eq!(Store::open(&path, Duration::from_millis(200)).unwrap().audio(id()).unwrap(), key);
    }

    #[test]
    fn a_log_that_is_deleted_costs_nothing_that_was_known() {
        let (_folder, store) = fresh();
        let key = store.audio(id()).unwrap();
        std::fs::remove_file(beside(store.path(), "-wal")).unwrap();
        std::fs::remove_file(beside(store.path(), "-shm")).unwrap();
        refused(&store, "-wal: was deleted");
        let path = store.path().to_owned();
        drop(store);
        let again = Store::open(&path, Duration::from_millis(200)).unwrap();
        assert_eq!(again.audio(id()).unwrap(), key, "it was put into the database at the end");
        again.check_in_place().unwrap();
    }

    #[test]
    fn other_programs_that_open_and_close_the_database_take_nothing_from_its_place() {
        let (_folder, store) = fresh();
        store.audio(id()).unwrap();
        for _ in 0..3 {
            drop(Store::open(store.path(), Duration::from_millis(200)).unwrap());
            store.check_in_place().unwrap();
        }
    }
}
