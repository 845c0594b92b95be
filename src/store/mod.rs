//! What the program knows, in one SQLite file: tracks, cached features and scores, verdicts, failures and the tag
//! journal.
//!
//! Nothing else in the crate sees SQL. The store decides nothing: it keeps what the stages give it and hands it back.
//! Paths are kept as bytes. One [`Store`] is shared by all threads of a process; several processes may have the same
//! file open.

mod cache;
mod changes;
mod choices;
mod claims;
mod connection;
mod corrections;
mod credits;
mod error;
mod figures;
mod folders;
mod genre_past;
mod history;
mod journal;
mod learning;
mod listing;
mod moves;
mod owner_answers;
mod place;
mod presence;
mod queue;
mod readers;
mod records;
mod search;
mod sharing;
mod stamp;
mod tracks;
mod turns;
mod verdicts;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::storage;

pub use cache::AudioKey;
pub use changes::{Change, LateFile};
pub use claims::{Claim, start_of};
pub use corrections::{CorrectionId, CorrectionKind, GoId, NewCorrection, PastCorrection, Surface};
pub use error::StoreError;
pub use figures::{Agreement, ChangeCounts, ConfidenceBin, Figures, GenreCounts};
pub use folders::{FolderCounts, FolderPage, LargeFolders};
pub use history::{Depth, EntryState, PastEntry, Recording, WritesBelow};
pub use journal::{JournalHandle, OpenEntry};
pub use learning::AnalysedTrack;
pub use listing::{HeardAudio, ListedTrack};
pub use moves::{Arrival, Kinship};
pub use place::Loss;
pub use presence::{KnownFile, StatusCounts};
pub use queue::{
    Effort, NoCursor, QueueCursor, QueueFilter, QueueOrder, QueuePage, QueuePlace, QueueSet, QueueView, QueuedTrack,
    TrackId,
};
pub use records::TakenIn;
pub use sharing::share;
pub use tracks::{Track, TrackStatus, TrackUpdate};
pub use turns::WaitingTrack;
pub use verdicts::Ranking;

/// The database, open for reading and writing.
///
/// Two connections stand behind it: one whose commits may be lost with the power (results can be made again), and one
/// that waits for the disk at each commit (the journal must stand before a file is touched).
pub struct Store {
    path: PathBuf,
    results: Mutex<Connection>,
    durable: Mutex<Connection>,
    /// Those that only read; none unless asked for.
    readers: readers::Readers,
    claimed: Arc<claims::Claimed>,
    place: place::Place,
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.place.may_checkpoint(&self.path) {
            return;
        }
        for connection in [self.results(), self.durable()] {
            let kept = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            if let Err(error) = kept {
                tracing::debug!("{}: cannot be closed as it is: {error}", self.path.display());
            }
        }
    }
}

impl Store {
    /// Opens the database, makes it and its folder where missing, and brings an older schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] when the folder cannot be made, the file is not a database, is locked for longer than
    /// `busy_timeout`, or was written by a newer reclassd.
    pub fn open(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|source| match sharing::closed_to_us(path) {
                Some(closed) => closed,
                None if storage::says_full(&source) => StoreError::Full { path: path.to_owned() },
                None => StoreError::Folder { path: folder.to_owned(), source },
            })?;
        }
        sharing::share_database(path);
        let open = |durability| {
            connection::open(path, busy_timeout, durability).map_err(|error| match error {
                StoreError::CannotOpen { .. } | StoreError::ReadOnly { .. } => {
                    sharing::closed_to_us(path).unwrap_or(error)
                }
                _ => error,
            })
        };
        let results = open(connection::Durability::Results)?;
        let opened = place::Place::of(path);
        let durable = open(connection::Durability::Journal)?;
        let place = place::Place::of(path);
        if place.database() != opened.database() {
            // The two connections have two databases.
            return Err(StoreError::Lost { path: path.to_owned(), how: Loss::Replaced });
        }
        Ok(Self {
            path: path.to_owned(),
            results: Mutex::new(results),
            durable: Mutex::new(durable),
            readers: readers::Readers::default(),
            claimed: claims::Claimed::of(path),
            place,
        })
    }

    /// Whether what is open is still the database at its name. Whoever is about to begin something asks first; claims
    /// and journal entries do so by themselves.
    ///
    /// # Errors
    /// [`StoreError::Lost`] when it was deleted or replaced.
    pub fn check_in_place(&self) -> Result<(), StoreError> {
        self.place.check(&self.path)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One that is nowhere: what is kept in it is gone with it. It has no journal, so that nothing can be written by
    /// it.
    ///
    /// # Errors
    /// [`StoreError`] when there is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = Path::new(":memory:");
        let open = || connection::open(path, Duration::ZERO, connection::Durability::Results);
        Ok(Self {
            path: path.to_owned(),
            results: Mutex::new(open()?),
            durable: Mutex::new(open()?),
            readers: readers::Readers::default(),
            claimed: Arc::default(),
            place: place::Place::of(path),
        })
    }

    /// Opens more connections, on which what only reads is asked at the same time: for whoever answers many at once.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be opened again.
    pub fn with_readers(mut self, readers: usize, busy_timeout: Duration) -> Result<Self, StoreError> {
        self.readers = readers::Readers::open(&self.path, busy_timeout, readers)?;
        Ok(self)
    }

    /// A connection to read on.
    fn reading(&self) -> readers::Reading<'_> {
        self.readers.free().unwrap_or_else(|| self.results().into())
    }

    // A panic while the lock was held cannot leave a half-made transaction: it rolls back when its guard is dropped.
    fn results(&self) -> MutexGuard<'_, Connection> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn durable(&self) -> MutexGuard<'_, Connection> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one transaction that takes the write lock at its start, so that it waits for others before it
    /// reads.
    fn transact<T>(
        &self,
        mut connection: MutexGuard<'_, Connection>,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let run = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|e| self.error(e))
    }

    fn error(&self, source: rusqlite::Error) -> StoreError {
        StoreError::from_sqlite(&self.path, source)
    }
}

/// Seconds since 1970, for the columns that say when.
pub(crate) fn unix_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// A path as the bytes that the system knows it by.
fn path_bytes(path: &Path) -> &[u8] {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes()
}

/// The path that these bytes name.
fn path_from_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::tagging::FileStamp;

    /// A file that waits, of a disk that is away: so nobody looks for it.
    pub(crate) fn waiting(path: &Path) -> TrackUpdate<'_> {
        TrackUpdate {
            path,
            audio: None,
            stamp: FileStamp { size: 1, mtime_seconds: 2, mtime_nanoseconds: 3, inode: 4, device: u64::MAX },
            status: TrackStatus::Unsure,
            genre: None,
            confidence: Some(0.5),
            ranking: &[],
            reason: None,
            settled_by: Some("settings"),
        }
    }

    /// A store in a folder of its own, which lives as long as the pair.
    pub(crate) fn fresh() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state/reclassd.db"), Duration::from_millis(200)).unwrap();
        (folder, store)
    }

    #[test]
    fn the_state_folder_is_made_and_the_database_opens_twice() {
        let (_folder, store) = fresh();
        assert!(store.path().exists());
        Store::open(store.path(), Duration::from_millis(200)).unwrap();
    }

    #[test]
    fn a_database_locked_by_another_process_is_named_as_such() {
        let (_folder, store) = fresh();
        let other = Connection::open(store.path()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let id = crate::audio::AudioId::from_bytes([7; 16]);
        let error = store.audio(id).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
        assert!(error.to_string().contains("another program"), "{error}");
        other.execute_batch("ROLLBACK").unwrap();
        store.audio(id).unwrap();
    }

    #[test]
    fn a_file_that_is_no_database_is_left_alone_with_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "these are my notes, not a database, and they are long enough to be looked at".repeat(9))
            .unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&path, Duration::from_millis(200)).err().unwrap();
        assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn the_database_of_another_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE song (title TEXT); PRAGMA user_version = 1")
            .unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&path, Duration::from_millis(200)).err().unwrap();
        assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn programs_that_make_the_database_at_the_same_moment_wait_for_each_other() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("new.db");
            std::thread::scope(|scope| {
                let opening: Vec<_> =
                    (0..4).map(|_| scope.spawn(|| Store::open(&path, Duration::from_secs(10)))).collect();
                for store in opening {
                    store.join().unwrap().unwrap();
                }
            });
        }
    }

    #[test]
    fn a_database_of_a_newer_program_is_refused() {
        let (_folder, store) = fresh();
        store.results().pragma_update(None, "user_version", 999).unwrap();
        let error = Store::open(store.path(), Duration::from_millis(200)).err().unwrap();
        assert!(matches!(error, StoreError::TooNew { .. }), "{error}");
    }
}
