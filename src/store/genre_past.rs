//! What the database knows of a file besides its row: the owner's choice, and the last write of ours that counts.
//!
//! What follows from that is the tag policy's business ([`crate::tagging::genre_ownership`]).

use std::path::Path;

use rusqlite::{Connection, params};

use super::{AudioKey, Recording, Store, StoreError, path_bytes, unix_now};
use crate::tagging::{FieldChange, GenreWrite, Known, LastWrite, TagField};

/// A day, in seconds.
const A_DAY: i64 = 24 * 60 * 60;

/// More marks in a row than this are not looked behind for the genre that was written before them.
const LOOK_BACK: i64 = 16;

impl Store {
    /// What is known of the file at `path` with this audio.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn known(&self, path: &Path, audio: Option<AudioKey>) -> Result<Known, StoreError> {
        let choice = self.choice(path, audio)?;
        let Some(audio) = audio else { return Ok(Known { choice, ..Known::NOTHING }) };
        let connection = self.results();
        let last = last_write(self, &connection, path, &Recording::Audio(audio), Ended::No)?;
        let within_a_day = connection
            .prepare_cached(
                "SELECT genre_after FROM journal
                 WHERE written_path = ?1 AND begun_at > ?2 AND state = 'committed' AND cause = '\"scan\"'",
            )
            .and_then(|mut statement| {
                let rows = statement.query_map(params![path_bytes(path), unix_now() - A_DAY], |row| row.get(0))?;
                rows.collect::<Result<Vec<String>, _>>()
            })
            .map_err(|e| self.error(e))?;
        let within_a_day = within_a_day.iter().map(|json| self.parse(json)).collect::<Result<_, _>>()?;
        Ok(Known { choice, last, within_a_day })
    }
}

impl Store {
    /// The fields that were ever written into this recording at `path`, whether or not that was taken back.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn fields_once_written(&self, path: &Path, audio: AudioKey) -> Result<Vec<TagField>, StoreError> {
        let connection = self.reading();
        let list = || -> rusqlite::Result<Vec<i64>> {
            let sql =
                "SELECT id FROM journal WHERE path = ?1 AND audio = ?2 AND state = 'committed' AND cause != '\"undo\"'";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map(params![path_bytes(path), audio.0], |row| row.get(0))?.collect()
        };
        let mut written = Vec::new();
        for entry in list().map_err(|e| self.error(e))? {
            let fields = fields_written(self, &connection, entry)?.into_iter();
            written.extend(fields.filter(|(_, is_there)| *is_there).map(|(field, _)| field));
        }
        Ok(written)
    }
}

/// Whether the writes of files count that were found to be deleted since.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    No,
    Too,
}

/// The last write of ours at `path` into this recording that was not taken back.
pub(super) fn last_write(
    store: &Store,
    connection: &Connection,
    path: &Path,
    recording: &Recording,
    ended: Ended,
) -> Result<LastWrite, StoreError> {
    type Row = (i64, String, String, String);
    let (audio, hash) = recording.values();
    let same = Recording::is_the_same(2);
    let ended = if ended == Ended::No { "AND gone_at IS NULL" } else { "" };
    let of_file =
        format!("FROM journal WHERE path = ?1 AND state = 'committed' AND cause != '\"describe\"' {ended} AND {same}");
    let list = || -> rusqlite::Result<Vec<Row>> {
        let sql = format!(
            "SELECT id, cause, genre_before, genre_after {of_file} AND undone_by IS NULL AND cause != '\"undo\"'
             ORDER BY id DESC LIMIT {LOOK_BACK}"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![path_bytes(path), audio, hash], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.collect()
    };
    let standing = list().map_err(|e| store.error(e))?;
    if standing.is_empty() {
        // 0 marks entries from before an undo was possible.
        let sql = format!("SELECT EXISTS (SELECT 1 {of_file} AND undone_by != 0)");
        let undone: bool = connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row(params![path_bytes(path), audio, hash], |row| row.get(0)))
            .map_err(|e| store.error(e))?;
        return Ok(if undone { LastWrite::Undone } else { LastWrite::Nothing });
    }
    let mut own_fields = false;
    for (id, cause, before, after) in standing {
        if cause != "\"scan\"" {
            // Marks that came behind it are all that is ours.
            return Ok(if own_fields { LastWrite::Marked } else { LastWrite::Owners });
        }
        let written = fields_written(store, connection, id)?;
        own_fields |= written.contains(&(TagField::OwnGenre, true));
        if written.iter().any(|(field, _)| *field == TagField::Genre) {
            let (before, after) = (store.parse(&before)?, store.parse(&after)?);
            return Ok(LastWrite::Wrote(GenreWrite { before, after, own_fields }));
        }
    }
    Ok(LastWrite::Marked)
}

/// The fields that an entry changes, and whether they are there afterwards.
fn fields_written(store: &Store, connection: &Connection, journal: i64) -> Result<Vec<(TagField, bool)>, StoreError> {
    let list = || -> rusqlite::Result<Vec<(String, String, bool)>> {
        let mut statement =
            connection.prepare_cached("SELECT scope, name, new IS NOT NULL FROM journal_field WHERE journal = ?1")?;
        let rows = statement.query_map([journal], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    };
    let mut written = Vec::new();
    for (scope, name, is_there) in list().map_err(|e| store.error(e))? {
        let field = FieldChange::field_of(store.parse(&scope)?, &name);
        written.extend(field.map(|field| (field, is_there)));
    }
    Ok(written)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::audio::AudioId;
    use crate::store::JournalHandle;
    use crate::store::tests::fresh;
    use crate::tagging::{Cause, Container, EntryId, FileStamp, Journal, JournalEntry, LastWriteKind, Scope};

    const PATH: &str = "/m/x.flac";

    fn write(store: &Store, audio: AudioKey, cause: Cause, fields: &[&str], undoes: &[EntryId]) -> EntryId {
        let stamp = FileStamp { size: 1, mtime_seconds: 2, mtime_nanoseconds: 3, inode: 4, device: 5 };
        let change = |name: &&str| FieldChange {
            scope: Scope::Id3v2(1),
            form: String::new(),
            name: (*name).to_owned(),
            position: 0,
            old: None,
            new: Some(vec![0]),
        };
        let entry = JournalEntry {
            path: PATH.into(),
            temporary_path: "/m/.x.tmp".into(),
            container: Container::Mp3,
            cause,
            before: stamp,
            audio_hash: [0; 32],
            fields: fields.iter().map(change).collect(),
            created: Vec::new(),
            genre_before: vec!["Rock".to_owned()],
            genre_after: vec!["Jazz".to_owned()],
            values_before: Vec::new(),
            room_before: None,
        };
        let journal = JournalHandle::new(store, Some(audio)).undoing(undoes.to_vec());
        let id = journal.begin(&entry).unwrap();
        journal.commit(id, &stamp).unwrap();
        id
    }

    #[test]
    fn the_last_write_that_was_not_taken_back_counts() {
        let (_folder, store) = fresh();
        let [audio, other] = [1, 2].map(|n| store.audio(AudioId::from_bytes([n; 16])).unwrap());
        let last = |audio| store.known(Path::new(PATH), Some(audio)).unwrap().last;
        assert_eq!(last(audio), LastWrite::Nothing);
        let mark = write(&store, audio, Cause::Scan, &["TXXX:RECLASSD_GENRE"], &[]);
        assert_eq!((last(audio), last(other)), (LastWrite::Marked, LastWrite::Nothing));
        let scan = write(&store, audio, Cause::Scan, &["TCON", "TXXX:RECLASSD_GENRE"], &[]);
        let wrote = |own_fields| {
            LastWrite::Wrote(GenreWrite { before: vec!["Rock".to_owned()], after: vec!["Jazz".to_owned()], own_fields })
        };
        assert_eq!(last(audio), wrote(true));
        // A mark that follows does not make the genre somebody else's.
        let second_mark = write(&store, audio, Cause::Scan, &["TXXX:RECLASSD_CONFIDENCE"], &[]);
        assert_eq!(last(audio), wrote(true));
        let owner = write(&store, audio, Cause::Owner, &["TCON"], &[]);
        assert_eq!(last(audio).kind(), LastWriteKind::Owners);
        write(&store, audio, Cause::Undo, &["TCON"], &[owner]);
        assert_eq!(last(audio), wrote(true));
        write(&store, audio, Cause::Undo, &["TCON"], &[second_mark, scan, mark]);
        assert_eq!(last(audio), LastWrite::Undone);
        let plain = write(&store, audio, Cause::Scan, &["TCON"], &[]);
        assert_eq!(last(audio), wrote(false));
        store.execute("UPDATE journal SET undone_by = 0 WHERE id = ?1", [plain.0]).unwrap();
        assert_eq!(last(audio), LastWrite::Undone, "too old to be taken back is no undo, but others were");
        assert_eq!(store.known(Path::new(PATH), Some(audio)).unwrap().within_a_day.len(), 4, "scans alone");
    }
}
