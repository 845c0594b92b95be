//! What was decided about a file, which no scan touches: a genre that the owner chose, or one of ours that was taken
//! back or out.
//!
//! A choice belongs to a path and to the audio there, and does not hold for another recording that takes the file's
//! place. That it goes with a file that is moved is [`super::moves`]', and that it is obeyed the tag policy's business.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::{AudioKey, Store, StoreError, path_bytes, unix_now};
use crate::tagging::{EntryId, Origin, OwnersChoice};

pub(super) fn word_of(origin: Origin) -> &'static str {
    match origin {
        Origin::Chosen => "chosen",
        Origin::TakenBack => "taken back",
        Origin::TakenOut => "taken out",
        Origin::HandedBack => "handed back",
    }
}

pub(super) fn origin_of(word: &str) -> Option<Origin> {
    use Origin::{Chosen, HandedBack, TakenBack, TakenOut};
    [Chosen, TakenBack, TakenOut, HandedBack].into_iter().find(|origin| word_of(*origin) == word)
}

impl Store {
    /// Remembers what the owner decided about a file that needs no write for it. A write remembers it by itself.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn choose(
        &self,
        path: &Path,
        audio: Option<AudioKey>,
        device: u64,
        choice: &OwnersChoice,
    ) -> Result<(), StoreError> {
        let (genres, audio) = (self.json(&choice.genres)?, audio.map(|audio| audio.0));
        let row = Row { audio, device: device as i64, genres };
        self.transact(self.durable(), |transaction| put(transaction, path_bytes(path), &row, word_of(choice.origin)))
    }

    /// Remembers that writes were found to be taken back already: there was nothing to write.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn note_undone(
        &self,
        path: &Path,
        audio: Option<AudioKey>,
        device: u64,
        genres: &[String],
        entries: &[EntryId],
    ) -> Result<(), StoreError> {
        let genres = self.json(&genres)?;
        let undoes = self.json(&entries.iter().map(|entry| entry.0).collect::<Vec<_>>())?;
        self.transact(self.durable(), |transaction| {
            transaction.execute(
                "UPDATE journal SET undone_by = id WHERE id IN (SELECT value FROM json_each(?1))",
                [&undoes],
            )?;
            let row = Row { audio: audio.map(|audio| audio.0), device: device as i64, genres };
            after_undo(transaction, path_bytes(path), row, &undoes)
        })
    }

    /// Forgets what was found out about a file: what was taken out of it stands again.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn forget_choice(&self, path: &Path) -> Result<(), StoreError> {
        self.transact(self.durable(), |transaction| {
            transaction.prepare_cached("DELETE FROM owner_choice WHERE path = ?1")?.execute([path_bytes(path)])?;
            Ok(())
        })
    }

    /// Lets scans decide about a file again, whatever became of what they wrote into it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn hand_back(&self, path: &Path, audio: Option<AudioKey>, device: u64) -> Result<(), StoreError> {
        self.choose(path, audio, device, &OwnersChoice { genres: Vec::new(), origin: Origin::HandedBack })
    }

    /// The owner's decision about the file at `path`, as it was last known; whether the same audio is still there is
    /// not asked.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn choice_as_known(&self, path: &Path) -> Result<Option<OwnersChoice>, StoreError> {
        let found = at(&self.reading(), path_bytes(path)).map_err(|e| self.error(e))?;
        found.map(|(_, genres, origin)| self.parse_choice(&genres, &origin)).transpose()
    }

    fn parse_choice(&self, genres: &str, origin: &str) -> Result<OwnersChoice, StoreError> {
        let malformed = || StoreError::Malformed { path: self.path.clone(), what: "owner's choice" };
        let origin = origin_of(origin).ok_or_else(malformed)?;
        Ok(OwnersChoice { genres: serde_json::from_str(genres).map_err(|_| malformed())?, origin })
    }

    /// The owner's decision about the file at `path` with this audio. One that was made for other audio does not hold.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn choice(&self, path: &Path, audio: Option<AudioKey>) -> Result<Option<OwnersChoice>, StoreError> {
        let here = at(&self.reading(), path_bytes(path)).map_err(|e| self.error(e))?;
        let here = here.filter(|(known, ..)| known.is_none() || *known == audio.map(|audio| audio.0));
        here.map(|(_, genres, origin)| self.parse_choice(&genres, &origin)).transpose()
    }
}

fn at(connection: &Connection, path: &[u8]) -> rusqlite::Result<Option<(Option<i64>, String, String)>> {
    connection
        .prepare_cached("SELECT audio, genres, origin FROM owner_choice WHERE path = ?1")?
        .query_row([path], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

/// What a row of the table holds besides the path and how it came about.
struct Row {
    audio: Option<i64>,
    device: i64,
    /// JSON.
    genres: String,
}

fn put(connection: &Connection, path: &[u8], row: &Row, origin: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO owner_choice (path, audio, device, genres, origin, chosen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![path, row.audio, row.device, row.genres, origin, unix_now()])?;
    look_again(connection, path)
}

/// What a scan settled before the owner decided is no answer any more, and what waited for the owner waits no longer.
fn look_again(connection: &Connection, path: &[u8]) -> rusqlite::Result<()> {
    const SQL: &str =
        "UPDATE track SET settled_by = NULL, status = iif(status = 'unsure', 'kept', status) WHERE path = ?1";
    connection.prepare_cached(SQL)?.execute([path])?;
    Ok(())
}

/// What a write that was committed means for the owner's choice, in the transaction that commits it.
pub(super) fn follow(connection: &Connection, journal: i64) -> rusqlite::Result<()> {
    type Entry = (Vec<u8>, Row, String, String);
    let (path, row, cause, undoes): Entry = connection
        .prepare_cached("SELECT path, audio, after_device, genre_after, cause, undoes FROM journal WHERE id = ?1")?
        .query_row([journal], |row| {
            let choice = Row { audio: row.get(1)?, device: row.get(2)?, genres: row.get(3)? };
            Ok((row.get(0)?, choice, row.get(4)?, row.get(5)?))
        })?;
    match cause.as_str() {
        r#""owner""# => put(connection, &path, &row, word_of(Origin::Chosen)),
        r#""undo""# => {
            const SQL: &str = "UPDATE journal SET undone_by = ?1 WHERE id IN (SELECT value FROM json_each(?2))";
            connection.prepare_cached(SQL)?.execute(params![journal, undoes])?;
            after_undo(connection, &path, row, &undoes)
        }
        r#""describe""# => Ok(()),
        // It was written because nobody had decided, or had handed it back: it counts again whether this write stays.
        _ => {
            const SQL: &str = "DELETE FROM owner_choice WHERE path = ?1 AND origin != 'chosen'";
            connection.prepare_cached(SQL)?.execute([&path])?;
            Ok(())
        }
    }
}

/// A genre of ours that was taken back must not come again by itself. An owner's choice that was taken back gives way
/// to the one before it, if there was one. What says nothing of a genre changes nothing.
fn after_undo(connection: &Connection, path: &[u8], row: Row, undoes: &str) -> rusqlite::Result<()> {
    type Oldest = (bool, Option<String>, Option<String>);
    const OF_GENRES: &str =
        "SELECT value FROM json_each(?1) WHERE value IN (SELECT id FROM journal WHERE cause != '\"describe\"')";
    let of_genres: Option<i64> = connection
        .prepare_cached(&format!("SELECT min(value) FROM ({OF_GENRES})"))?
        .query_row([undoes], |row| row.get(0))?;
    let Some(oldest) = of_genres else { return Ok(()) };
    let (by_a_scan, genres, origin): Oldest = connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM journal WHERE cause = '\"scan\"' AND id IN (SELECT value FROM json_each(?1))) > 0,
                    json_extract(choice_before, '$.genres'), json_extract(choice_before, '$.origin')
             FROM journal WHERE id = ?2",
        )?
        .query_row(params![undoes, oldest], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    match (by_a_scan, genres, origin) {
        (true, _, _) => put(connection, path, &row, word_of(Origin::TakenBack)),
        (false, Some(genres), Some(origin)) => put(connection, path, &Row { genres, ..row }, &origin),
        (false, _, _) => {
            connection.prepare_cached("DELETE FROM owner_choice WHERE path = ?1")?.execute([path])?;
            look_again(connection, path)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::audio::AudioId;
    use crate::store::tests::fresh;

    fn chosen(name: &str) -> OwnersChoice {
        OwnersChoice { genres: vec![name.to_owned()], origin: Origin::Chosen }
    }

    fn device(folder: &Path) -> u64 {
        std::os::unix::fs::MetadataExt::dev(&folder.metadata().unwrap())
    }

    #[test]
    fn a_choice_holds_for_its_path_and_audio_until_it_is_forgotten() {
        let (folder, store) = fresh();
        let path = folder.path().join("song.mp3");
        std::fs::write(&path, "x").unwrap();
        let [audio, other] = [1, 2].map(|n| store.audio(AudioId::from_bytes([n; 16])).unwrap());
        assert_eq!(store.choice(&path, Some(audio)).unwrap(), None);
        store.choose(&path, Some(audio), device(folder.path()), &chosen("Jazz")).unwrap();
        assert_eq!(store.choice(&path, Some(audio)).unwrap(), Some(chosen("Jazz")));
        assert_eq!(store.choice_as_known(&path).unwrap(), Some(chosen("Jazz")));
        assert_eq!(store.choice(&path, Some(other)).unwrap(), None, "another recording took its place");
        store.choose(&path, None, device(folder.path()), &chosen("Jazz")).unwrap();
        assert_eq!(store.choice(&path, None).unwrap(), Some(chosen("Jazz")));
        store.hand_back(&path, Some(audio), device(folder.path())).unwrap();
        let choice = store.choice(&path, Some(audio)).unwrap();
        assert_eq!(choice.map(|choice| choice.origin), Some(Origin::HandedBack));
        store.forget_choice(&path).unwrap();
        assert_eq!(store.choice(&path, Some(audio)).unwrap(), None);
    }
}
