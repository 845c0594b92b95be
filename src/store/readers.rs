//! Connections that only read, so that many can be answered at the same time: each sees what was committed last.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// The connections.
#[derive(Default)]
pub(super) struct Readers {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Readers {
    pub(super) fn open(path: &Path, busy_timeout: Duration, number: usize) -> Result<Self, StoreError> {
        let open = || -> rusqlite::Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(busy_timeout)?;
            // A page and what lies around it; what the system has in its cache is mapped and not copied.
            connection.pragma_update(None, "cache_size", -4096)?;
            connection.pragma_update(None, "mmap_size", 256_i64 << 20)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.set_prepared_statement_cache_capacity(64);
            Ok(connection)
        };
        let open = || open().map(Mutex::new).map_err(|source| StoreError::from_sqlite(path, source));
        let connections = (0..number).map(|_| open()).collect::<Result<_, _>>()?;
        Ok(Self { connections, next: AtomicUsize::new(0) })
    }

    /// One that nobody uses now, or else the one that is waited for next; none where there are none.
    pub(super) fn free(&self) -> Option<MutexGuard<'_, Connection>> {
        let number = self.connections.len();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for i in 0..number {
            match self.connections[(first + i) % number].try_lock() {
                Ok(connection) => return Some(connection),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let connection = self.connections.get(first.checked_rem(number)?)?;
        Some(connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
