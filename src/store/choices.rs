//! What the owner decided about a file, which no scan touches: a genre that was chosen, or one of ours that was taken back.
//!
//! A choice belongs to a path and to the audio there: it goes with a file that is moved, and ends when another recording takes
//! the file's place. That it is obeyed is the tag policy's business.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::tracks::is_gone;
use super::{AudioKey, Store, StoreError, path_bytes, path_from_bytes, unix_now};
use crate::tagging::{EntryId, Origin, OwnersChoice};

fn word_of(origin: Origin) -> &'static str {
    match origin {
        Origin::Chosen => "chosen",
        Origin::TakenBack => "taken back",
    }
}

fn origin_of(word: &str) -> Option<Origin> {
    [Origin::Chosen, Origin::TakenBack].into_iter().find(|origin| word_of(*origin) == word)
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
        self.transact(self.durable(), |transaction| {
            put(transaction, path_bytes(path), audio, device as i64, &genres, choice.origin)
        })
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
        self.transact(self.durable(), |transaction| {
            for entry in entries {
                transaction.execute("UPDATE journal SET undone_by = id WHERE id = ?1", [entry.0])?;
            }
            after_undo(transaction, path_bytes(path), audio.map(|audio| audio.0), device as i64, &genres)
        })
    }

    /// Lets scans decide about a file again. Says whether there was a choice.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn forget_choice(&self, path: &Path) -> Result<bool, StoreError> {
        self.transact(self.durable(), |transaction| {
            let forgotten = transaction.execute("DELETE FROM owner_choice WHERE path = ?1", [path_bytes(path)])?;
            look_again(transaction, path_bytes(path))?;
            Ok(forgotten > 0)
        })
    }

    /// The owner's decision about the file at `path`, as it was last known; whether the same audio is still there is not asked.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn choice_as_known(&self, path: &Path) -> Result<Option<OwnersChoice>, StoreError> {
        let found = at(&self.results(), path_bytes(path)).map_err(|e| self.error(e))?;
        found.map(|(_, genres, origin)| self.parse_choice(&genres, &origin)).transpose()
    }

    fn parse_choice(&self, genres: &str, origin: &str) -> Result<OwnersChoice, StoreError> {
        let malformed = || StoreError::Malformed { path: self.path.clone(), what: "owner's choice" };
        let origin = origin_of(origin).ok_or_else(malformed)?;
        Ok(OwnersChoice { genres: serde_json::from_str(genres).map_err(|_| malformed())?, origin })
    }

    /// The owner's decision about the file at `path` with this audio. One that was made under another path is taken along where
    /// that path is gone; one that was made for other audio holds no more.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn choice(&self, path: &Path, audio: Option<AudioKey>) -> Result<Option<OwnersChoice>, StoreError> {
        // Most files have none: a look first, so that a scan of many files does not take the write lock for each.
        let known: bool = {
            let connection = self.results();
            let mut statement = connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM owner_choice WHERE path = ?1 OR audio = ?2)")
                .map_err(|e| self.error(e))?;
            let values = params![path_bytes(path), audio.map(|audio| audio.0)];
            statement.query_row(values, |row| row.get(0)).map_err(|e| self.error(e))?
        };
        if !known {
            return Ok(None);
        }
        let found = self.transact(self.durable(), |transaction| {
            let row = at(transaction, path_bytes(path))?;
            match row {
                Some((known, genres, origin)) if known.is_none() || known == audio.map(|audio| audio.0) => {
                    return Ok(Some((genres, origin)));
                }
                Some(_) => {
                    transaction.execute("DELETE FROM owner_choice WHERE path = ?1", [path_bytes(path)])?;
                }
                None => {}
            }
            let Some(audio) = audio else { return Ok(None) };
            take_along(transaction, audio, path)?;
            Ok(at(transaction, path_bytes(path))?.map(|(_, genres, origin)| (genres, origin)))
        })?;
        found.map(|(genres, origin)| self.parse_choice(&genres, &origin)).transpose()
    }
}

type Row = (Option<i64>, String, String);

fn at(connection: &Connection, path: &[u8]) -> rusqlite::Result<Option<Row>> {
    connection
        .prepare_cached("SELECT audio, genres, origin FROM owner_choice WHERE path = ?1")?
        .query_row([path], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

/// Gives the choice of a vanished file with this audio the new path.
fn take_along(connection: &Connection, audio: AudioKey, path: &Path) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("SELECT path, device FROM owner_choice WHERE audio = ?1")?;
    let mut rows = statement.query([audio.0])?;
    while let Some(row) = rows.next()? {
        let old = path_from_bytes(row.get(0)?);
        if is_gone(&old, row.get::<_, i64>(1)? as u64) {
            return super::history::move_along(connection, &old, path);
        }
    }
    Ok(())
}

fn put(
    connection: &Connection,
    path: &[u8],
    audio: Option<i64>,
    device: i64,
    genres: &str,
    origin: Origin,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO owner_choice (path, audio, device, genres, origin, chosen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![path, audio, device, genres, word_of(origin), unix_now()])?;
    look_again(connection, path)
}

/// What a scan settled before the owner decided is no answer any more.
fn look_again(connection: &Connection, path: &[u8]) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE track SET settled_by = NULL WHERE path = ?1")?.execute([path])?;
    Ok(())
}

/// What a write that was committed means for the owner's choice, in the transaction that commits it.
pub(super) fn follow(connection: &Connection, journal: i64) -> rusqlite::Result<()> {
    type Entry = (Vec<u8>, Option<i64>, i64, String, String, String);
    let (path, audio, device, cause, genre_after, undoes): Entry = connection
        .prepare_cached("SELECT path, audio, after_device, cause, genre_after, undoes FROM journal WHERE id = ?1")?
        .query_row([journal], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })?;
    match cause.as_str() {
        r#""owner""# => put(connection, &path, audio, device, &genre_after, Origin::Chosen),
        r#""undo""# => {
            connection
                .prepare_cached("UPDATE journal SET undone_by = ?1 WHERE id IN (SELECT value FROM json_each(?2))")?
                .execute(params![journal, undoes])?;
            after_undo(connection, &path, audio, device, &genre_after)
        }
        _ => Ok(()),
    }
}

/// A genre of ours that was taken back once must not come again by itself; an owner's choice that was taken back is none.
fn after_undo(
    connection: &Connection,
    path: &[u8],
    audio: Option<i64>,
    device: i64,
    genres: &str,
) -> rusqlite::Result<()> {
    let taken_back: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM journal WHERE path = ?1 AND cause = '\"scan\"' AND undone_by > 0)",
        )?
        .query_row([path], |row| row.get(0))?;
    if taken_back {
        return put(connection, path, audio, device, genres, Origin::TakenBack);
    }
    connection.prepare_cached("DELETE FROM owner_choice WHERE path = ?1")?.execute([path])?;
    look_again(connection, path)
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
        assert_eq!(
            store.choice(&folder.path().join("copy.mp3"), Some(audio)).unwrap(),
            None,
            "the file is still there"
        );
        assert_eq!(store.choice(&path, Some(other)).unwrap(), None, "another recording took its place");
        store.choose(&path, None, device(folder.path()), &chosen("Jazz")).unwrap();
        assert_eq!(store.choice(&path, None).unwrap(), Some(chosen("Jazz")));
        assert!(store.forget_choice(&path).unwrap() && !store.forget_choice(&path).unwrap());
        assert_eq!(store.choice(&path, None).unwrap(), None);
    }

    #[test]
    fn a_choice_goes_with_a_file_that_was_moved_but_not_with_one_whose_disk_is_not_mounted() {
        let (folder, store) = fresh();
        let [gone, unmounted, new] = ["gone.mp3", "unmounted.mp3", "new.mp3"].map(|name| folder.path().join(name));
        let [moved, away] = [1, 2].map(|n| store.audio(AudioId::from_bytes([n; 16])).unwrap());
        store.choose(&gone, Some(moved), device(folder.path()), &chosen("Jazz")).unwrap();
        store.choose(&unmounted, Some(away), device(folder.path()) + 1, &chosen("Blues")).unwrap();
        assert_eq!(store.choice(&new, Some(away)).unwrap(), None);
        assert_eq!(store.choice(&new, Some(moved)).unwrap(), Some(chosen("Jazz")));
        assert_eq!(store.choice_as_known(&gone).unwrap(), None);
    }
}
