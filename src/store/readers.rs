//! Connections that only read, so that many can be answered at the same time: each sees what was committed last.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use super::queue::WordIndex;

/// The connections.
#[derive(Default)]
pub(super) struct Readers {
    connections: Vec<Mutex<Reader>>,
    /// The numbers of those that nobody uses now.
    free: Mutex<Vec<usize>>,
    returned: Condvar,
}

/// A connection that only reads, and what it knows of the full-text index.
struct Reader {
    connection: Connection,
    word_index: WordIndex,
}

/// A connection to read on, for as long as this lives.
pub(super) struct Reading<'a> {
    // Given up before its turn is.
    held: Held<'a>,
    _turn: Option<Turn<'a>>,
}

enum Held<'a> {
    Reader(MutexGuard<'a, Reader>),
    /// One that writes too, on which nothing is written meanwhile.
    Writer(MutexGuard<'a, Connection>, Box<WordIndex>),
}

impl Reading<'_> {
    pub(super) fn word_index(&self) -> &WordIndex {
        match &self.held {
            Held::Reader(reader) => &reader.word_index,
            Held::Writer(_, word_index) => word_index,
        }
    }
}

/// The right to use one of the connections.
struct Turn<'a> {
    readers: &'a Readers,
    number: usize,
}

impl<'a> From<MutexGuard<'a, Connection>> for Reading<'a> {
    fn from(connection: MutexGuard<'a, Connection>) -> Self {
        Self { held: Held::Writer(connection, Box::default()), _turn: None }
    }
}

impl Deref for Reading<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.held {
            Held::Reader(reader) => &reader.connection,
            Held::Writer(connection, _) => connection,
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.readers.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
        self.readers.returned.notify_one();
    }
}

impl Readers {
    pub(super) fn open(path: &Path, busy_timeout: Duration, number: usize) -> Result<Self, StoreError> {
        let open = || -> rusqlite::Result<Reader> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(busy_timeout)?;
            // A page and what lies around it; what the system has in its cache is mapped and not copied.
            connection.pragma_update(None, "cache_size", -4096)?;
            connection.pragma_update(None, "mmap_size", 256_i64 << 20)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.set_prepared_statement_cache_capacity(64);
            Ok(Reader { connection, word_index: WordIndex::default() })
        };
        let open = || open().map(Mutex::new).map_err(|source| StoreError::from_sqlite(path, source));
        let connections = (0..number).map(|_| open()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { free: Mutex::new((0..connections.len()).collect()), connections, returned: Condvar::new() })
    }

    /// The first one that is free, which may be waited for; none where there are none. Who uses one for long keeps
    /// nobody from the others.
    pub(super) fn free(&self) -> Option<Reading<'_>> {
        if self.connections.is_empty() {
            return None;
        }
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let number =
            self.returned.wait_while(free, |free| free.is_empty()).unwrap_or_else(PoisonError::into_inner).pop()?;
        let turn = Turn { readers: self, number };
        let reader = self.connections.get(number)?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Reading { held: Held::Reader(reader), _turn: Some(turn) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::store::tests::fresh;

    #[test]
    fn who_reads_for_long_keeps_nobody_else_waiting() {
        let (_folder, store) = fresh();
        let readers = Readers::open(store.path(), Duration::from_secs(1), 3).unwrap();
        let long = readers.free().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let one: i64 = readers.free().unwrap().query_row("SELECT 1", [], |row| row.get(0)).unwrap();
                        assert_eq!(one, 1);
                    }
                });
            }
        });
        drop(long);
        let all: Vec<_> = (0..3).map(|_| readers.free().unwrap()).collect();
        assert_eq!(all.len(), 3);
        assert!(Readers::default().free().is_none());
    }
}
