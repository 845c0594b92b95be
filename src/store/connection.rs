//! Opening a connection: pragmas, the waiting time for locks, and schema migrations by `user_version`.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// One script a schema version, in order; a script that was released is never changed.
const MIGRATIONS: [&str; 11] = [
    include_str!("0001_line.sql"),
    include_str!("0002_undo.sql"),
    include_str!("0003_watch.sql"),
    include_str!("0004_answers.sql"),
    include_str!("0005_room.sql"),
    include_str!("0006_moves.sql"),
    include_str!("0007_desk.sql"),
    include_str!("0008_serve.sql"),
    include_str!("0009_learn.sql"),
    include_str!("0011_tallies.sql"),
    include_str!("0012_turns.sql"),
];

/// Marks a database as ours in its header: "recl".
const APPLICATION_ID: u32 = 0x7265_636c;

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
    recognise(&connection, path)?;
    use_write_ahead_log(&connection, busy_timeout).map_err(fail)?;
    let synchronous = if durability == Durability::Journal { "full" } else { "normal" };
    connection.pragma_update(None, "synchronous", synchronous).map_err(fail)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(fail)?;
    // The page cache is bounded, so that memory does not grow with the library: 8 MiB.
    connection.pragma_update(None, "cache_size", -8192).map_err(fail)?;
    connection.set_prepared_statement_cache_capacity(64);
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Refuses a database that another program made, or a newer version of this one, before anything is written into it.
fn recognise(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError::from_sqlite(path, source);
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0)).map_err(fail);
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).map_err(fail)?;
    if tables > 0 && number("application_id")? != APPLICATION_ID {
        return Err(StoreError::NotADatabase { path: path.to_owned() });
    }
    let (found, known) = (number("user_version")?, MIGRATIONS.len() as u32);
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// Switches to write-ahead logging. SQLite does not wait for others on this switch, so that two programs that make a
/// database at the same moment have to try again.
fn use_write_ahead_log(connection: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        if connection.pragma_query_value(None, "journal_mode", mode)?.eq_ignore_ascii_case("wal") {
            return Ok(());
        }
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && waited < busy_timeout =>
            {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            outcome => return outcome,
        }
    }
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
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail)?;
    transaction.pragma_update(None, "user_version", known).map_err(fail)?;
    transaction.commit().map_err(fail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::audio::AudioId;
    use crate::store::Store;
    use crate::tagging::{LastWriteKind, Origin};

    #[test]
    fn a_database_of_an_earlier_version_opens_with_all_that_it_knew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reclassd.db");
        let old = Connection::open(&path).unwrap();
        for script in &MIGRATIONS[..4] {
            old.execute_batch(script).unwrap();
        }
        let audio = AudioId::from_bytes([1; 16]);
        old.execute("INSERT INTO audio (id, audio_id) VALUES (1, ?1)", [audio.as_bytes()]).unwrap();
        old.execute_batch(
            "INSERT INTO journal (id, path, temporary_path, container, created, audio_hash, before_size, before_seconds,
                 before_nanos, before_inode, before_device, after_size, after_seconds, after_nanos, after_inode, after_device,
                 state, process, process_start, begun_at, ended_at, genre_after, audio)
             VALUES (1, CAST('/m/x.flac' AS BLOB), x'2f', '\"flac\"', '[]', zeroblob(32), 1, 2, 3, 4, 5, 1, 2, 3, 4, 5,
                 'committed', 1, 1, 1, 1, '[\"Jazz\"]', 1);
             INSERT INTO journal_field (journal, number, scope, name, position) VALUES (1, 0, '\"vorbis-comments\"', 'GENRE', 0);
             INSERT INTO owner_choice VALUES (CAST('/m/y.flac' AS BLOB), 1, 5, '[\"Zydeco\"]', 'chosen', 1);",
        )
        .unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", 4).unwrap();
        drop(old);
        let store = Store::open(&path, Duration::from_secs(1)).unwrap();
        let audio = store.audio(audio).unwrap();
        let [x, y] = ["/m/x.flac", "/m/y.flac"].map(Path::new);
        assert_eq!(store.known(x, Some(audio)).unwrap().last.kind(), LastWriteKind::Wrote);
        assert_eq!(store.choice(y, Some(audio)).unwrap().unwrap().origin, Origin::Chosen);
        store.hand_back(y, Some(audio), 5).unwrap();
        assert_eq!(store.choice(y, Some(audio)).unwrap().unwrap().origin, Origin::HandedBack);
    }
}
