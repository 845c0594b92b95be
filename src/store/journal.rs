//! The tag journal: the old and new bytes of every field, on the disk before a file is touched.
//!
//! This keeps what `tagging` hands it; what a crash left half-done is judged there ([`crate::tagging::recover`]).

use std::error::Error;
use std::path::Path;

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{AudioKey, Store, StoreError, choices, claims, path_bytes, path_from_bytes, stamp, unix_now};
use crate::tagging::{EntryId, FieldChange, FileStamp, Journal, JournalEntry};

/// An entry that no one closed: its process crashed, or is still at it.
#[derive(Debug, Clone)]
pub struct OpenEntry {
    /// Its number.
    pub id: EntryId,
    /// What was to be written.
    pub entry: JournalEntry,
    /// The file itself was being overwritten.
    pub is_overwriting: bool,
}

/// A row of the journal before its JSON and lengths were checked.
pub(super) struct RawEntry {
    pub(super) id: i64,
    path: Vec<u8>,
    temporary_path: Vec<u8>,
    container: String,
    created: String,
    audio_hash: Vec<u8>,
    process: u32,
    process_start: i64,
    before: FileStamp,
    cause: String,
    genre_before: String,
    genre_after: String,
    values_before: String,
    is_overwriting: bool,
    room_before: Option<String>,
}

/// The columns of a [`RawEntry`], in its order.
pub(super) const ENTRY_COLUMNS: &str = "id, path, temporary_path, container, created, audio_hash, process, process_start, \
     before_size, before_seconds, before_nanos, before_inode, before_device, cause, genre_before, genre_after, values_before, \
     overwriting, (SELECT room FROM journal_room WHERE journal_room.journal = journal.id)";
/// How many those are: what a query adds comes behind them.
pub(super) const ENTRY_COLUMN_COUNT: usize = 19;

impl RawEntry {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            path: row.get(1)?,
            temporary_path: row.get(2)?,
            container: row.get(3)?,
            created: row.get(4)?,
            audio_hash: row.get(5)?,
            process: row.get(6)?,
            process_start: row.get(7)?,
            before: stamp::read(row, 8)?,
            cause: row.get(13)?,
            genre_before: row.get(14)?,
            genre_after: row.get(15)?,
            values_before: row.get(16)?,
            is_overwriting: row.get(17)?,
            room_before: row.get(18)?,
        })
    }

    pub(super) fn check(self, store: &Store, fields: Vec<FieldChange>) -> Result<OpenEntry, StoreError> {
        let entry = JournalEntry {
            path: path_from_bytes(self.path),
            temporary_path: path_from_bytes(self.temporary_path),
            container: store.parse(&self.container)?,
            cause: store.parse(&self.cause)?,
            before: self.before,
            audio_hash: self.audio_hash.try_into().map_err(|_| store.malformed())?,
            fields,
            created: store.parse(&self.created)?,
            genre_before: store.parse(&self.genre_before)?,
            genre_after: store.parse(&self.genre_after)?,
            values_before: store.parse(&self.values_before)?,
            room_before: self.room_before.map(|room| store.parse(&room)).transpose()?,
        };
        Ok(OpenEntry { id: EntryId(self.id), entry, is_overwriting: self.is_overwriting })
    }
}

/// The store as the tag writer sees it, with what else is to be remembered of a write when it is done.
pub struct JournalHandle<'a> {
    store: &'a Store,
    audio: Option<AudioKey>,
    undoes: Vec<EntryId>,
}

impl<'a> JournalHandle<'a> {
    /// For writes to a file with this audio, where it could be identified.
    pub fn new(store: &'a Store, audio: Option<AudioKey>) -> Self {
        Self { store, audio, undoes: Vec::new() }
    }

    /// For a write that takes those earlier ones back.
    pub fn undoing(self, undoes: Vec<EntryId>) -> Self {
        Self { undoes, ..self }
    }
}

type BoxedError = Box<dyn Error + Send + Sync>;

impl Journal for JournalHandle<'_> {
    fn begin(&self, entry: &JournalEntry) -> Result<EntryId, BoxedError> {
        Ok(self.store.begin_entry(entry, self.audio, &self.undoes)?)
    }

    fn overwriting(&self, id: EntryId) -> Result<(), BoxedError> {
        Ok(self.store.execute_durably("UPDATE journal SET overwriting = 1 WHERE id = ?1", [id.0])?)
    }

    fn commit(&self, id: EntryId, after: &FileStamp) -> Result<(), BoxedError> {
        Ok(self.store.commit_entry(id, after)?)
    }

    fn abandon(&self, id: EntryId, reason: &str) -> Result<(), BoxedError> {
        Ok(self.store.abandon_entry(id, reason)?)
    }
}

impl Store {
    fn begin_entry(
        &self,
        entry: &JournalEntry,
        audio: Option<AudioKey>,
        undoes: &[EntryId],
    ) -> Result<EntryId, StoreError> {
        // What is journalled in a file that ends with this process could not be taken back.
        self.check_in_place()?;
        let [size, seconds, nanos, inode, device] = stamp::columns(&entry.before);
        let (container, created) = (self.json(&entry.container)?, self.json(&entry.created)?);
        let (cause, values_before) = (self.json(&entry.cause)?, self.json(&entry.values_before)?);
        let (genre_before, genre_after) = (self.json(&entry.genre_before)?, self.json(&entry.genre_after)?);
        let undoes = self.json(&undoes.iter().map(|id| id.0).collect::<Vec<_>>())?;
        let room = entry.room_before.as_ref().map(|room| self.json(room)).transpose()?;
        let scopes: Vec<String> = entry.fields.iter().map(|field| self.json(&field.scope)).collect::<Result<_, _>>()?;
        let id = self.transact(self.durable(), |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO journal (path, temporary_path, container, created, audio_hash, before_size, before_seconds,
                                          before_nanos, before_inode, before_device, state, process, process_start, begun_at,
                                          cause, genre_before, genre_after, values_before, audio, undoes, written_path,
                                          choice_before)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'open', ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
                             ?1,
                             (SELECT json_object('genres', json(genres), 'origin', origin) FROM owner_choice WHERE path = ?1))",
                )?
                .execute(params![
                    path_bytes(&entry.path),
                    path_bytes(&entry.temporary_path),
                    container,
                    created,
                    entry.audio_hash,
                    size,
                    seconds,
                    nanos,
                    inode,
                    device,
                    std::process::id(),
                    claims::start_of(std::process::id()).unwrap_or(0),
                    unix_now(),
                    cause,
                    genre_before,
                    genre_after,
                    values_before,
                    audio.map(|audio| audio.0),
                    undoes,
                ])?;
            let id = transaction.last_insert_rowid();
            for (number, (field, scope)) in entry.fields.iter().zip(&scopes).enumerate() {
                transaction
                    .prepare_cached(
                        "INSERT INTO journal_field (journal, number, scope, form, name, position, old, new)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    )?
                    .execute(params![
                        id,
                        number as i64,
                        scope,
                        field.form,
                        field.name,
                        field.position as i64,
                        field.old,
                        field.new
                    ])?;
            }
            if let Some(room) = &room {
                let sql = "INSERT INTO journal_room (journal, room) VALUES (?1, ?2)";
                transaction.prepare_cached(sql)?.execute(params![id, room])?;
            }
            Ok(id)
        })?;
        Ok(EntryId(id))
    }

    fn commit_entry(&self, id: EntryId, after: &FileStamp) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE journal SET state = 'committed', after_size = ?2, after_seconds = ?3, after_nanos = ?4,
                                  after_inode = ?5, after_device = ?6, ended_at = ?7 WHERE id = ?1";
        let [size, seconds, nanos, inode, device] = stamp::columns(after);
        self.transact(self.durable(), |transaction| {
            let values = params![id.0, size, seconds, nanos, inode, device, unix_now()];
            transaction.prepare_cached(SQL)?.execute(values)?;
            choices::follow(transaction, id.0)
        })
    }

    fn abandon_entry(&self, id: EntryId, reason: &str) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE journal SET state = 'abandoned', reason = ?2, ended_at = ?3 WHERE id = ?1";
        self.execute_durably(SQL, params![id.0, reason, unix_now()])
    }

    /// Entries that were left open by processes that are gone: what a crash interrupted.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds an entry that this program did not write.
    pub fn crashed_entries(&self) -> Result<Vec<OpenEntry>, StoreError> {
        self.crashed(None)
    }

    /// The same of one file.
    ///
    /// # Errors
    /// As for [`crashed_entries`](Self::crashed_entries).
    pub fn crashed_entries_of(&self, path: &Path) -> Result<Vec<OpenEntry>, StoreError> {
        self.crashed(Some(path))
    }

    fn crashed(&self, path: Option<&Path>) -> Result<Vec<OpenEntry>, StoreError> {
        let connection = self.durable();
        let list = || -> rusqlite::Result<Vec<RawEntry>> {
            let sql = format!(
                "SELECT {ENTRY_COLUMNS} FROM journal WHERE state = 'open' AND (?1 IS NULL OR path = ?1) ORDER BY id"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([path.map(path_bytes)], RawEntry::read)?;
            rows.collect()
        };
        let mut open = Vec::new();
        for raw in list().map_err(|e| self.error(e))? {
            if claims::start_of(raw.process) == Some(raw.process_start) {
                continue;
            }
            let fields = self.fields(&connection, raw.id)?;
            open.push(raw.check(self, fields)?);
        }
        Ok(open)
    }

    pub(super) fn fields(&self, connection: &Connection, journal: i64) -> Result<Vec<FieldChange>, StoreError> {
        type RawField = (String, String, String, i64, Option<Vec<u8>>, Option<Vec<u8>>);
        let list = || -> rusqlite::Result<Vec<RawField>> {
            let mut statement = connection.prepare_cached(
                "SELECT scope, form, name, position, old, new FROM journal_field WHERE journal = ?1 ORDER BY number",
            )?;
            let rows = statement.query_map([journal], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })?;
            rows.collect()
        };
        let fields = list().map_err(|e| self.error(e))?.into_iter().map(|(scope, form, name, position, old, new)| {
            let (scope, position) = (self.parse(&scope)?, usize::try_from(position).map_err(|_| self.malformed())?);
            Ok(FieldChange { scope, form, name, position, old, new })
        });
        fields.collect()
    }

    pub(super) fn json(&self, value: &impl Serialize) -> Result<String, StoreError> {
        serde_json::to_string(value).map_err(|_| self.malformed())
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, json: &str) -> Result<T, StoreError> {
        serde_json::from_str(json).map_err(|_| self.malformed())
    }

    fn malformed(&self) -> StoreError {
        StoreError::Malformed { path: self.path.clone(), what: "journal entry" }
    }

    fn execute_durably(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        let connection = self.durable();
        let run = || connection.prepare_cached(sql)?.execute(values);
        run().map(|_| ()).map_err(|e| self.error(e))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::tests::fresh;
    use crate::tagging::{Cause, Container, HeldField, Room, Scope, Space, TagField};
    use std::path::PathBuf;

    fn field(name: &str, position: usize, old: Option<Vec<u8>>, new: Option<Vec<u8>>) -> FieldChange {
        FieldChange { scope: Scope::Id3v2(1), form: "ID3v2.4".to_owned(), name: name.to_owned(), position, old, new }
    }

    pub(in crate::store) fn entry() -> JournalEntry {
        JournalEntry {
            path: path_from_bytes(b"/m/\xfe.mp3".to_vec()),
            temporary_path: PathBuf::from("/m/.x.tmp"),
            container: Container::Mp3,
            audio_hash: [9; 32],
            before: FileStamp { size: 3, mtime_seconds: 4, mtime_nanoseconds: 5, inode: 6, device: 7 },
            fields: vec![
                field("TCON", 2, Some(b"\0Jazz".to_vec()), None),
                field("TXXX:RECLASSD_GENRE", 3, None, Some(vec![0, 255])),
            ],
            created: vec![Scope::Apev2(1)],
            cause: Cause::Owner,
            genre_before: vec!["Jazz".to_owned()],
            genre_after: Vec::new(),
            values_before: vec![HeldField {
                scope: Scope::Id3v2(1),
                field: TagField::Genre,
                name: "TCON".to_owned(),
                values: vec!["Jazz".to_owned()],
            }],
            room_before: Some(Room { levels: 3, spaces: vec![Space::new(1, 2, 1 << 20)], parts: Vec::new() }),
        }
    }

    #[test]
    fn what_a_crash_left_open_comes_back_whole() {
        let (_folder, store) = fresh();
        let id = JournalHandle::new(&store, None).begin(&entry()).unwrap();
        // No process started at this tick: the one that wrote the entry is gone.
        store.execute("UPDATE journal SET process_start = -1", []).unwrap();
        let open = store.crashed_entries().unwrap();
        assert_eq!(open.len(), 1);
        assert_eq!((open[0].id, &open[0].entry), (id, &entry()));
    }

    #[test]
    fn closed_entries_are_not_recovered_again() {
        let (_folder, store) = fresh();
        let journal = JournalHandle::new(&store, None);
        let [done, given_up] = [(); 2].map(|()| journal.begin(&entry()).unwrap());
        journal.commit(done, &entry().before).unwrap();
        journal.abandon(given_up, "disk full").unwrap();
        store.execute("UPDATE journal SET process_start = -1", []).unwrap();
        assert!(store.crashed_entries().unwrap().is_empty());
    }

    #[test]
    fn a_write_that_a_living_process_is_at_is_left_to_it() {
        let (_folder, store) = fresh();
        JournalHandle::new(&store, None).begin(&entry()).unwrap();
        assert!(store.crashed_entries().unwrap().is_empty());
    }
}
