//! Opening a connection: pragmas, the waiting time for locks, and schema migrations by `user_version`.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// One script a schema version, in order; a script that was released is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("0001_line.sql")];

/// What a commit waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Results: consistent after a crash, but the last of them may be gone with the power.
    Results,
    /// The journal: on the disk before the commit returns.
    Journal,
}

pub(super) fn open(path: &Path, busy_timeout: Duration, durability: Durability) -> Result<Connection, StoreError> {
    let fail = |source| StoreError::from_sqlite(path, source);
    let mut connection = Connection::open(path).map_err(fail)?;
    connection.busy_timeout(busy_timeout).map_err(fail)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(fail)?;
    let synchronous = if durability == Durability::Journal { "full" } else { "normal" };
    connection.pragma_update(None, "synchronous", synchronous).map_err(fail)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(fail)?;
    // The page cache is bounded, so that memory does not grow with the library: 8 MiB.
    connection.pragma_update(None, "cache_size", -8192).map_err(fail)?;
    connection.set_prepared_statement_cache_capacity(64);
    migrate(&mut connection, path)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError::from_sqlite(path, source);
    let known = MIGRATIONS.len() as u32;
    let version = |c: &Connection| c.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    if version(connection).map_err(fail)? == known {
        return Ok(());
    }
    // Read again under the write lock: another process may be migrating at this moment.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    let found = version(&transaction).map_err(fail)?;
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    for script in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(script).map_err(fail)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(fail)?;
    transaction.commit().map_err(fail)
}
