//! What can go wrong with the database, said so that a user knows what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::place::Loss;
use crate::storage;

/// The database cannot do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder for the database cannot be made.
    #[error("{path}: cannot make the folder for the database: {source}; name another file with --database or [database] path", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process held the database for longer than the configured wait.
    #[error("{path}: the database is locked by another program; wait until that is done, or raise [database] busy_timeout_seconds", path = path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path}: this file is not a reclassd database; it was left as it is: name another file with --database", path = path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The schema is newer than this program.
    #[error("{path}: this database was written by a newer reclassd (schema {found}, this program knows {known}); update reclassd or name another file with --database", path = path.display())]
    TooNew {
        /// The database.
        path: PathBuf,
        /// The schema version found.
        found: u32,
        /// The newest one this program knows.
        known: u32,
    },
    /// There is no room left where the database is.
    #[error("{path}: the disk of the database is full; free some space and run again, nothing is lost", path = path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// There is no such file, and none can be made; or it is a folder.
    #[error("{path}: the database cannot be opened; name a file in a folder that this user may write", path = path.display())]
    CannotOpen {
        /// The database.
        path: PathBuf,
    },
    /// The database or its folder cannot be written.
    #[error("{path}: the database cannot be written ({source}); check the owner and permissions of the file and its folder", path = path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The database is shared by a group that this user is not in.
    #[error("{path}: this database is shared by the group \"{group}\", and {user} is not in it: run `sudo usermod -aG {group} {user}` and log in again", path = path.display())]
    NotInGroup {
        /// The database or its folder.
        path: PathBuf,
        /// The group's name, or its number where it has none.
        group: String,
        /// This user's name, or number.
        user: String,
    },
    /// The database that is open is not the one at its name any more.
    #[error("{path}: {how} while it was in use; nothing more is written, since it could not be taken back", path = path.display())]
    Lost {
        /// The database, or one of the files beside it.
        path: PathBuf,
        /// What became of it.
        how: Loss,
    },
    /// A value in the database is not what this program writes.
    #[error("{path}: the database holds an unreadable {what}; run `reclassd scan --force` on the files concerned", path = path.display())]
    Malformed {
        /// The database.
        path: PathBuf,
        /// Which value.
        what: &'static str,
    },
    /// Anything else that SQLite says.
    #[error("{path}: database error: {source}", path = path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether it concerns one file of music, and not everything that the database is needed for.
    pub fn is_about_one_file(&self) -> bool {
        matches!(self, Self::Malformed { .. })
    }

    pub(super) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let code = source.sqlite_error_code();
        // SQLite says of a file that it cannot make or enlarge that it cannot be opened, or an I/O error, whatever the
        // reason.
        let may_be_full =
            matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure));
        if may_be_full && path.parent().is_some_and(storage::is_full) {
            return Self::Full { path };
        }
        match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::CannotOpen) => Self::CannotOpen { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path, source },
            _ => Self::Sqlite { path, source },
        }
    }
}
