//! One service a database: a lock on a file beside it, which ends with the process whatever ends that.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The lock, held until dropped. Who deletes its file does not free it, but whoever comes then finds no lock: see
/// [`Lock::is_in_place`].
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// The lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another service has it.
    #[error(
        "{path}: another `reclassd watch` (process {holder}) works with this database: stop it first, or name another database \
         with --database", path = database.display()
    )]
    Held {
        /// The database.
        database: PathBuf,
        /// The other's process number, or a question mark.
        holder: String,
    },
    /// The file cannot be made or locked.
    #[error("{path}: cannot be locked: {source}; {remedy}", path = path.display(), remedy = crate::storage::remedy(source))]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

impl Lock {
    /// Takes the lock of a database.
    ///
    /// # Errors
    /// [`LockError`] when another service has it, with its number.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = lock_path(database);
        let io = |source| LockError::Io { path: path.clone(), source };
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        crate::store::share(&path);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let holder = read_holder(&mut file).map_or_else(|| "?".to_owned(), |pid| pid.to_string());
                return Err(LockError::Held { database: database.to_owned(), holder });
            }
            Err(error) => return Err(io(error.into())),
        }
        let write = |file: &mut File| -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(io)?;
        Ok(Self { file, path })
    }

    /// Whether the file that is locked is still the one at its name. Where it is not, the lock has to be taken anew.
    pub fn is_in_place(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let held = self.file.metadata().map(identity).ok();
        held.is_some() && self.path.metadata().map(identity).ok() == held
    }
}

/// The process number of the service that works with a database now; `None` where there is none.
pub fn holder(database: &Path) -> Option<u32> {
    let mut file = File::open(lock_path(database)).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => read_holder(&mut file),
        _ => None,
    }
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_service_is_told_the_number_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("reclassd.db");
        assert_eq!(holder(&database), None);
        let lock = Lock::take(&database).unwrap();
        let error = Lock::take(&database).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert_eq!(holder(&database), Some(std::process::id()));
        drop(lock);
        assert_eq!(holder(&database), None);
        let lock = Lock::take(&database).unwrap();
        assert!(lock.is_in_place());
        std::fs::remove_file(lock_path(&database)).unwrap();
        assert!(!lock.is_in_place(), "it was deleted");
        let anew = Lock::take(&database).unwrap();
        assert!(anew.is_in_place() && !lock.is_in_place(), "another one is in its place");
        drop(lock);
        assert_eq!(holder(&database), Some(std::process::id()));
    }
}
